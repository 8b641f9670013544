package ui

import (
	"testing"
	"testing/synctest"
	"time"
)

// What a key changes is seen at once, after however long nothing was, and while frame
// comes after frame.
func TestAFrameIsWrittenSoonAfterItIsDrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := begin(t, hostOf(idle("yelb-ui")))
		defer s.end()
		for _, one := range []struct {
			pause time.Duration
			key   string
		}{{10 * time.Second, "/"}, {60 * time.Millisecond, "y"}, {60 * time.Millisecond, "e"}, {60 * time.Millisecond, "l"}, {time.Second, "b"}} {
			time.Sleep(one.pause)
			before := s.out.length()
			s.press(t, one.key)
			time.Sleep(often + 5*time.Millisecond)
			synctest.Wait()
			if s.out.length() == before {
				t.Errorf("after %s nothing was written within %s of %s", one.pause, often, one.key)
			}
		}
	})
}

// While nothing changes the program is woken seldom.
func TestNoFrameIsLookedForOftenWhileNoneComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ticker := time.NewTicker(time.Hour)
		defer ticker.Stop()
		p := &pace{ticker: ticker}
		defer p.end()
		p.drawn()
		count := 0
		for end := time.After(settling + 4*seldom + seldom/2); ; {
			select {
			case <-ticker.C:
				count++
				continue
			case <-end:
			}
			break
		}
		if most := int(settling/often) + 5; count < 2 || count > most {
			t.Errorf("it was looked for a frame %d times, want 2 to %d", count, most)
		}
	})
}
