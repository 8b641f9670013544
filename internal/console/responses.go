package console

import (
	"context"
	"maps"
	"slices"
	"time"

	"serin/internal/engine"
	"serin/internal/engine/analysis"
)

const (
	// remembered is how many periods of responses are kept, longest for how long at most.
	remembered = 1800
	longest    = 6 * time.Hour
	// again is how many periods are read again, since counts come late.
	again = 10
	// idle is how long the metrics rest when there is nothing to ask.
	idle = time.Minute
)

// theResponses is what is read of the metrics.
const theResponses = "the response counts"

// question is what the metrics are asked for one version of a service.
type question struct {
	service string
	query   engine.ResponseQuery
}

// keepResponses reads the responses of all services, each with the period of its
// metrics, in one call for all that are due.
func (h *Host) keepResponses(ctx context.Context) {
	for failures := 0; ; {
		questions, next := h.questions()
		if len(questions) > 0 {
			answers, err := h.ask(ctx, questions)
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				failures++
				next = h.Now().Add(retryAfter(failures))
				h.change(func() bool { return h.noteFault(theResponses, err) })
			default:
				failures = 0
				h.change(func() bool { return h.takeResponses(questions, answers) })
				continue
			}
		}
		wake := h.metricsWake
		if failures > 0 {
			wake = nil
		}
		if !rest(ctx, next.Sub(h.Now()), wake) {
			return
		}
	}
}

func (h *Host) ask(ctx context.Context, questions []question) ([]engine.Responses, error) {
	queries := make([]engine.ResponseQuery, len(questions))
	for i, asked := range questions {
		queries[i] = asked.query
	}
	return h.Ports.Metrics.Responses(ctx, queries)
}

// questions are those that are due, and when the next ones will be.
func (h *Host) questions() (due []question, next time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.Now()
	next = now.Add(idle)
	for _, name := range slices.Sorted(maps.Keys(h.services)) {
		w := h.services[name]
		if w.spec == nil || w.route.ReadAt.IsZero() || !w.service.Protocol.HasResponses() || h.isCounted(h.tracks[name]) {
			continue
		}
		if now.Before(w.metricsAt) {
			next = earlier(next, w.metricsAt)
			continue
		}
		shas := h.shas(name, w.route)
		for _, sha := range shas {
			due = append(due, question{name, w.query(sha, now)})
		}
		if len(shas) == 0 {
			w.metricsAt = now.Add(max(w.period(), time.Second))
			next = earlier(next, w.metricsAt)
		}
	}
	return due, next
}

// isCounted tells whether a driver reads the responses of a rollout's service: then they
// are in the journal, and any number of consoles asks the metrics nothing.
func (h *Host) isCounted(t *track) bool {
	return t != nil && t.rollout.Outcome == "" && (t.drive != nil || !h.isDriverless(t))
}

// takeCounted takes in what a driver has counted; it tells whether there was anything new
// in it.
func (h *Host) takeCounted(t *track) bool {
	w, counted := h.services[t.key.Service], t.counted
	if w == nil || !counted || w.spec == nil {
		return false
	}
	t.counted = false
	news := false
	for sha, buckets := range t.rollout.Responses {
		if merged, changed := merge(w.responses[sha], buckets, h.Now().Add(-w.kept())); changed {
			w.responses = with(w.responses, sha, merged)
			news = true
		}
	}
	return news
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// query asks for the responses of a version: those that are kept, and later only what
// may have changed.
func (w *watched) query(sha string, now time.Time) engine.ResponseQuery {
	period := w.period()
	from := now.Add(-w.kept())
	if last, asked := w.asked[sha]; asked {
		from = last.Add(-w.delay() - again*period)
	}
	return engine.ResponseQuery{
		Service: w.service, Sha: sha, Source: w.spec.Metric,
		From: from.Truncate(period), To: now.Add(period).Truncate(period), Period: period,
	}
}

// kept is for how long responses are remembered.
func (w *watched) kept() time.Duration { return min(remembered*w.period(), longest) }

// takeResponses takes answers in; it tells whether there was anything new in them.
func (h *Host) takeResponses(questions []question, answers []engine.Responses) bool {
	now := h.Now()
	news := h.noteFault(theResponses, nil)
	for i, asked := range questions {
		w, there := h.services[asked.service]
		if !there || i >= len(answers) {
			continue
		}
		w.metricsRead, w.metricsAt = now, now.Add(max(w.period(), time.Second))
		w.asked[asked.query.Sha] = now
		merged, changed := merge(w.responses[asked.query.Sha], answers[i].Buckets, now.Add(-w.kept()))
		if changed {
			w.responses = with(w.responses, asked.query.Sha, merged)
			news = true
		}
	}
	for name, w := range h.services {
		wanted := h.shas(name, w.route)
		if t := h.tracks[name]; t != nil {
			wanted = append(wanted, t.rollout.StableSha(), t.rollout.Canary.Sha)
		}
		news = w.forget(wanted) || news
	}
	return news
}

func with(responses map[string][]analysis.Bucket, sha string, buckets []analysis.Bucket) map[string][]analysis.Bucket {
	grown := maps.Clone(responses)
	if grown == nil {
		grown = map[string][]analysis.Bucket{}
	}
	grown[sha] = buckets
	return grown
}

// forget drops the responses of versions that are of no interest any more; it tells
// whether there were any.
func (w *watched) forget(wanted []string) bool {
	maps.DeleteFunc(w.asked, func(sha string, _ time.Time) bool { return !slices.Contains(wanted, sha) })
	gone := func(sha string) bool { return !slices.Contains(wanted, sha) }
	if !slices.ContainsFunc(slices.Collect(maps.Keys(w.responses)), gone) {
		return false
	}
	left := maps.Clone(w.responses)
	maps.DeleteFunc(left, func(sha string, _ []analysis.Bucket) bool { return gone(sha) })
	w.responses = left
	return true
}

// merge puts newer readings of buckets over older ones, without what began before a
// time; both are ascending. It tells whether anything changed but that something became
// too old. What known holds is not changed.
func merge(known, read []analysis.Bucket, from time.Time) (merged []analysis.Bucket, changed bool) {
	merged = make([]analysis.Bucket, 0, len(known)+len(read))
	for len(known) > 0 || len(read) > 0 {
		var next analysis.Bucket
		switch {
		case len(read) == 0, len(known) > 0 && known[0].Start.Before(read[0].Start):
			next, known = known[0], known[1:]
		case len(known) == 0, read[0].Start.Before(known[0].Start):
			next, read, changed = read[0], read[1:], true
		default:
			changed = changed || read[0].Counts != known[0].Counts
			next, known, read = read[0], known[1:], read[1:]
		}
		if !next.Start.Before(from) {
			merged = append(merged, next)
		}
	}
	return merged, changed
}
