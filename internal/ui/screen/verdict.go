package screen

import (
	"fmt"

	"serin/internal/engine/analysis"
	"serin/internal/ui/theme"
)

// verdictLook is the glyph and the style of a verdict.
func verdictLook(t theme.Theme, result analysis.Result) (string, theme.Style) {
	switch result {
	case analysis.Pass:
		return theme.Check, t.Good
	case analysis.Fail:
		return theme.Cross, t.Bad
	case analysis.Error:
		return theme.Alert, t.Warning
	case analysis.NoData:
		return theme.Dotted, t.Warning
	default:
		return theme.Ring, t.Warning
	}
}

// evidenceWords are the numbers of the verdict, the most important first.
func (s subject) evidenceWords() []string {
	v := s.r.Verdict
	var words []string
	if s.protocol().HasResponses() {
		words = append(words, fmt.Sprintf("5xx: canary %s of %s", percent(v.Canary.Rate()), count(v.Canary.Requests)))
		if !s.r.First() {
			words = append(words, fmt.Sprintf("stable %s of %s", percent(v.Stable.Rate()), count(v.Stable.Requests)))
		}
	}
	if v.EvidenceTo.IsZero() {
		return words
	}
	// The period that still runs ends in the future; evidence does not.
	to := v.EvidenceTo
	if to.After(s.now) {
		to = s.now
	}
	evidence := "evidence to " + stamp(to)
	if !s.over() {
		evidence += ", " + age(to, s.now) + " old"
	}
	return append(words, evidence)
}
