package screen

import (
	"bytes"
	"strings"
	"time"

	"serin/internal/engine"
	"serin/internal/headless"
	"serin/internal/ui/chart"
	"serin/internal/ui/scene"
)

// cacheLimit is how many charts and tales are kept. A console shows two charts and one
// tale at a time; more are of services that were looked at before.
const cacheLimit = 32

// Cache keeps what was drawn before: the charts, and the words of events. One belongs to
// one console; it is not safe for concurrent use. Nil draws everything anew.
type Cache struct {
	charts map[string]*chart.Cache
	tales  map[string]*tale
}

// NewCache is an empty one.
func NewCache() *Cache {
	return &Cache{charts: map[string]*chart.Cache{}, tales: map[string]*tale{}}
}

// chart is the cache of the chart with a name.
func (c *Cache) chart(name string) *chart.Cache {
	if c.charts[name] == nil {
		if len(c.charts) >= cacheLimit {
			clear(c.charts)
		}
		c.charts[name] = &chart.Cache{}
	}
	return c.charts[name]
}

// told is a rollout's events in words, oldest first.
func (c *Cache) told(rollout *scene.Rollout) []telling {
	id := rollout.Rollout.ID
	known := c.tales[id]
	if known == nil || !known.continues(rollout.Events) {
		if len(c.tales) >= cacheLimit {
			clear(c.tales)
		}
		known = newTale()
		c.tales[id] = known
	}
	known.follow(rollout.Events)
	return known.lines
}

// telling is one line about an event. The lines of one event follow each other; the
// first one has the time.
type telling struct {
	at    time.Time
	first bool
	kind  engine.EventKind
	// brief is the text without what only a log needs.
	text, brief string
}

// tale is the events of a rollout in the words that a build log has for them.
type tale struct {
	seen    int64
	last    engine.Event
	rollout engine.Rollout
	out     bytes.Buffer
	printer *headless.Text
	lines   []telling
}

func newTale() *tale {
	t := &tale{}
	t.printer = headless.NewText(&t.out, false)
	return t
}

// continues tells whether the events that were told are the first of these.
func (t *tale) continues(events []engine.Event) bool {
	return t.seen <= int64(len(events)) && (t.seen == 0 || t.told(events[t.seen-1]))
}

// told tells whether an event is the last one that was told.
func (t *tale) told(event engine.Event) bool {
	return event.Seq == t.last.Seq && event.At.Equal(t.last.At) && event.Actor == t.last.Actor
}

// follow tells the events that were not told yet.
func (t *tale) follow(events []engine.Event) {
	for _, event := range events[t.seen:] {
		t.seen, t.last = t.seen+1, event
		if event.Body == nil {
			continue
		}
		t.rollout.Apply(event)
		t.out.Reset()
		t.printer.Event(event, &t.rollout)
		t.tell(event)
	}
}

// tell takes over the lines that the printer wrote, without their times.
func (t *tale) tell(event engine.Event) {
	first := true
	for line := range strings.Lines(t.out.String()) {
		_, words, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		words = clean(words)
		t.lines = append(t.lines, telling{at: event.At, first: first, kind: event.Body.Kind(), text: words, brief: withoutARNs(words)})
		first = false
	}
}
