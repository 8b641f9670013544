package engine

import (
	"time"

	"serin/internal/engine/analysis"
)

// Evidence is what was read of the world and is not in the journal. All of it can be
// read again: a new driver starts without any.
type Evidence struct {
	Route *Route
	// Stacks are by name.
	Stacks map[string]Stack
	// Tasks are by sha.
	Tasks map[string]TaskHealth
	// Sick is how many readings in a row found a task of the canary unhealthy. ECS answers
	// are eventually consistent: one alone may be of the past.
	Sick int
	// MetricsAt and AlarmsAt are when the metrics and the alarms were last read.
	MetricsAt, AlarmsAt time.Time
	// Responses are all that are known of a version by the last reading, by sha. A version
	// of which it had no news is missing: the rollout knows all of its responses.
	Responses map[string][]analysis.Bucket
	Alarms    []Alarm
	// Refused is the token of a split that the router refused with ErrDrift, RefusedAt
	// when it did: what is there instead must be read.
	Refused   string
	RefusedAt time.Time
}

// Judge is the verdict of the evidence on the canary at a moment. atEnd says that the
// hold is over, which is when a lack of data may count as a failure.
func Judge(r *Rollout, e Evidence, now time.Time, atEnd bool) analysis.Verdict {
	return judge(r, e, now, atEnd, judgeAlarms, judgeTasks, judgeFaults)
}

// witness is a judge of something beside the responses; anything but a pass of it
// stands above theirs.
type witness func(*Rollout, Evidence) (analysis.Result, string)

func judge(r *Rollout, e Evidence, now time.Time, atEnd bool, witnesses ...witness) analysis.Verdict {
	verdict := judgeResponses(r, e, now, atEnd)
	if verdict.Result == analysis.Fail {
		return verdict
	}
	for _, testify := range witnesses {
		if result, reason := testify(r, e); result != analysis.Pass {
			verdict.Result, verdict.Reason, verdict.Warning = result, reason, ""
			return verdict
		}
	}
	return verdict
}

// judgeResponses applies the policy, what to do without data, and the floor of
// requests.
func judgeResponses(r *Rollout, e Evidence, now time.Time, atEnd bool) analysis.Verdict {
	if !r.Spec.Protocol.HasResponses() {
		return analysis.Verdict{Result: analysis.Pass, Reason: "every task of the canary is healthy"}
	}
	policy := analysis.Threshold{
		Limit: r.Spec.FailureThresholdValue, Window: seconds(r.Spec.FailureThresholdTime),
		Period: seconds(r.Spec.MetricPeriod),
	}
	canary := responsesOf(r, e, r.Canary.Sha)
	verdict := policy.Judge(analysis.Since(canary, r.ExposedAt.Truncate(policy.Period)), responsesOf(r, e, r.StableSha()), now)
	if verdict.Result == analysis.NoData {
		return withoutData(r.Spec.OnNoData, verdict, atEnd && now.Sub(r.ExposedAt) >= firstData(r.Spec))
	}
	return withFloor(r, canary, verdict)
}

func responsesOf(r *Rollout, e Evidence, sha string) []analysis.Bucket {
	if newer, is := e.Responses[sha]; is {
		return newer
	}
	return r.Responses[sha]
}

// firstData is how long after its first traffic a version's first data can be known: an
// agent reports from its second scrape on, and the provider publishes late.
func firstData(spec Spec) time.Duration {
	return seconds(spec.MetricDelay + 2*spec.MetricPeriod)
}

func withoutData(rule OnNoData, verdict analysis.Verdict, conclusive bool) analysis.Verdict {
	switch rule {
	case NoDataPasses:
		verdict.Result = analysis.Pass
		verdict.Warning = verdict.Reason + ": OnNoData says that this passes"
	case NoDataFails:
		if conclusive {
			verdict.Result = analysis.Fail
			verdict.Reason += ": OnNoData says that this fails"
		}
	case NoDataHolds:
	}
	return verdict
}

// withFloor makes a pass inconclusive when the hold has seen too few requests.
func withFloor(r *Rollout, canary []analysis.Bucket, verdict analysis.Verdict) analysis.Verdict {
	if verdict.Result != analysis.Pass || r.Spec.MinimumRequests == 0 {
		return verdict
	}
	seen := analysis.Sum(analysis.Since(canary, r.Entered)).Total()
	if seen < float64(r.Spec.MinimumRequests) {
		verdict.Result = analysis.Inconclusive
		verdict.Reason = formatFloor(seen, r.Spec.MinimumRequests)
	}
	return verdict
}

func judgeAlarms(_ *Rollout, e Evidence) (analysis.Result, string) {
	for _, alarm := range e.Alarms {
		if alarm.Firing {
			return analysis.Fail, "alarm " + alarm.Name + " is in " + alarm.State + ": " + alarm.Reason
		}
	}
	return analysis.Pass, ""
}

// judgeTasks fails a canary that lost a task to a failure since it became healthy, or
// that has fewer healthy tasks than it had then by two readings in a row. Tasks that
// were asked for since then, and are not there yet, only make it wait.
func judgeTasks(r *Rollout, e Evidence) (analysis.Result, string) {
	health, read := e.Tasks[r.Canary.Sha]
	for _, stop := range health.Stops {
		if stop.Failed && stop.At.After(r.HealthyAt) {
			return analysis.Fail, "a task of the canary failed: " + stop.Reason
		}
	}
	switch {
	case !read:
		return analysis.Inconclusive, "the canary's tasks have not been read yet"
	case e.Sick == 1:
		return analysis.Inconclusive, formatTasks(health) + ", by one reading"
	case !health.Exists || health.Healthy == 0:
		return analysis.Fail, "the canary has no healthy task" + lastStop(health)
	case health.Healthy < health.Desired && health.Healthy < r.HealthyTasks:
		return analysis.Fail, formatTasks(health) + lastStop(health)
	case health.Healthy < health.Desired:
		return analysis.Inconclusive, formatTasks(health)
	}
	return analysis.Pass, ""
}

// judgeFaults is the verdict error while a reading that it rests on fails.
func judgeFaults(r *Rollout, _ Evidence) (analysis.Result, string) {
	for _, activity := range []Activity{ReadMetrics, ReadTasks, ReadAlarms, ReadRoute} {
		if fault, failing := r.Faults[activity]; failing {
			return analysis.Error, "cannot " + string(activity) + ": " + fault.Message
		}
	}
	return analysis.Pass, ""
}
