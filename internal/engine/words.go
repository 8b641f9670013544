package engine

import (
	"fmt"
	"strings"
	"time"
)

func formatFloor(seen float64, floor int) string {
	return fmt.Sprintf("%.0f canary requests in this hold, fewer than MinimumRequests (%d)", seen, floor)
}

func formatTasks(health TaskHealth) string {
	return fmt.Sprintf("%d of %d tasks of the canary are healthy", health.Healthy, health.Desired)
}

// lastStop is why the last task stopped, as the end of a sentence.
func lastStop(health TaskHealth) string {
	if len(health.Stops) > 0 && health.Stops[0].Reason != "" {
		return ": " + health.Stops[0].Reason
	}
	if len(health.Messages) > 0 {
		return ": " + health.Messages[0]
	}
	return ""
}

// formatTargets is a route in one line: "yelb-appserver-3f2a91c0 70, … 30".
func formatTargets(targets []Target) string {
	if len(targets) == 0 {
		return "nothing"
	}
	words := make([]string, len(targets))
	for i, target := range targets {
		words[i] = fmt.Sprintf("%s %d", target.Name, target.Weight)
	}
	return strings.Join(words, ", ")
}

// sentence joins reasons, or gives the words for having none.
func sentence(reasons []string, none string) string {
	if len(reasons) == 0 {
		return none
	}
	return strings.Join(reasons, "; ")
}

// since is from when on something is so, within a sentence; nothing when it is not known.
func since(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return ", since " + at.UTC().Format(time.RFC3339)
}
