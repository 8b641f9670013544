package screen

import (
	"fmt"
	"slices"
	"time"

	"serin/internal/engine"
	"serin/internal/engine/analysis"
	"serin/internal/ui/theme"
)

// verdictLook is the glyph and the style of a verdict. A pass that is to be doubted does
// not look like one that is not.
func verdictLook(t theme.Theme, v analysis.Verdict) (string, theme.Style) {
	switch v.Result {
	case analysis.Pass:
		if v.Warning != "" {
			return theme.Alert, t.Warning
		}
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
		words = append(words, "5xx: canary "+errorsIn(v.Canary))
		if limit := s.limitName(); limit != "" {
			words = append(words, limit)
		}
		if !s.r.First() {
			words = append(words, "stable "+errorsIn(v.Stable))
		}
	}
	if v.EvidenceTo.IsZero() {
		return words
	}
	to := s.knownTo()
	evidence := "evidence to " + stamp(to)
	if !s.over() {
		evidence += ", " + age(to, s.now) + " old"
	}
	return append(words, evidence)
}

// errorsIn are how many of a version's responses were 5xx, and how large a share that is:
// the limit is a number, and versions are compared by their shares.
func errorsIn(n analysis.Numbers) string {
	switch {
	case n.Requests == 0:
		return "no responses"
	case n.Errors == 0:
		return "0 of " + count(n.Requests)
	}
	return fmt.Sprintf("%s of %s, %s", count(n.Errors), count(n.Requests), percent(n.Rate()))
}

// knownTo is up to when the verdict knows what there was. The period that still ran when
// the numbers were read ends after that, and they say nothing of the rest of it.
func (s subject) knownTo() time.Time {
	to := s.r.Verdict.EvidenceTo
	for _, event := range slices.Backward(s.rollout.Events) {
		if event.Body.Kind() == engine.KindJudged {
			return earlier(to, event.At)
		}
	}
	return earlier(to, s.now)
}

func earlier(one, other time.Time) time.Time {
	if other.Before(one) {
		return other
	}
	return one
}
