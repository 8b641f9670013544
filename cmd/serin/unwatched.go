package main

import (
	"context"
	"time"

	"serin/internal/engine"
)

// soonEnough is how long letting go may take before it is worth a word.
const soonEnough = time.Second

// finish drives to their end what was not let go of, telling what happens unless it is
// over at once.
func (s *session) finish(ctx context.Context) {
	s.narrator.listen()
	since := time.Now()
	soon, cancel := context.WithTimeout(ctx, soonEnough)
	defer cancel()
	if s.host.Wait(soon) == nil {
		return
	}
	driven := s.host.Driving()
	s.narrator.speak(s.out)
	for _, service := range driven {
		s.narrator.remark("still driving " + service + "; interrupt to end it, twice to leave at once")
	}
	s.driveUnwatched(ctx, since)
	if err := s.narrator.hush(); err != nil {
		s.warn("not every event could be written to stdout: " + err.Error() + "; the journal has them all")
	}
}

// driveUnwatched waits until this process drives nothing, or until ctx ends; Close leaves
// what is driven then. What has come to wait for a person is let go of: nobody is here any
// more who could help it, and nobody else can while its lease is kept. A roll back is
// driven on until it has either ended or got stuck; since is when it began to be told.
func (s *session) driveUnwatched(ctx context.Context, since time.Time) {
	asked := map[pending]bool{}
	for {
		shown, changed := s.host.Scene()
		if len(s.host.Driving()) == 0 {
			return
		}
		for _, service := range shown.Services {
			if service.Rollout == nil || !service.Rollout.Mine {
				continue
			}
			r := service.Rollout.Rollout
			if why := s.abandons(r); why != "" && !asked[pendingOf(r)] {
				asked[pendingOf(r)] = true
				s.recall(r, since)
				s.letGo(service.Name, why)
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// pending is a state of a rollout that it is let go of in, once.
type pending struct {
	rollout string
	stuckAt time.Time
}

func pendingOf(r *engine.Rollout) pending {
	if r.Stuck == nil {
		return pending{rollout: r.ID}
	}
	return pending{r.ID, r.Stuck.At}
}

// abandons says why a rollout is let go of that nobody watches; empty while it is driven on.
func (s *session) abandons(r *engine.Rollout) string {
	switch {
	case r.LetGo || engine.LetGoOfIt.Refusal(r) != "":
		return ""
	case r.Stuck != nil:
		return "it is stuck, and nobody watches it here any more"
	case s.letsGo.Load():
		return "this process was asked to leave"
	}
	return ""
}

// recall tells what a rollout is stuck on that got so before it was told: that may have been
// after the last frame.
func (s *session) recall(r *engine.Rollout, since time.Time) {
	if r.Stuck != nil && r.Stuck.At.Before(since) {
		s.narrator.recall(engine.Event{At: r.Stuck.At, Body: &engine.StuckNow{Stuck: *r.Stuck}}, r)
	}
}

// letGo asks for a rollout to be let go of, and says so.
func (s *session) letGo(service, why string) {
	err := s.host.Post(service, engine.Command{Kind: engine.LetGoOfIt, At: time.Now(), Reason: why, Interrupt: true})
	if err == nil {
		s.narrator.remark("letting go of " + service + ": " + why)
	}
}
