package guide

import (
	"strings"

	"serin/internal/engine"
	"serin/internal/ui/scene"
)

func hasVisitors(service scene.Service) bool {
	for _, buckets := range service.Responses {
		if len(buckets) >= seen {
			return true
		}
	}
	return false
}

// isLookedAt: there was time to look at what visitors get, or the fix is deployed already.
func isLookedAt(service scene.Service) bool {
	for _, buckets := range service.Responses {
		if n := len(buckets); n > 0 && buckets[n-1].Start.Sub(buckets[0].Start) >= looking {
			return true
		}
	}
	return isDeployed(Fixed)(service)
}

// rolloutOf is the service's rollout when it is of an image, whatever registry its name
// has; nil otherwise.
func rolloutOf(service scene.Service, image string) *scene.Rollout {
	if service.Rollout == nil || service.Rollout.Rollout == nil {
		return nil
	}
	deployed := service.Rollout.Rollout.Canary.Image
	if deployed != image && !strings.HasSuffix(deployed, "/"+image) {
		return nil
	}
	return service.Rollout
}

func isDeployed(image string) func(scene.Service) bool {
	return func(service scene.Service) bool { return rolloutOf(service, image) != nil }
}

// isWatched: the canary has had two weights, and was judged.
func isWatched(service scene.Service) bool {
	rollout := rolloutOf(service, Fixed)
	return rollout != nil && len(rollout.Marks) >= 2 && rollout.Rollout.Verdict.Result != ""
}

// isPromoted: a person has ended a step of any rollout.
func isPromoted(service scene.Service) bool {
	return happened(service.Rollout, func(body engine.Body) bool {
		passed, is := body.(*engine.StepPassed)
		return is && passed.By != ""
	})
}

func isPaused(service scene.Service) bool {
	return happened(rolloutOf(service, Flaky), func(body engine.Body) bool {
		paused, is := body.(*engine.PausedNow)
		return is && paused.Pause.Kind == engine.PausedByPerson
	})
}

func happened(rollout *scene.Rollout, what func(engine.Body) bool) bool {
	if rollout == nil {
		return false
	}
	for _, event := range rollout.Events {
		if what(event.Body) {
			return true
		}
	}
	return false
}

func hasEnded(image string, outcome engine.Outcome) func(scene.Service) bool {
	return func(service scene.Service) bool {
		rollout := rolloutOf(service, image)
		return rollout != nil && rollout.Rollout.Outcome == outcome
	}
}

func isRolledBack(image string, kind engine.CauseKind) func(scene.Service) bool {
	ended := hasEnded(image, engine.RolledBack)
	return func(service scene.Service) bool {
		return ended(service) && service.Rollout.Rollout.Cause != nil && service.Rollout.Rollout.Cause.Kind == kind
	}
}
