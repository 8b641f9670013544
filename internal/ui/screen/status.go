package screen

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"serin/internal/ui/scene"
)

// StatusOf is what the terminal's own places tell of a state: of the open rollout that
// is in the loudest state, and of one that just ended when none is open.
func StatusOf(s State) Status {
	now := s.Now
	if s.Frozen {
		now = s.FrozenAt
	}
	loudest := loudestOf(s.Scene.Services, now)
	if loudest == nil {
		return Status{Title: strings.TrimSpace("serin: " + clean(s.Scene.Environment)), Progress: -1, State: Idle}
	}
	subject := subjectOf(*loudest, now)
	_, word := Glance(subject.state)
	if subject.over() {
		title := "serin: " + clean(loudest.Name) + " " + word
		return Status{Title: title, Progress: -1, State: subject.state}
	}
	weight, doubt := subject.actual(subject.r.Canary.Sha), ""
	if subject.outdated() {
		doubt = "?"
	}
	title := fmt.Sprintf("serin: %s %d %%%s %s", clean(loudest.Name), weight, doubt, word)
	return Status{Title: title, Progress: weight, State: subject.state}
}

// loudestOf is the service whose rollout must be seen first; nil without any rollout.
// Of two that are as loud, the first.
func loudestOf(services []scene.Service, now time.Time) *scene.Service {
	var loudest *scene.Service
	rank := -1
	for i := range services {
		if services[i].Rollout == nil || services[i].Rollout.Rollout == nil {
			continue
		}
		if found := slices.Index(RolloutStates(), StateOf(services[i], now)); found > rank {
			loudest, rank = &services[i], found
		}
	}
	return loudest
}

// Summary is a rollout in plain lines, to be copied into a message: what, how far, why,
// on which numbers, and who drives. It has no control characters but its line ends.
func Summary(rollout *scene.Rollout, now time.Time) string {
	if rollout == nil || rollout.Rollout == nil {
		return ""
	}
	r := rollout.Rollout
	s := subject{service: scene.Service{Name: r.Key.Service, Rollout: rollout}, rollout: rollout, r: r, now: now}
	s.state = stateOf(s.service, rollout, now)
	_, word := Glance(s.state)
	versions := "first deployment of " + r.Canary.Sha
	if !r.First() {
		versions = r.StableSha() + " to " + r.Canary.Sha
	}
	lines := []string{
		fmt.Sprintf("%s in %s: %s", r.Key.Service, r.Key.Environment, word),
		fmt.Sprintf("rollout %s, %s", r.ID, versions),
		fmt.Sprintf("as of %s: %s", now.UTC().Format(time.RFC3339), s.story()),
		fmt.Sprintf("weights: stable %d %%, canary %d %% (asked for: stable %d %%, canary %d %%)",
			s.actual(r.StableSha()), s.actual(r.Canary.Sha), r.Desired.Stable, r.Desired.Canary),
	}
	if r.Verdict.Result != "" {
		words := append([]string{spaced(string(r.Verdict.Result))}, s.evidenceWords()...)
		lines = append(lines, "verdict: "+strings.Join(words, ", "), "  "+r.Verdict.Reason)
	}
	if r.Paused != nil {
		lines = append(lines, withReason(fmt.Sprintf("paused by %s at %s", r.Paused.By, stamp(r.Paused.At)), r.Paused.Reason))
	}
	if r.Stuck != nil {
		lines = append(lines, "stuck: "+r.Stuck.Reason, "true now: "+r.Stuck.Truth, "to do: "+r.Stuck.Advice)
	}
	for _, activity := range sortedActivities(r.Faults) {
		fault := r.Faults[activity]
		lines = append(lines, fmt.Sprintf("cannot %s since %s: %s", activity, stamp(fault.Since), fault.Message))
	}
	lines = append(lines, "driven by "+r.Driver.String())
	for i, line := range lines {
		lines[i] = clean(line)
	}
	return strings.Join(lines, "\n") + "\n"
}

// withReason adds a reason to words, if there is one.
func withReason(words, reason string) string {
	if reason == "" {
		return words
	}
	return words + ": " + reason
}
