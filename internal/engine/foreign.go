package engine

import "strings"

// Foreign are the targets that have weight and are neither version of the rollout: no
// weights of Serin's have room beside theirs.
func (r *Rollout) Foreign(targets []Target) []Target {
	var foreign []Target
	for _, target := range targets {
		ours := target.Sha != "" && (target.Sha == r.Canary.Sha || target.Sha == r.StableSha())
		if target.Weight > 0 && !ours {
			foreign = append(foreign, target)
		}
	}
	return foreign
}

// NamesOf are the names of targets, in one line.
func NamesOf(targets []Target) string {
	names := make([]string, len(targets))
	for i, target := range targets {
		names[i] = target.Name
	}
	return strings.Join(names, ", ")
}
