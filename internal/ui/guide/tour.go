package guide

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"serin/internal/engine"
	"serin/internal/ui/scene"
)

// Act is one thing that the tour does.
type Act struct {
	// When is what it waits for.
	When func(scene.Service) bool
	// Keys are what it presses then, as a terminal sends them, one after another, again
	// and again until Until is so.
	Keys  []string
	Until func(scene.Service) bool
}

// Keys of the console that the tour presses.
const (
	space  = " "
	enter  = "\r"
	escape = "\x1b"
)

// deploy are the keys that deploy an image: the form, the image into it, its plan, yes.
// What an earlier try left open is closed first.
func deploy(image string) []string {
	return []string{escape, escape, "d", image, enter, "y"}
}

// Tour is the demo as it plays by itself: every step of the guide, in order.
func Tour() []Act {
	return []Act{
		{When: hasVisitors, Keys: deploy(Fixed), Until: isDeployed(Fixed)},
		{When: isWatched, Keys: []string{"p"}, Until: isPromoted},
		{When: holdsAt(Fixed, 3), Keys: []string{"P", "y"}, Until: isFull},
		{When: hasEnded(Fixed, engine.Succeeded), Keys: deploy(WrongPort), Until: isDeployed(WrongPort)},
		{When: isRolledBack(WrongPort, engine.ByVerdict), Keys: deploy(Flaky), Until: isDeployed(Flaky)},
		{When: holdsAt(Flaky, 1), Keys: []string{space}, Until: isPaused},
		{When: isPaused, Keys: []string{"r", enter}, Until: isGoingBack},
		{When: isRolledBack(Flaky, engine.ByPerson)},
	}
}

// holdsAt: the canary of an image has been confirmed at so many weights and is held.
func holdsAt(image string, weights int) func(scene.Service) bool {
	return func(service scene.Service) bool {
		rollout := rolloutOf(service, image)
		return rollout != nil && len(rollout.Marks) >= weights && rollout.Rollout.Phase == engine.Holding
	}
}

// isFull: the fix is on its way to all of the traffic.
func isFull(service scene.Service) bool {
	rollout := rolloutOf(service, Fixed)
	return rollout != nil && (rollout.Rollout.Desired.Canary == 100 || rollout.Rollout.Outcome != "")
}

func isGoingBack(service scene.Service) bool {
	rollout := rolloutOf(service, Flaky)
	return rollout != nil && rollout.Rollout.Cause != nil
}

// Player plays the tour on a host, and on the keys of the console that is attached to it.
type Player struct {
	Host scene.Host
	// Press presses a key; it fails when the console is gone.
	Press func(key string) error
	// Between is the pause between two keys, Again how long it waits before it presses
	// the same ones again, with pauses of twice the length, up to Again: a console on a
	// busy machine may need them. Limit is how long it waits for anything.
	Between, Again, Limit time.Duration
}

// Play plays the whole tour and answers what of the guide is done at the end. It ends
// with an error when ctx ends, when the console is gone, or when something that it waits
// for does not happen.
func (p Player) Play(ctx context.Context) (Progress, error) {
	watching, stop := context.WithCancel(ctx)
	seen := make(chan Progress, 1)
	go func() { seen <- p.watch(watching) }()
	err := p.acts(ctx)
	stop()
	progress := <-seen
	shown, _ := p.Host.Scene()
	return progress.After(shown), err
}

// watch notes what is done, until ctx ends.
func (p Player) watch(ctx context.Context) Progress {
	var progress Progress
	for {
		shown, changed := p.Host.Scene()
		progress = progress.After(shown)
		select {
		case <-ctx.Done():
			return progress
		case <-changed:
		}
	}
}

func (p Player) acts(ctx context.Context) error {
	for i, act := range Tour() {
		if err := p.await(ctx, act.When, p.Limit); err != nil {
			return fmt.Errorf("act %d of the tour: %w", i+1, err)
		}
		if err := p.press(ctx, act); err != nil {
			return fmt.Errorf("act %d of the tour: press %q: %w", i+1, act.Keys, err)
		}
	}
	return nil
}

// press presses the keys of an act until they had their effect.
func (p Player) press(ctx context.Context, act Act) error {
	if len(act.Keys) == 0 {
		return nil
	}
	pause := p.Between
	for until := time.Now().Add(p.Limit); time.Now().Before(until); pause = min(2*pause, max(p.Between, p.Again)) {
		for _, key := range act.Keys {
			if err := p.rest(ctx, pause); err != nil {
				return err
			}
			if err := p.Press(key); err != nil {
				return err
			}
		}
		err := p.await(ctx, act.Until, p.Again)
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
	return errNothing
}

// errNothing is returned when what the tour waits for does not happen.
var errNothing = errors.New("what was waited for did not happen")

// await waits until something is so of the demo's service.
func (p Player) await(ctx context.Context, so func(scene.Service) bool, limit time.Duration) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		shown, changed := p.Host.Scene()
		if slices.ContainsFunc(shown.Services, func(s scene.Service) bool { return s.Name == Service && so(s) }) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			return errNothing
		case <-changed:
		}
	}
}

func (p Player) rest(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
