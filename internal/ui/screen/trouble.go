package screen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"serin/internal/engine"
	"serin/internal/ui/scene"
	"serin/internal/ui/theme"
)

// afterSplit is what to do about a route that is split, and that no rollout is open for.
const afterSplit = "no deploy begins while more than one version has traffic: where another journal has its rollout, " +
	"open that with --journal; otherwise give one version all of the weight, with the AWS CLI or its console"

// troubles are what is wrong and what can be done, the loudest first.
func (p pane) troubles(s subject) []string {
	var lines []string
	if s.state == Split {
		lines = append(lines, p.paragraph("to do", p.t.Warning, p.t.Text, afterSplit, inFull)...)
	}
	if s.r != nil {
		lines = append(lines, p.stuck(s)...)
		lines = append(lines, p.lost(s)...)
		lines = append(lines, p.paused(s)...)
		for _, activity := range sortedActivities(s.r.Faults) {
			if s.r.Stuck != nil && strings.Contains(s.r.Stuck.Reason, s.r.Faults[activity].Message) {
				continue // said above
			}
			lines = append(lines, p.fault(s, s.r.Faults[activity])...)
		}
		lines = append(lines, p.alarms(s)...)
		lines = append(lines, p.stale(s)...)
		lines = append(lines, p.stopped(s)...)
		lines = append(lines, p.leftover(s)...)
	}
	lines = append(lines, p.readingFault(s.service.Fault, s)...)
	// Where there is hardly any room, the weights and the steps are worth as much.
	if most := max(p.height/2, 4); len(lines) > most {
		for _, line := range lines[most:] {
			p.cuts = append(p.cuts, cut{text: strings.TrimSpace(ansi.Strip(line))})
		}
		lines = lines[:most]
	}
	return lines
}

func sortedActivities(faults map[engine.Activity]engine.ActiveFault) []engine.Activity {
	var activities []engine.Activity
	for activity := range faults {
		activities = append(activities, activity)
	}
	slices.Sort(activities)
	return activities
}

func (p pane) stuck(s subject) []string {
	stuck := s.r.Stuck
	if stuck == nil {
		return nil
	}
	lines := p.paragraph("why", p.t.Bad, p.t.Text, fmt.Sprintf("%s (since %s, %s ago)", stuck.Reason, stamp(stuck.At), age(stuck.At, s.now)), 3)
	lines = append(lines, p.paragraph("true now", p.t.Bad, p.t.Text, stuck.Truth, 3)...)
	return append(lines, p.paragraph("to do", p.t.Bad, p.t.Strong, p.toDo(s), 3)...)
}

// toDo is what the engine advises, and how to go on from here: with a key where there is
// one, elsewhere with a verb.
func (p pane) toDo(s subject) string {
	advice, _, has := strings.Cut(s.r.Stuck.Advice, "; then go on with: serin deploy")
	advice = strings.TrimSuffix(advice, ", then resume") // which is said anew, by how it is done
	switch {
	case !has, s.replayed:
		return s.r.Stuck.Advice
	case p.s.ReadOnly:
		return advice + "; then go on with: serin resume " + s.r.Key.Service
	}
	return advice + "; then press space: it is tried again"
}

func (p pane) lost(s subject) []string {
	if s.over() || !s.rollout.Lost || s.r.LetGo {
		return nil
	}
	words := fmt.Sprintf("no sign of life of the driver since %s, %s ago", stamp(s.rollout.LastSeen), age(s.rollout.LastSeen, s.now))
	return p.paragraph("! lost", p.t.Bad, p.t.Text, words, 1)
}

func (p pane) paused(s subject) []string {
	pause := s.r.Paused
	if pause == nil || s.over() {
		return nil
	}
	words := fmt.Sprintf("by %s at %s, %s ago", ShortCaller(clean(pause.By)), stamp(pause.At), age(pause.At, s.now))
	reason := pause.Reason
	if pause.Kind == engine.PausedByDrift {
		reason, _, _ = strings.Cut(reason, ": expected ") // both routes are told below
	}
	if reason != "" {
		words += ": " + reason
	}
	label := theme.Hold + " paused"
	if pause.Kind == engine.PausedByLetGo && s.r.LetGo {
		label = theme.Hold + " let go"
	}
	lines := p.paragraph(label, p.t.Warning, p.t.Text, words, 3)
	if pause.Kind == engine.PausedByDrift {
		lines = append(lines, p.paragraph("expected", p.t.Muted, p.t.Text, targets(pause.Expected), 2)...)
		lines = append(lines, p.paragraph("found", p.t.Warning, p.t.Strong, targets(pause.Found), 2)...)
		if !p.s.ReadOnly && !s.replayed {
			lines = append(lines, p.paragraph("to do", p.t.Warning, p.t.Text, s.afterDrift(), 2)...)
		}
	}
	return lines
}

// afterDrift is what a person can do when someone else changed the route. A target that is
// neither version keeps its weight, and leaves no room for those of a step.
func (s subject) afterDrift() string {
	found := s.r.Paused.Found
	if route, read := s.route(); read && route.ReadAt.After(s.r.Paused.At) {
		found = route.Targets
	}
	foreign := s.r.Foreign(found)
	if len(foreign) == 0 {
		return "space writes the weights of this step over that; r rolls back"
	}
	return "take " + engine.NamesOf(foreign) + " off the route, then press space; r takes the canary's traffic off at once"
}

// fault is a call that fails: what, why, what to do, since when, and when it is tried
// again.
func (p pane) fault(s subject, fault engine.ActiveFault) []string {
	if s.over() {
		return nil
	}
	lines := p.paragraph("! cannot", p.t.Warning, p.t.Text, string(fault.Activity)+": "+fault.Message, 2)
	lines = append(lines, p.paragraph("hint", p.t.Muted, p.t.Strong, fault.Hint, 2)...)
	words := fmt.Sprintf("since %s, %s ago, tried %d times", stamp(fault.Since), age(fault.Since, s.now), fault.Count)
	if fault.RetryAt.After(s.now) {
		words += ", again in " + span(fault.RetryAt.Sub(s.now))
	}
	words += s.afterErrors(fault)
	return append(lines, p.paragraph("", p.t.Muted, p.t.Muted, words, 2)...)
}

// afterErrors is what happens when a call goes on failing, behind what is said of it.
func (s subject) afterErrors(fault engine.ActiveFault) string {
	left := fault.Since.Add(s.r.Conduct.ErrorLimit).Sub(s.now)
	if left <= 0 || s.r.Paused != nil || s.r.Stuck != nil || fault.Activity == engine.RemoveStack {
		return ""
	}
	words := "pauses"
	switch {
	case s.r.RollingBack() || s.r.Phase == engine.Recording || s.r.Phase == engine.Retiring:
		words = "is stuck"
	case s.r.Conduct.Unattended:
		words = "rolls back"
	}
	return "; if it lasts, the rollout " + words + " in " + span(left)
}

// alarms are the alarms that fire.
func (p pane) alarms(s subject) []string {
	var lines []string
	for _, alarm := range s.rollout.Evidence.Alarms {
		if alarm.Firing && !s.over() {
			words := fmt.Sprintf("%s is in %s: %s", alarm.Name, alarm.State, alarm.Reason)
			lines = append(lines, p.paragraph("! alarm", p.t.Bad, p.t.Text, words, 2)...)
		}
	}
	return lines
}

func (p pane) stale(s subject) []string {
	if s.over() {
		return nil
	}
	var lines []string
	for _, reading := range staleReadings(s.service, s.rollout, s.now) {
		words := fmt.Sprintf("%s: last known of %s, %s ago", reading.what, stamp(reading.at), age(reading.at, s.now))
		lines = append(lines, p.paragraph("! stale", p.t.Warning, p.t.Text, words, 1)...)
	}
	return lines
}

// stopped is why tasks of the canary are not there.
func (p pane) stopped(s subject) []string {
	if s.over() {
		return nil
	}
	health, known := s.health(s.r.Canary.Sha)
	if !known || health.AllHealthy() || s.r.RollingBack() {
		return nil
	}
	switch {
	case len(health.Stops) > 0:
		stop := health.Stops[0]
		return p.paragraph("! task", p.t.Warning, p.t.Text, fmt.Sprintf("the last one stopped %s ago: %s", age(stop.At, s.now), stop.Reason), 2)
	case len(health.Messages) > 0:
		return p.paragraph("tasks", p.t.Muted, p.t.Text, health.Messages[0], 2)
	}
	return nil
}

// leftover is what could not be removed.
func (p pane) leftover(s subject) []string {
	if s.r.Leftover != "" {
		return p.paragraph("! left", p.t.Warning, p.t.Text, s.r.Leftover, 3)
	}
	if removal := s.r.Removal; removal != nil && !removal.Done && len(removal.Reasons) > 0 {
		words := fmt.Sprintf("removing %s failed %d times: %s", removal.Sha, removal.Failures, removal.Reasons[0])
		return p.paragraph("! stack", p.t.Warning, p.t.Text, words, 3)
	}
	return nil
}

// readingFault is why the service could not be read.
func (p pane) readingFault(fault scene.Fault, s subject) []string {
	if fault.Message == "" {
		return nil
	}
	words := fmt.Sprintf("read it since %s, %s ago: %s", stamp(fault.Since), age(fault.Since, s.now), fault.Message)
	lines := p.paragraph("! cannot", p.t.Warning, p.t.Text, words, 2)
	return append(lines, p.paragraph("hint", p.t.Muted, p.t.Strong, fault.Hint, 2)...)
}
