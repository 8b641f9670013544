// Package fault spoils a sandbox on purpose: calls that are throttled, fail, hang or
// lose their answers, reads that are stale, credentials that expire, stacks that fail
// and metrics that are late or wrong. What it does follows from a plan and its seed
// alone, so that what was found once is found again.
//
// It imports the SDK's types and internal/sandbox/wire; only internal/sandbox and
// cmd/serin import it.
package fault

import (
	"math"
	"slices"
	"time"
)

// Plan says what goes wrong. Parse and Load make plans; the zero Plan spoils nothing.
type Plan struct {
	// Seed makes the draws of probabilities repeatable; any number will do.
	Seed uint64
	// For is how long the plan lasts from the sandbox's start on; 0 is for ever.
	For time.Duration
	// Rules are tried in their order; the first that applies to a call is the one.
	Rules []Rule
	// Spares is the access key of one whose calls are never spoiled, so that a test can
	// see what is true; empty spares nobody.
	Spares string
}

// Rule is one thing that goes wrong.
type Rule struct {
	// Target is what the rule is for: service:operation, stack:name or metric:name, with
	// * for any characters. A metric is found by its name or by the value of one of its
	// dimensions.
	Target Target
	// Calls are the calls of the target that the rule is for, from 1 on.
	Calls Range
	// Probability is that of each of these calls, above 0 and up to 1.
	Probability float64
	Kind        Kind
	// Ago is how old a stale answer is, or how late a metric; Back is how many of the
	// same reads a stale answer is old instead, when it is not 0.
	Ago  time.Duration
	Back int
}

// Target is what a rule is for.
type Target struct {
	// Service is that of an operation, "stack" or "metric".
	Service string
	// Name is a pattern: * stands for any characters.
	Name string
}

// Range are the numbers from First to Last.
type Range struct {
	First, Last int
}

// always is every call.
var always = Range{First: 1, Last: math.MaxInt}

func (r Range) has(n int) bool { return n >= r.First && n <= r.Last }

// Kind is what goes wrong.
type Kind string

// What can go wrong with a call.
const (
	// Throttle answers with the service's own error for too many requests.
	Throttle Kind = "throttle"
	// Internal answers with status 500, Unavailable with 503.
	Internal    Kind = "500"
	Unavailable Kind = "503"
	// Reset ends the connection before anything is done, Lose after it was done.
	Reset Kind = "reset"
	Lose  Kind = "lose"
	// Hang does nothing until the caller gives up.
	Hang Kind = "hang"
	// Stale gives a read the answer that the same read had some time before.
	Stale Kind = "stale"
	// Expired says that the credentials have expired, Denied that they do not suffice.
	Expired Kind = "expired"
	Denied  Kind = "denied"
)

// What can go wrong with a stack. Its creations, or its deletions, are its calls.
const (
	// Fail fails the stack's ECS service: its tasks do not start.
	Fail Kind = "fail"
	// RollBack does as well, and the stack rolls back even if it was not asked to.
	RollBack Kind = "rollback"
	// DeleteFailed leaves the stack in DELETE_FAILED, because App Mesh says that a route
	// still names its virtual node.
	DeleteFailed Kind = "delete_failed"
)

// What can go wrong with a metric. Its calls are those of GetMetricData that ask for it.
const (
	// Late leaves the newest datapoints out, Missing all of them, Partial the second
	// half of them with the status PartialData.
	Late    Kind = "late"
	Missing Kind = "missing"
	Partial Kind = "partial"
	// Duplicated gives every datapoint twice.
	Duplicated Kind = "duplicated"
	// NaN makes every value something that is not a number.
	NaN Kind = "nan"
)

// Services that are none, in a rule's target.
const (
	stacks  = "stack"
	metrics = "metric"
)

// defaults are the ages of a stale answer and of a late metric that do not say theirs.
var defaults = map[Kind]time.Duration{Stale: 5 * time.Second, Late: 2 * time.Minute}

// Kinds is everything that can go wrong: with a call, with a stack, with a metric.
func Kinds() []Kind {
	return slices.Concat(family("*"), family(stacks), family(metrics))
}

// family is what the kinds for a target of a service are.
func family(service string) []Kind {
	switch service {
	case stacks:
		return []Kind{Fail, RollBack, DeleteFailed}
	case metrics:
		return []Kind{Late, Missing, Partial, Duplicated, NaN}
	default:
		return []Kind{Throttle, Internal, Unavailable, Reset, Lose, Hang, Stale, Expired, Denied}
	}
}

// scopes are the services by the names that people give them, with the scopes of the
// signatures of their calls.
var scopes = map[string]string{
	"appmesh": "appmesh", "cloudformation": "cloudformation", "cloudwatch": "monitoring",
	"monitoring": "monitoring", "ecr": "ecr", "ecs": "ecs", "cloudmap": "servicediscovery",
	"servicediscovery": "servicediscovery", "ssm": "ssm", "sts": "sts", "*": "*",
}
