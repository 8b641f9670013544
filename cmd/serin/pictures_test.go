package main

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"serin/internal/console"
	"serin/internal/engine"
	"serin/internal/journal"
	"serin/internal/sandbox"
	"serin/internal/ui/guide"
	"serin/internal/ui/picture"
	uiscene "serin/internal/ui/scene"
)

// The size of the pictures, in cells.
const pictureColumns, pictureRows = 120, 36

// pictureHold is how long a step of the tour holds while its pictures are taken, in
// seconds: the charts shall have something to show.
const pictureHold = 20

// moment is what a picture is taken of.
type moment struct {
	file, title string
	// so tells whether it is now; words are on the frame then.
	so    func(*uiscene.Rollout) bool
	words string
}

func moments() []moment {
	return []moment{
		{
			"console.svg", "Serin's console: a canary holds a part of the traffic, and does as well as the stable version",
			func(rollout *uiscene.Rollout) bool { return isHeldFor(rollout, 3, pictureHold*0.6) },
			"HOLDING",
		},
		{
			"rollback.svg", "Serin's console: a verdict has failed, and the canary was rolled back",
			func(rollout *uiscene.Rollout) bool { return rollout.Rollout.Outcome == engine.RolledBack },
			"ROLLED BACK",
		},
	}
}

// isHeldFor: the canary has had so many weights, and the last one for so many seconds.
func isHeldFor(rollout *uiscene.Rollout, weights int, seconds float64) bool {
	marks := rollout.Marks
	return len(marks) >= weights && rollout.Rollout.Phase == engine.Holding && time.Since(marks[len(marks)-1].At).Seconds() >= seconds
}

// studio is the tour, with a camera before the console.
type studio struct {
	*session
	frames *engine.Latest[string]
	// taken is closed when the first picture was taken.
	taken chan struct{}
}

func openStudio(t *testing.T, region *sandbox.Sandbox, flags *demoFlags) *studio {
	t.Helper()
	p := &program{out: io.Discard, err: io.Discard, lookup: func(string) (string, bool) { return "", false }}
	there, err := connect(t.Context(), accountFlags{region: region.Region()}, region.Endpoint())
	if err != nil {
		t.Fatal(err)
	}
	log, err := journal.Open(t.Context(), filepath.Join(t.TempDir(), "journal.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	told := newNarrator()
	options := there.hostOptions(p, region.Environment(), log, told)
	options.Page, options.Settings = region.Page(), flags.settings()
	// Who takes the pictures, and where, is nobody's concern.
	options.Driver.Place = "kim@laptop" + placeOfProcess + "4711"
	options.Actor = engine.Driver{Actor: options.Driver.Actor, Place: "kim@laptop"}.String()
	s := &studio{frames: engine.NewLatest[string](), taken: make(chan struct{})}
	s.session = newSession(p, viewFlags{noMotion: true}, "rollback", nil, told).on(console.New(options))
	s.shows.Host = pacing{s.host, flags}
	s.shows.Width, s.shows.Height, s.shows.Drawn = pictureColumns, pictureRows, s.frames.Put
	return s
}

// play plays the tour until ctx ends. The first promotion waits until its hold is almost
// over; the second one for the first picture, which is of the list and the rollout.
func (s *studio) play(ctx context.Context, keys io.Writer) {
	player := guide.Player{
		Host: s.host, Between: 400 * time.Millisecond, Again: 3 * time.Second, Limit: 4 * time.Minute,
		Press: func(key string) error {
			if key == "p" {
				s.await(ctx, func(rollout *uiscene.Rollout) bool { return isHeldFor(rollout, 1, pictureHold*0.8) }, "HOLDING")
			}
			if key == "P" {
				if _, err := io.WriteString(keys, "\x1b"); err != nil {
					return err
				}
				select {
				case <-s.taken:
				case <-ctx.Done():
				}
			}
			_, err := io.WriteString(keys, key)
			return err
		},
	}
	// How far the tour got is seen in the pictures.
	_, _ = player.Play(ctx)
}

// await is the first frame with words on it for which something is so of the demo's
// rollout; empty when ctx ends before.
func (s *studio) await(ctx context.Context, so func(*uiscene.Rollout) bool, words string) string {
	for {
		shown, _ := s.host.Scene()
		frame, changed := s.frames.Get()
		if strings.Contains(frame, words) && slices.ContainsFunc(shown.Services, func(service uiscene.Service) bool {
			return service.Name == guide.Service && service.Rollout != nil && so(service.Rollout)
		}) {
			return frame
		}
		select {
		case <-ctx.Done():
			return ""
		case <-changed:
		}
	}
}

// TestPictures takes the pictures of docs/pictures, of the tour.
func TestPictures(t *testing.T) {
	if os.Getenv("SERIN_PICTURES") == "" {
		t.Skip("SERIN_PICTURES is not set: make pictures sets it, because it writes into docs")
	}
	// Colours, though nothing of this is a terminal.
	for name, value := range map[string]string{"TERM": "xterm-256color", "COLORTERM": "truecolor", "CLICOLOR_FORCE": "1", "NO_COLOR": ""} {
		t.Setenv(name, value)
	}
	ctx, stop := context.WithTimeout(t.Context(), 6*time.Minute)
	defer stop()
	flags := demoFlags{rate: sandbox.Defaults().Rate, set: []string{"WaitTime=20"}}
	region, err := sandbox.Start(ctx, flags.sandbox())
	if err != nil {
		t.Fatal(err)
	}
	defer region.Close()
	s := openStudio(t, region, &flags)
	keys, press := io.Pipe()
	s.shows.Input = keys
	shown, hide := context.WithCancel(ctx)
	played, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- s.run(ctx, shown) }()
	go func() {
		defer close(played)
		s.play(shown, press)
	}()
	for i, moment := range moments() {
		take(t, moment, s.await(ctx, moment.so, moment.words))
		if i == 0 {
			close(s.taken)
		}
	}
	hide()
	_ = press.Close() // never fails
	<-played
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// take writes the picture of a moment.
func take(t *testing.T, of moment, frame string) {
	t.Helper()
	svg, err := picture.SVG(frame, of.title, pictureColumns, pictureRows)
	if err == nil && frame == "" {
		err = errors.New("it did not happen")
	}
	if err == nil {
		err = os.WriteFile(filepath.Join("..", "..", "docs", "pictures", of.file), []byte(svg), 0o644)
	}
	if err != nil {
		t.Errorf("%s: %v", of.file, err)
	}
}

// README shows the pictures, the first one before anything else but a sentence, and they
// are of the console as it is: of that size, with the words that are on it.
func TestReadmeOpensWithAPicture(t *testing.T) {
	root := filepath.Join("..", "..")
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	images := regexp.MustCompile(`!\[[^\]]+\]\((docs/pictures/[a-z]+\.svg)\)`).FindAllSubmatchIndex(readme, -1)
	if len(images) == 0 || strings.Count(string(readme[:images[0][0]]), "\n\n") > 2 {
		t.Fatalf("README opens with %q", readme[:min(len(readme), 400)])
	}
	empty, err := picture.SVG("", "", pictureColumns, pictureRows)
	if err != nil {
		t.Fatal(err)
	}
	opening, _, _ := strings.Cut(empty, "\n")
	for _, image := range images {
		path := string(readme[image[2]:image[3]])
		svg, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Error(err)
			continue
		}
		if !strings.HasPrefix(string(svg), opening+"\n") {
			t.Errorf("%s is not of the present size: run make pictures", path)
		}
		text := textOf(t, svg)
		if others := strings.ReplaceAll(text, "kim@laptop", ""); strings.Contains(others, "@") {
			t.Errorf("%s tells of another user than kim: run make pictures", path)
		}
		for _, words := range []string{
			"serin", "ecs-blogpost", "? help", "stable", "canary", "verdict", "driver", "kim@laptop", "2xx in", "events", "roll back",
		} {
			if !strings.Contains(text, words) {
				t.Errorf("there is no %q in %s: run make pictures", words, path)
			}
		}
	}
}

// textOf is what can be read in a picture.
func textOf(t *testing.T, svg []byte) string {
	t.Helper()
	var b strings.Builder
	decoder := xml.NewDecoder(strings.NewReader(string(svg)))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return b.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		if text, is := token.(xml.CharData); is {
			b.Write(text)
		}
	}
}
