package scene

import "serin/internal/engine"

// Marked are marks and the one that an event makes, when it says that the canary has another
// weight than before: Serin's own changes once they are confirmed, and those of others.
func Marked(marks []Mark, event engine.Event, canary string) []Mark {
	weight, known := weightAfter(event.Body, canary)
	last := 0
	if len(marks) > 0 {
		last = marks[len(marks)-1].Weight
	}
	if !known || weight == last {
		return marks
	}
	return append(marks, Mark{At: event.At, Weight: weight})
}

// weightAfter is the canary's weight on the route that an event tells of; false when it
// tells of none.
func weightAfter(body engine.Body, canary string) (int, bool) {
	switch body := body.(type) {
	case *engine.WeightsConfirmed:
		return body.Canary, true
	case *engine.TrafficReturned:
		return 0, true
	case *engine.PausedNow:
		return Share(body.Pause.Found, canary), body.Pause.Kind == engine.PausedByDrift
	default:
		return 0, false
	}
}

// Share is a version's weight among all on a route, 0 to 100.
func Share(targets []engine.Target, sha string) int {
	of, total := 0, 0
	for _, target := range targets {
		total += target.Weight
		if target.Sha == sha && sha != "" {
			of += target.Weight
		}
	}
	if total <= 0 {
		return 0
	}
	return min(max((of*100+total/2)/total, 0), 100)
}
