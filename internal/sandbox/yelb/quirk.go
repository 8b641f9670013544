package yelb

import (
	"net/http"
	"sync"
	"time"
)

const (
	// failuresPerHundred is how many of a hundred requests :flaky fails.
	failuresPerHundred = 5
	// slowest and quickest bound the time that :slow takes.
	quickest = 300 * time.Millisecond
	slowest  = 600 * time.Millisecond
)

// exceptHostname leaves the path of the health checks as it is, so that only traffic
// can tell that the version misbehaves.
func exceptHostname(api, quirky http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == hostnamePath {
			api.ServeHTTP(w, r)
			return
		}
		quirky.ServeHTTP(w, r)
	})
}

// failsSometimes fails a request now and then.
func failsSometimes(api http.Handler, random func(n int) int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if random(100) < failuresPerHundred {
			http.Error(w, "undefined method `count' for nil", http.StatusInternalServerError)
			return
		}
		api.ServeHTTP(w, r)
	})
}

// breaksLater fails every request from some time after the first one on.
func breaksLater(api http.Handler, _ func(n int) int) http.Handler {
	var once sync.Once
	var breaks time.Time
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		once.Do(func() { breaks = time.Now().Add(lateAfter) })
		if !time.Now().Before(breaks) {
			http.Error(w, "no more connections in the pool", http.StatusInternalServerError)
			return
		}
		api.ServeHTTP(w, r)
	})
}

// takesItsTime delays every request.
func takesItsTime(api http.Handler, random func(n int) int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		spread := int((slowest - quickest) / time.Millisecond)
		timer := time.NewTimer(quickest + time.Duration(random(spread+1))*time.Millisecond)
		defer timer.Stop()
		select {
		case <-r.Context().Done():
		case <-timer.C:
			api.ServeHTTP(w, r)
		}
	})
}
