package screen

import (
	"time"

	"serin/internal/engine"
	"serin/internal/ui/scene"
	"serin/internal/ui/theme"
)

// RolloutStates are all of them, from the quietest on.
func RolloutStates() []RolloutState {
	return []RolloutState{
		Idle, Split, Succeeded, RolledBack, Deploying, WaitingForTasks, Shifting, Holding, Baking, Finishing,
		AtGate, StaleEvidence, ProviderErrors, Paused, Held, RollingBack, Drift, RollBackFails, DriverLost, Stuck,
	}
}

// Glance is a state at a glance: its glyph and its word. The glyph tells what kind of
// state it is, the word which one; no two states have both alike.
func Glance(state RolloutState) (glyph, word string) { return glyphOf(state), string(state) }

func glyphOf(state RolloutState) string {
	switch state {
	case Deploying:
		return theme.Dotted
	case WaitingForTasks:
		return theme.Shade
	case Shifting:
		return theme.Up
	case Holding:
		return theme.Dot
	case AtGate:
		return theme.Bar
	case Baking:
		return theme.Full
	case Paused, Held:
		return theme.Hold
	case RollingBack, RolledBack:
		return theme.Down
	case Split, Drift, StaleEvidence, ProviderErrors, DriverLost, RollBackFails:
		return theme.Alert
	case Stuck:
		return theme.Cross
	case Finishing, Succeeded:
		return theme.Check
	case Idle:
		return theme.Ring
	default:
		return "?"
	}
}

// styleOf is how a state is painted.
func styleOf(t theme.Theme, state RolloutState) theme.Style {
	switch state {
	case Deploying, WaitingForTasks, Shifting, Holding, Baking, Finishing:
		return t.Accent
	case Split, AtGate, Paused, Held, Drift, StaleEvidence, ProviderErrors:
		return t.Warning
	case DriverLost, RollingBack, RollBackFails, Stuck, RolledBack:
		return t.Bad
	case Succeeded:
		return t.Good
	default:
		return t.Muted
	}
}

// StateOf is what a service's rollout looks like at a moment, the loudest thing first.
func StateOf(service scene.Service, now time.Time) RolloutState {
	if service.Rollout == nil || service.Rollout.Rollout == nil {
		if service.Fault.Message != "" {
			return ProviderErrors
		}
		if service.NoRollout && service.Route.IsSplit() {
			return Split
		}
		return Idle
	}
	return stateOf(service, service.Rollout, now)
}

func stateOf(service scene.Service, rollout *scene.Rollout, now time.Time) RolloutState {
	r := rollout.Rollout
	switch {
	case r.Outcome == engine.Succeeded:
		return Succeeded
	case r.Outcome != "":
		return RolledBack
	case r.Stuck != nil:
		return Stuck
	case rollout.Lost && !r.LetGo:
		return DriverLost
	case isNotMovedBack(r):
		return RollBackFails
	case r.Paused != nil && r.Paused.Kind == engine.PausedByDrift:
		return Drift
	case r.RollingBack():
		return RollingBack
	case r.LetGo:
		return Held
	case r.Paused != nil:
		return Paused
	case len(r.Faults) > 0 || service.Fault.Message != "":
		return ProviderErrors
	case len(staleReadings(service, rollout, now)) > 0:
		return StaleEvidence
	}
	return stateOfPhase(r.Phase)
}

// isNotMovedBack tells whether the traffic of a roll back could not be moved yet, or not be
// read back: everything else of it can wait.
func isNotMovedBack(r *engine.Rollout) bool {
	return r.Phase == engine.RollingBack && len(r.Faults) > 0
}

func stateOfPhase(phase engine.Phase) RolloutState {
	switch phase {
	case engine.Waiting:
		return WaitingForTasks
	case engine.Shifting:
		return Shifting
	case engine.Holding:
		return Holding
	case engine.Gated:
		return AtGate
	case engine.Baking:
		return Baking
	case engine.Promoting, engine.Recording, engine.Retiring:
		return Finishing
	case engine.RollingBack, engine.Removing:
		return RollingBack
	default:
		return Deploying
	}
}
