package analysis

import "time"

// Result is one of the five that a verdict may be. They are never mixed.
type Result string

// The results.
const (
	Pass         Result = "pass"
	Fail         Result = "fail"
	Inconclusive Result = "inconclusive"
	NoData       Result = "no_data"
	Error        Result = "error"
)

// Numbers are what a verdict was reached on, for one version.
type Numbers struct {
	Requests float64 `json:"requests"`
	Errors   float64 `json:"errors"`
}

// Rate is the share of errors, 0 to 1; 0 without requests.
func (n Numbers) Rate() float64 {
	if n.Requests == 0 {
		return 0
	}
	return n.Errors / n.Requests
}

// Verdict is what the evidence says about a canary.
type Verdict struct {
	Result Result `json:"result"`
	// Reason is one sentence for the operator, with the numbers in it.
	Reason string  `json:"reason"`
	Canary Numbers `json:"canary"`
	Stable Numbers `json:"stable"`
	// EvidenceTo is the end of the newest period that has data; zero without any.
	EvidenceTo time.Time `json:"evidence_to,omitzero"`
	// Warning is set when a verdict was reached that the operator should doubt, such as
	// a pass without data.
	Warning string `json:"warning,omitempty"`
}
