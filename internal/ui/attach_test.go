package ui

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"serin/internal/ui/screen"
)

// connecting is a host that is not there yet.
func connecting() *host {
	h := hostOf()
	h.now.Connecting = "connecting to AWS in us-west-2"
	return h
}

// Before the console is attached every key acts on the console alone, or says why not.
func TestKeysBeforeTheConsoleIsAttached(t *testing.T) {
	act := map[string]bool{
		"esc": false, "up": true, "down": true, "pgup": true, "pgdown": true, "g": true, "G": true,
		"o": true, "m": true, "?": true, "q": true, "ctrl+z": true,
	}
	r := newRig(t, connecting())
	for _, b := range r.m.bindings {
		why := b.refusal(r.m)
		if acts := act[b.names[0]]; acts != (why == "") {
			t.Errorf("%s: refused with %q, acts: %v", b.names[0], why, acts)
		}
	}
	for _, name := range []string{"r", "p", "d", "h", "f", "enter"} {
		r.press(name)
		if notice := r.m.notice; notice.Level != screen.Warning || !strings.Contains(notice.Text, "connecting to AWS") {
			t.Errorf("%s says %q", name, notice.Text)
		}
	}
	if frame := r.m.View().Content; !strings.Contains(frame, "connecting to AWS in us-west-2 …") {
		t.Errorf("it does not say what it waits for:\n%s", frame)
	}
	if posts := r.host.kinds(); len(posts) > 0 {
		t.Errorf("asked %v", posts)
	}
	r.press("q")
	if r.m.leaving != Idle {
		t.Errorf("left as %q", r.m.leaving)
	}
}

// The first frame does not wait for the time between two frames, and is followed by the
// services when they are there.
func TestTheFirstFrameComesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := connecting()
		s := begin(t, h)
		time.Sleep(2 * firstFrames)
		synctest.Wait()
		if !strings.Contains(s.out.text(), "connecting to AWS") {
			t.Errorf("nothing is drawn yet: %q", s.out.text())
		}
		time.Sleep(time.Second)
		h.mu.Lock()
		h.now.Connecting = ""
		h.mu.Unlock()
		h.show(idle("yelb-ui"))
		time.Sleep(time.Second)
		if !strings.Contains(s.out.text(), "yelb-ui") {
			t.Error("the services are not drawn")
		}
		s.press(t, "q")
		s.end()
	})
}
