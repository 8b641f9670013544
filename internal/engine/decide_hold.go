package engine

import (
	"fmt"
	"time"

	"serin/internal/engine/analysis"
)

// holding waits for the end of a hold or of the bake and takes the next step on a
// verdict that rests on readings made after that end.
func (m moment) holding() Action {
	if action, drifted := m.drift(); drifted {
		return action
	}
	end, runs := m.r.HoldEnds()
	if !runs || m.now.Before(end) {
		return Action{}
	}
	verdict := Judge(m.r, m.e, m.now, true)
	if verdict.Result == analysis.Error && m.readSince(end) {
		verdict = judge(m.r, m.e, m.now, true, judgeAlarms, judgeTasks)
	}
	if verdict.Result == analysis.Pass {
		if !m.readSince(end) {
			return Action{}
		}
		return Action{Record: []Body{&StepPassed{Step: m.r.Step, Weight: m.r.Present().Weight, Verdict: verdict}}}
	}
	return m.stalled(end, verdict)
}

// readSince tells whether everything that a hold is judged by was read at or after a
// time.
func (m moment) readSince(end time.Time) bool {
	health := m.e.Tasks[m.r.Canary.Sha]
	fresh := m.e.Route != nil && !m.e.Route.ReadAt.Before(end) && !health.ReadAt.Before(end)
	if m.r.Spec.Protocol.HasResponses() {
		fresh = fresh && !m.e.MetricsAt.Before(end)
	}
	if len(m.r.Spec.Alarms) > 0 {
		fresh = fresh && !m.e.AlarmsAt.Before(end)
	}
	return fresh
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// stalled ends the patience with a hold that is over and whose verdict is neither pass
// nor fail.
func (m moment) stalled(end time.Time, verdict analysis.Verdict) Action {
	limit := seconds(m.r.Spec.ProgressDeadline)
	if m.now.Sub(later(end, m.r.AttendedAt)) < limit {
		return Action{}
	}
	reason := fmt.Sprintf("the hold ended %s ago and the verdict is still %s: %s", limit, verdict.Result, verdict.Reason)
	if m.r.Conduct.Unattended {
		return Action{Record: []Body{rollback(ByTimeout, "", reason)}}
	}
	return Action{Record: []Body{m.pause(PausedByStall, reason)}}
}

func (m moment) gated() Action {
	if action, drifted := m.drift(); drifted {
		return action
	}
	end, runs := m.r.HoldEnds()
	if !runs || m.now.Before(end) {
		return Action{}
	}
	step := m.r.Present()
	reason := fmt.Sprintf("nobody passed the gate %q within %s", step.Gate, step.Timeout)
	if step.OnTimeout == TimeoutPromotes {
		return Action{Record: []Body{&StepPassed{Step: m.r.Step, Weight: step.Weight, Verdict: m.r.Verdict, By: "its timeout"}}}
	}
	return Action{Record: []Body{rollback(ByTimeout, "", reason)}}
}
