package console

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"serin/internal/engine"
)

const (
	// journalEvery is how often the journal is looked at, which is a file of this machine.
	journalEvery = time.Second
	// newest is how many rollouts are looked at each time; allEvery is after how many times
	// all are, for one that has been open for very long.
	newest   = 32
	allEvery = 60
)

// followJournal follows the open rollouts of the journal until ctx ends.
func (h *Host) followJournal(ctx context.Context) {
	failures := 0
	for turn := 0; ; turn++ {
		limit := newest
		if turn%allEvery == 0 {
			limit = 0
		}
		err := h.lookIntoJournal(ctx, limit)
		if ctx.Err() != nil {
			return
		}
		pause := journalEvery
		said := ""
		if err != nil {
			failures++
			pause, said = retryAfter(failures), err.Error()
			turn = -1 // what was missed may be old
		} else {
			failures = 0
		}
		h.change(func() bool {
			news := said != h.journalFault || err == nil && !h.journalRead
			h.journalFault, h.journalRead = said, h.journalRead || err == nil
			return news
		})
		if !rest(ctx, pause, nil) {
			return
		}
	}
}

// lookIntoJournal follows every open rollout that somebody else drives, and those that
// were open when it last looked.
func (h *Host) lookIntoJournal(ctx context.Context, limit int) error {
	headers, err := h.Journal.Rollouts(ctx, h.Where, limit)
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, header := range headers {
		there[header.ID] = true
		if h.isToFollow(header) {
			err = errors.Join(err, h.follow(ctx, header))
		}
	}
	for _, open := range h.openTracks() {
		if there[open.id] {
			continue
		}
		header, lost := h.Journal.Current(ctx, open.key)
		if errors.Is(lost, engine.ErrNoRollout) || lost == nil && header.ID != open.id {
			header = engine.Header{ID: open.id, Key: open.key, LastSeq: open.lastSeq() + 1}
		} else if lost != nil {
			err = errors.Join(err, lost)
			continue
		}
		err = errors.Join(err, h.follow(ctx, header))
	}
	return err
}

// isToFollow tells whether a rollout is not this process's own, and is open or was.
func (h *Host) isToFollow(header engine.Header) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.tracks[header.Key.Service]
	switch {
	case t == nil || t.id != header.ID:
		return header.Open && (t == nil || t.drive == nil)
	case t.drive != nil:
		return false
	}
	return header.Open || t.rollout.Outcome == ""
}

// openTracks are copies of those that others drive, as far as they are known.
func (h *Host) openTracks() []track {
	h.mu.Lock()
	defer h.mu.Unlock()
	var open []track
	for _, t := range h.tracks {
		if t.drive == nil && t.rollout.Outcome == "" {
			open = append(open, *t)
		}
	}
	return open
}

// follow reads what is new of a rollout.
func (h *Host) follow(ctx context.Context, header engine.Header) error {
	service := header.Key.Service
	known := h.known(service, header.ID)
	var events []engine.Event
	if header.LastSeq > int64(len(known)) {
		read, err := h.Journal.Events(ctx, header.ID, int64(len(known)))
		if err != nil {
			return err
		}
		events = read
	}
	all := append(slices.Clip(known), events...)
	if len(all) == 0 {
		return fmt.Errorf("%w: %s has no events", engine.ErrNoRollout, header.ID)
	}
	var rollout *engine.Rollout
	if len(events) > 0 {
		rollout = engine.Fold(all)
	}
	h.change(func() bool { return h.takeFollowed(header, events, rollout) })
	return nil
}

// known are the events that are known of a rollout.
func (h *Host) known(service, id string) []engine.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t := h.tracks[service]; t != nil && t.id == id && !t.again {
		return t.events
	}
	return nil
}

// takeFollowed takes in what was read of a rollout that others drive; rollout is nil when
// it has no new events.
func (h *Host) takeFollowed(header engine.Header, events []engine.Event, rollout *engine.Rollout) bool {
	service := header.Key.Service
	t := h.tracks[service]
	switch {
	case t != nil && t.drive != nil: // This process began to drive meanwhile.
		return false
	case t == nil || t.id != header.ID:
		if rollout == nil {
			return false
		}
		t = &track{id: header.ID, key: header.Key, rollout: rollout}
		h.begin(service, t)
	}
	if t.again && (rollout == nil || events[0].Seq != 1) {
		return false
	}
	now := h.Now()
	news := rollout != nil
	if rollout != nil {
		if t.again {
			t.again, t.events, t.marks = false, nil, nil
		}
		t.add(events...)
		t.rollout = rollout
	}
	t.at = now
	if header.Lease.Rollout != "" {
		news = t.takeLease(header.Lease, h.Gone, now) || news
	}
	news = h.takeCounted(t) || news
	// Not compared with what Gone said a moment ago: it may have said the same then.
	if counts := h.isCounted(t); counts != t.counts {
		t.counts = counts
		nudge(h.metricsWake)
	}
	if t.rollout.Outcome != "" {
		t.lost = false
		h.lookNow(service)
	}
	return news
}

// begin follows another rollout of a service from now on, whose responses are counted as
// it says.
func (h *Host) begin(service string, t *track) {
	h.tracks[service] = t
	// What was said of the one before.
	h.noteUndone(driving(service), nil)
	h.noteUndone(asking(service), nil)
	if w := h.services[service]; w != nil {
		spec, before := t.rollout.Spec, w.period()
		w.spec = &spec
		if w.period() != before {
			// Counts of periods of two lengths cannot stand beside each other.
			w.responses, w.asked = nil, map[string]time.Time{}
		}
		if spec.Namespace != "" {
			w.service.Namespace = spec.Namespace
		}
		w.metricsAt = time.Time{}
		nudge(h.metricsWake)
	}
	h.lookNow(service)
}

// lookNow has a service looked at now.
func (h *Host) lookNow(service string) {
	if w := h.services[service]; w != nil {
		nudge(w.wake)
		w.healthAt = time.Time{}
		nudge(h.healthWake)
	}
}
