package cloudwatch

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// Versions come and go for a day: the metrics of those that are gone make room, and
// those that still have data stay.
func TestSilentSeriesMakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(0)
		most := 0
		for version := range 5000 {
			for _, name := range []string{"stable", fmt.Sprint("canary-", version)} {
				s.Record(namespace, requests, node(name, "2"), time.Now(), 1)
			}
			most = max(most, len(s.store.all))
			time.Sleep(20 * time.Second)
		}
		if most > fewSeries+1 {
			t.Errorf("there were %d series at once", most)
		}
		if s.store.lookup(namespace, requests, node("stable", "2")) == nil {
			t.Error("a series that had data all the time is forgotten")
		}
		if s.store.lookup(namespace, requests, node("canary-4990", "2")) == nil {
			t.Error("a series that had data a moment ago is forgotten")
		}
	})
}
