package aws

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"

	"serin/internal/engine"
	"serin/internal/sandbox"
	"serin/internal/sandbox/wire"
)

// loser performs calls and throws the answer to the first call of some operations away,
// which is the worst that a network can do to a write.
type loser struct {
	mu    sync.Mutex
	lose  map[string]bool
	calls map[string]int
}

func newLoser(operations ...string) *loser {
	l := &loser{lose: make(map[string]bool), calls: make(map[string]int)}
	for _, operation := range operations {
		l.lose[operation] = true
	}
	return l
}

func (l *loser) around(call wire.Call, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		l.mu.Lock()
		l.calls[call.Operation]++
		lost := l.lose[call.Operation]
		delete(l.lose, call.Operation)
		l.mu.Unlock()
		if lost {
			next.ServeHTTP(httptest.NewRecorder(), request)
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(w, request)
	})
}

func (l *loser) count(operation string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls[operation]
}

func TestAWriteWhoseAnswerIsLostIsOneWrite(t *testing.T) {
	lost := newLoser("UpdateRoute", "CreateStack", "PutParameter")
	r := startRegion(t, sandbox.Options{Around: lost.around})
	before := r.route(t)
	stable := before.Targets[0].Sha

	r.set(t, engine.Split{Weights: weights(stable, 60), After: before.Revision, Token: "w"})
	revision, err := strconv.Atoi(before.Revision)
	if err != nil {
		t.Fatal(err)
	}
	if after := r.route(t); after.Revision != strconv.Itoa(revision+1) || after.Weight(stable) != 60 || lost.count("UpdateRoute") != 2 {
		t.Errorf("after %d calls the route is %+v", lost.count("UpdateRoute"), after)
	}

	id := r.create(t, r.canary(t, "9bd0417e", "fixed"), "c")
	if stack := r.stack(t, id, ""); stack.State == engine.StackAbsent || lost.count("CreateStack") != 2 {
		t.Errorf("after %d calls the stack is %+v", lost.count("CreateStack"), stack)
	}

	_, err = r.ports.Versions.Record(t.Context(), appserver(), "yelb-appserver:fixed")
	wantFault(t, err, engine.Transient)
	deployed, err := r.ports.Versions.Deployed(t.Context(), appserver())
	if err != nil || deployed.Number != 2 || deployed.Image != "yelb-appserver:fixed" || lost.count("PutParameter") != 1 {
		t.Errorf("after %d calls the record is %+v, %v", lost.count("PutParameter"), deployed, err)
	}
}
