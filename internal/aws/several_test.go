package aws

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// made makes so many requests, each of which takes a second and ends as fail has it, and
// returns how many were made, how many at a time, and what was told of each and when.
func made(t *testing.T, count int, fail func(at int) error) (requests, most int, told []string) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		began, now := time.Now(), 0
		var mu sync.Mutex
		several(count, func(err error) bool { return errors.Is(err, errOfAll) }, func(at int) error {
			mu.Lock()
			requests, now = requests+1, now+1
			most = max(most, now)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			defer mu.Unlock()
			now--
			return fail(at)
		}, func(at int, err error) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, fmt.Sprintf("%02d after %s: %v", at, time.Since(began), err))
		})
	})
	slices.Sort(told)
	return requests, most, told
}

func TestRequestsAreMadeSomeAtATime(t *testing.T) {
	requests, most, told := made(t, 20, func(at int) error {
		if at == 3 {
			return errOfOne
		}
		return nil
	})
	if requests != 20 || most != atOnce || len(told) != 20 || told[0] != "00 after 1s: <nil>" || told[3] != "03 after 1s: of one" || told[19] != "19 after 3s: <nil>" {
		t.Errorf("%d requests, %d at a time, %q", requests, most, told)
	}
	if requests, _, told := made(t, 0, nil); requests != 0 || len(told) != 0 {
		t.Errorf("%d requests, %q", requests, told)
	}
}

// What all meet is not asked for over and over; what only some meet is theirs.
func TestWhatAllRequestsMeetIsNotMultiplied(t *testing.T) {
	requests, _, told := made(t, 100, func(int) error { return errOfAll })
	if requests >= 2*atOnce || len(told) != 100 || told[0] != "00 after 1s: of all" || !strings.HasSuffix(told[99], "s: of all") {
		t.Errorf("%d requests, %q", requests, told)
	}
	for name, one := range map[string]error{"one succeeds": nil, "one is refused": errOfOne} {
		requests, _, _ := made(t, 100, func(at int) error {
			if at == 5 {
				return one
			}
			return errOfAll
		})
		if requests != 100 {
			t.Errorf("%s: %d requests", name, requests)
		}
	}
}
