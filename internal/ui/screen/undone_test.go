package screen_test

import (
	"testing"

	"serin/internal/ui/scene"
	"serin/internal/ui/screen"
)

// What was to be done and was not is no reading that failed, and begins with why.
func TestWhatWasNotDoneIsSaidInWordsOfItsOwn(t *testing.T) {
	s := consoleOf(examples()[screen.Holding], screen.Overview)
	s.Width, s.Height = 200, 60
	s.Scene.Faults = map[string]scene.Fault{"asking yelb-appserver": {
		Message: "disk on fire: the rollout of yelb-appserver, which nobody drives, could not be taken over for the roll back",
		Since:   s.Now, Undone: true,
	}}
	find(t, s, "! disk on fire: the rollout of yelb-appserver, which nobody drives, could not be taken over for the roll back (asking yelb-appserver, since ")
}
