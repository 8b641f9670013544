package screen_test

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"serin/internal/ui/screen"
)

// find is the first cell of a text on a frame.
func find(t *testing.T, s screen.State, text string) (x, y int) {
	t.Helper()
	for y, line := range strings.Split(ansi.Strip(screen.Draw(s, nil)), "\n") {
		if before, _, found := strings.Cut(line, text); found {
			return ansi.StringWidth(before), y
		}
	}
	t.Fatalf("%q is not on the screen", text)
	return 0, 0
}

func TestWhatIsDrawnIsFound(t *testing.T) {
	all := pages()
	for name, want := range map[string]struct {
		page, text string
		hit        screen.Hit
	}{
		"a service":          {"overview", "yelb-redisserver", screen.Hit{Service: "yelb-redisserver"}},
		"a filtered service": {"filter", "yelb-ui", screen.Hit{Service: "yelb-ui"}},
		"below the banners":  {"frozen", "yelb-db", screen.Hit{Service: "yelb-db"}},
		"a key":              {"overview", "roll back", screen.Hit{Key: "r"}},
		"a key further down": {"overview", "leave", screen.Hit{Key: "q"}},
		"help":               {"overview", "? help", screen.Hit{Key: "?"}},
		"a rollout":          {"history", "✔ succeeded", screen.Hit{Past: 3}},
		"the safe answer":    {"dialog", "do nothing", screen.Hit{Key: "esc"}},
		"the dangerous one":  {"dialog", "y roll back", screen.Hit{Key: "y"}},
		"below a dialog":     {"dialog", "HOLDING", screen.Hit{}},
		"a key under it":     {"dialog", "d deploy", screen.Hit{}},
		"nothing":            {"overview", "HOLDING", screen.Hit{}},
	} {
		for _, size := range sizes {
			s := all[want.page]
			s.Width, s.Height = size[0], size[1]
			x, y := find(t, s, want.text)
			if got := screen.At(s, x, y); got != want.hit {
				t.Errorf("%s at %v: under %q is %+v, want %+v", name, size, want.text, got, want.hit)
			}
		}
	}
}

func TestTheSelectedServiceIsAlwaysInSight(t *testing.T) {
	s := consoleOf(examples()[screen.Holding], screen.Overview)
	service := s.Scene.Services[3]
	for i := range 60 {
		more := service
		more.Name = "extra-" + strings.Repeat("i", i%7) + string(rune('a'+i%26)) + string(rune('a'+i/26))
		s.Scene.Services = append(s.Scene.Services, more)
	}
	for _, service := range s.Scene.Services {
		s.Selected = service.Name
		for _, size := range sizes {
			s.Width, s.Height = size[0], size[1]
			x, y := find(t, s, "▌"+service.Name)
			if got := screen.At(s, x, y); got.Service != service.Name {
				t.Fatalf("at %v, on %s is %+v", size, service.Name, got)
			}
		}
	}
}
