package yelb_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"serin/internal/sandbox/ecs"
	"serin/internal/sandbox/pipenet"
	"serin/internal/sandbox/region"
	"serin/internal/sandbox/yelb"
)

const appserver, apiPort = "yelb-appserver", 4567

func TestAppserverAnswersAsTheOriginal(t *testing.T) {
	w := newTown(t, region.Loopback{})
	w.whole("yelb-appserver:fixed")
	for _, c := range []struct{ path, want string }{
		{"/api/hostname", "ip-10-0-0-1.us-west-2.compute.internal"},
		{"/api/pageviews", "1"},
		{"/api/getstats", `{"hostname":"ip-10-0-0-1.us-west-2.compute.internal","pageviews":2}`},
		{"/api/getvotes", `[{"name":"outback","value":0},{"name":"bucadibeppo","value":0},{"name":"ihop","value":0},{"name":"chipotle","value":0}]`},
		{"/api/outback", "1"},
		{"/api/outback", "2"},
		{"/api/bucadibeppo", "1"},
		{"/api/ihop", "1"},
		{"/api/chipotle", "1"},
		{"/api/getvotes", `[{"name":"outback","value":2},{"name":"bucadibeppo","value":1},{"name":"ihop","value":1},{"name":"chipotle","value":1}]`},
	} {
		got := w.get(appserver, apiPort, c.path)
		if got.status != http.StatusOK || strings.TrimSpace(got.text) != c.want {
			t.Errorf("%s: %d %q, want %q", c.path, got.status, got.text, c.want)
		}
		if origin := got.header.Get("Access-Control-Allow-Origin"); origin != "*" {
			t.Errorf("%s: CORS origin %q", c.path, origin)
		}
	}
	for _, path := range []string{"/", "/api", "/api/", "/api/mcdonalds", "/api/getvotes/"} {
		if got := w.get(appserver, apiPort, path); got.status != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", path, got.status)
		}
	}
	if got := w.send(http.MethodPost, appserver, apiPort, "/api/ihop"); got.status != http.StatusNotFound {
		t.Errorf("POST: %d, want 404", got.status)
	}
}

func TestThePlantedBugAddsTwoAVote(t *testing.T) {
	w := newTown(t, region.Loopback{})
	w.whole("yelb-appserver:planted")
	for _, want := range []string{"2", "4", "6"} {
		if got := w.get(appserver, apiPort, "/api/ihop"); got.text != want {
			t.Errorf("count %q, want %s", got.text, want)
		}
	}
}

func TestVotesAreSharedByAllDatabasesAndOutliveThem(t *testing.T) {
	w := newTown(t, region.Loopback{})
	w.whole("yelb-appserver:fixed")
	var voters sync.WaitGroup
	for range 8 {
		voters.Go(func() {
			for range 10 {
				if got, err := w.try(http.MethodGet, appserver, apiPort, "/api/chipotle"); err != nil || got.status != http.StatusOK {
					t.Errorf("%+v, %v", got, err)
				}
			}
		})
	}
	voters.Wait()
	old := w.homes["yelb-db"]
	w.start("yelb-db:2")
	old.Stop()
	if got := w.get(appserver, apiPort, "/api/chipotle"); got.text != "81" {
		t.Errorf("the new database counted %q, want 81", got.text)
	}
}

func TestPageViewsLiveWithTheirContainer(t *testing.T) {
	w := newTown(t, region.Loopback{})
	w.whole("yelb-appserver:fixed")
	w.get(appserver, apiPort, "/api/pageviews")
	w.start("yelb-redisserver:2")
	if got := w.get(appserver, apiPort, "/api/pageviews"); got.text != "1" {
		t.Errorf("views %q, want 1", got.text)
	}
}

func TestWithoutItsStoresTheAppserverSaysWhichIsMissing(t *testing.T) {
	w := newTown(t, region.Loopback{})
	w.start("yelb-appserver:fixed")
	check := func(path, store string) {
		t.Helper()
		got := w.get(appserver, apiPort, path)
		if got.status != http.StatusInternalServerError || !strings.Contains(got.text, store+" cannot be reached") {
			t.Errorf("%s: %d %q, want 500 that names %s", path, got.status, got.text, store)
		}
	}
	check("/api/getstats", "yelb-redisserver")
	check("/api/pageviews", "yelb-redisserver")
	check("/api/getvotes", "yelb-db")
	check("/api/ihop", "yelb-db")
	w.start("yelb-db:1")
	w.start("yelb-redisserver:1")
	for _, path := range []string{"/api/getstats", "/api/getvotes", "/api/ihop"} {
		if got := w.get(appserver, apiPort, path); got.status != http.StatusOK {
			t.Errorf("%s with its store: %d %q", path, got.status, got.text)
		}
	}
	w.homes["yelb-db"].Stop()
	w.homes["yelb-redisserver"].Stop()
	check("/api/getstats", "yelb-redisserver")
	check("/api/ihop", "yelb-db")
	if got := w.get(appserver, apiPort, "/api/hostname"); got.status != http.StatusOK {
		t.Errorf("hostname needs no store: %d", got.status)
	}
}

func TestTheNamespaceIsTheSearchDomain(t *testing.T) {
	w := newTown(t, region.Loopback{})
	w.startWith(ecs.Container{Image: "yelb-appserver:fixed", Environment: map[string]string{"SEARCH_DOMAIN": "blue.test"}})
	w.get(appserver, apiPort, "/api/getvotes")
	w.get(appserver, apiPort, "/api/pageviews")
	for _, want := range []string{"yelb-db.blue.test:5432", "yelb-redisserver.blue.test:6379"} {
		if !slices.Contains(w.dialed, want) {
			t.Errorf("dialled %v, want %s among them", w.dialed, want)
		}
	}
}

func TestFlakyFailsAboutOneInTwentyButNotItsHealthCheck(t *testing.T) {
	draw := 0
	var mu sync.Mutex
	w := newTown(t, region.Loopback{}, yelb.WithRandom(func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		draw++
		return draw % n
	}))
	w.whole("yelb-appserver:flaky")
	failed := 0
	for range 200 {
		if got := w.get(appserver, apiPort, "/api/getvotes"); got.status == http.StatusInternalServerError {
			failed++
		}
		if got := w.get(appserver, apiPort, "/api/hostname"); got.status != http.StatusOK {
			t.Fatalf("hostname: %d", got.status)
		}
	}
	if failed != 10 {
		t.Errorf("%d of 200 failed, want 10", failed)
	}
}

func TestLateBreaksEightSecondsAfterItsFirstTraffic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, pipenet.New())
		w.whole("yelb-appserver:late")
		status := func(path string) int {
			t.Helper()
			return w.get(appserver, apiPort, path).status
		}
		for range 60 {
			if got := status("/api/hostname"); got != http.StatusOK {
				t.Fatalf("hostname before any traffic: %d", got)
			}
			time.Sleep(time.Second)
		}
		for second := range 8 {
			if got := status("/api/getvotes"); got != http.StatusOK {
				t.Fatalf("getvotes after %d s: %d", second, got)
			}
			time.Sleep(time.Second)
		}
		for range 5 {
			if got := status("/api/getvotes"); got != http.StatusInternalServerError {
				t.Errorf("getvotes after 8 s: %d, want 500", got)
			}
			if got := status("/api/hostname"); got != http.StatusOK {
				t.Errorf("hostname after 8 s: %d, want 200", got)
			}
			time.Sleep(time.Minute)
		}
	})
}

func TestSlowTakesBetween300And600Milliseconds(t *testing.T) {
	for name, c := range map[string]struct {
		random func(n int) int
		want   time.Duration
	}{
		"quickest": {func(int) int { return 0 }, 300 * time.Millisecond},
		"slowest":  {func(n int) int { return n - 1 }, 600 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTown(t, pipenet.New(), yelb.WithRandom(c.random))
				w.whole("yelb-appserver:slow")
				start := time.Now()
				got := w.get(appserver, apiPort, "/api/getvotes")
				if took := time.Since(start); took != c.want || got.status != http.StatusOK {
					t.Errorf("%d after %v, want 200 after %v", got.status, took, c.want)
				}
				start = time.Now()
				w.get(appserver, apiPort, "/api/hostname")
				if took := time.Since(start); took != 0 {
					t.Errorf("hostname took %v, want none", took)
				}
			})
		})
	}
}
