package visitors_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"serin/internal/sandbox/pipenet"
	"serin/internal/sandbox/server"
	"serin/internal/sandbox/visitors"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// site is a page in a network of pipes that counts the requests for each path and the
// connections that were opened.
type site struct {
	address     string
	network     *pipenet.Network
	connections atomic.Int64

	mu    sync.Mutex
	paths map[string]int64
}

func newSite(t *testing.T, handler http.HandlerFunc) *site {
	t.Helper()
	s := &site{network: pipenet.New(), paths: map[string]int64{}}
	listener, err := s.network.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	web := server.HTTP(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.paths[r.URL.Path]++
		s.mu.Unlock()
		handler(w, r)
	}))
	t.Cleanup(web.Close)
	s.address = web.Address()
	return s
}

func (s *site) dial(ctx context.Context, address string) (net.Conn, error) {
	s.connections.Add(1)
	return s.network.Dial(ctx, address)
}

// visitors come to the site until the test ends.
func (s *site) visitors(t *testing.T, rate float64, options ...visitors.Option) *visitors.Visitors {
	t.Helper()
	v := visitors.New(s.address, rate, append(options, visitors.WithDial(s.dial))...)
	t.Cleanup(v.Stop)
	v.Start()
	return v
}

// passes lets time pass, and what is due in it happen.
func passes(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func ok(http.ResponseWriter, *http.Request) {}

func near(got, want, by int64) bool { return got >= want-by && got <= want+by }

func TestTheRateIsKeptAndCanBeSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, ok)
		v := s.visitors(t, 0)
		passes(time.Minute)
		if got := v.Counts().Requests; got != 0 {
			t.Errorf("%d requests at rate 0", got)
		}
		before := int64(0)
		for _, rate := range []float64{10, 0.5, 500, 0, 100} {
			v.SetRate(rate)
			passes(10 * time.Second)
			requests := v.Counts().Requests
			if got, want := requests-before, int64(10*rate); !near(got, want, 1+want/500) {
				t.Errorf("%d requests in ten seconds at rate %v, want %d", got, rate, want)
			}
			before = requests
		}
		v.SetRate(5000)
		passes(time.Second)
		if got := v.Counts().Requests - before; !near(got, 5000, 15) {
			t.Errorf("%d requests in a second at rate 5000", got)
		}
		if v.Rate() != 5000 || v.Counts().Missed != 0 {
			t.Errorf("rate %v, %d missed", v.Rate(), v.Counts().Missed)
		}
	})
}

func TestVisitorsBehaveLikePeople(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, ok)
		draw := 0
		v := s.visitors(t, 100, visitors.WithRandom(func(n int) int {
			draw++
			return draw % n
		}))
		passes(9999 * time.Millisecond)
		v.Stop()
		s.mu.Lock()
		defer s.mu.Unlock()
		want := map[string]int64{"/": 150, "/api/getstats": 400, "/api/getvotes": 350, "/api/outback": 30, "/api/bucadibeppo": 20, "/api/ihop": 30, "/api/chipotle": 20}
		for path, n := range want {
			if s.paths[path] != n {
				t.Errorf("%s: %d of 1000, want %d", path, s.paths[path], n)
			}
		}
		if len(s.paths) != len(want) {
			t.Errorf("paths: %v", s.paths)
		}
		if got := s.connections.Load(); got > 3 {
			t.Errorf("%d connections for a thousand requests, want them kept alive", got)
		}
	})
}

func TestAnswersErrorsAndHostnamesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		s := newSite(t, func(w http.ResponseWriter, _ *http.Request) {
			switch n.Add(1) % 4 {
			case 0:
				w.WriteHeader(http.StatusServiceUnavailable)
			case 1:
				_, _ = io.WriteString(w, `{"hostname":"a","pageviews":7}`)
			case 2:
				_, _ = io.WriteString(w, `{"hostname":"b","pageviews":8}`)
			default:
				panic(http.ErrAbortHandler)
			}
		})
		v := s.visitors(t, 10, visitors.WithRandom(func(int) int { return 20 }))
		passes(9999 * time.Millisecond)
		got := v.Counts()
		// A connection that breaks under a GET is tried once more by the client.
		if got.Requests != 100 || got.Requests != got.Errors+got.ByStatus[200]+got.ByStatus[503] {
			t.Errorf("%+v", got)
		}
		if got.ByStatus[503] == 0 || got.Hostnames["a"] == 0 || got.Hostnames["a"]+got.Hostnames["b"] != got.ByStatus[200] {
			t.Errorf("%+v", got)
		}
		got.ByStatus[200], got.Hostnames["a"] = -1, -1
		if again := v.Counts(); again.ByStatus[200] < 0 || again.Hostnames["a"] < 0 {
			t.Error("the counts are not a copy")
		}
	})
}

func TestNoAnswerIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := visitors.New("nowhere.test:1", 10, visitors.WithDial(pipenet.New().Dial))
		v.Start()
		defer v.Stop()
		passes(999 * time.Millisecond)
		if got := v.Counts(); got.Errors != 10 || got.Requests != 10 || !strings.Contains(got.LastError, "refused") {
			t.Errorf("%+v", got)
		}
	})
}

func TestRequestsUnderWayAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running, most atomic.Int64
		s := newSite(t, func(_ http.ResponseWriter, r *http.Request) {
			if now := running.Add(1); now > most.Load() {
				most.Store(now)
			}
			defer running.Add(-1)
			select {
			case <-r.Context().Done():
			case <-time.After(time.Second):
			}
		})
		v := s.visitors(t, 100, visitors.WithWorkers(4))
		passes(10500 * time.Millisecond)
		got := v.Counts()
		if most.Load() != 4 || !near(got.Requests, 40, 4) {
			t.Errorf("at most %d at once, %d requests; want 4 and 40", most.Load(), got.Requests)
		}
		if !near(got.Missed, 1050-48, 8) {
			t.Errorf("%d missed, want about 1002", got.Missed)
		}
	})
}

func TestStopBreaksOffAndWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		v := s.visitors(t, 10)
		v.Start()
		passes(3 * time.Second)
		start := time.Now()
		v.Stop()
		v.Stop()
		if took := time.Since(start); took != 0 {
			t.Errorf("Stop took %v", took)
		}
		if got := v.Counts(); got.Requests != 0 || got.Errors != 0 {
			t.Errorf("what Stop broke off was counted: %+v", got)
		}
		seen := func() int64 {
			s.mu.Lock()
			defer s.mu.Unlock()
			var n int64
			for _, of := range s.paths {
				n += of
			}
			return n
		}
		before := seen()
		passes(time.Minute)
		if got := seen(); got != before {
			t.Errorf("%d requests after Stop", got-before)
		}
		v.Start()
		passes(time.Second)
		if got := seen(); got == before {
			t.Error("no requests after the second start")
		}
	})
}
