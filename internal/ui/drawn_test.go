package ui

import (
	"context"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"serin/internal/engine"
)

// Without a terminal the console has the size that it is given, and tells its frames.
func TestDrawnIsToldFramesOfTheGivenSize(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	var frames []string
	_, err := Run(ctx, Options{
		Host: hostOf(rolling("yelb-appserver", engine.Holding)), Output: &tape{}, Width: 100, Height: 32,
		Environment: []string{"TERM=xterm-256color"},
		Drawn: func(frame string) {
			frames = append(frames, frame)
			if strings.Contains(frame, "yelb-appserver") {
				leave()
			}
		},
	})
	if err != nil || len(frames) == 0 {
		t.Fatalf("%d frames, %v", len(frames), err)
	}
	for _, frame := range frames {
		lines := strings.Split(frame, "\n")
		if len(lines) != 32 {
			t.Errorf("a frame has %d rows", len(lines))
		}
		for _, line := range lines {
			if width := ansi.StringWidth(line); width > 100 {
				t.Errorf("a row is %d wide: %q", width, line)
			}
		}
	}
}
