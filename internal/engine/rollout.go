package engine

import (
	"time"

	"serin/internal/engine/analysis"
)

// Phase is where a rollout stands. Being paused or stuck is beside it.
type Phase string

// The phases, in the order of a success and then of a roll back.
const (
	// Starting: nothing has been asked of anybody.
	Starting Phase = "starting"
	// Deploying: the canary's stack is being created.
	Deploying Phase = "deploying"
	// Waiting: the stack is there; its tasks are not all healthy.
	Waiting Phase = "waiting"
	// Shifting: the weights of a step are being written and read back.
	Shifting Phase = "shifting"
	// Holding: the weights of a step are confirmed and the evidence is judged.
	Holding Phase = "holding"
	// Gated: a person is waited for.
	Gated Phase = "gated"
	// Baking: the hold at 100.
	Baking Phase = "baking"
	// Promoting: the bake has passed; the route is being given to the canary alone.
	Promoting Phase = "promoting"
	// Recording: the canary is the stable version now, and is being recorded as it.
	Recording Phase = "recording"
	// Retiring: the old stable version is being removed.
	Retiring Phase = "retiring"
	// RollingBack: all traffic is going back to stable.
	RollingBack Phase = "rolling_back"
	// Removing: traffic is safe; the canary is being removed.
	Removing Phase = "removing"
	// Over: the rollout has an outcome.
	Over Phase = "over"
)

// Outcome is how a rollout, or the driving of it, ended.
type Outcome string

// The outcomes. Held and StuckOutcome end the driving, not the rollout.
const (
	Succeeded    Outcome = "succeeded"
	RolledBack   Outcome = "rolled_back"
	Held         Outcome = "held"
	StuckOutcome Outcome = "stuck"
)

// Past is the outcome as the end of a sentence: "it …".
func (o Outcome) Past() string {
	words := map[Outcome]string{
		Succeeded: "succeeded", RolledBack: "was rolled back", Held: "was let go", StuckOutcome: "is stuck",
	}
	return words[o]
}

// Conduct is how a rollout behaves when nobody answers.
type Conduct struct {
	// Unattended rolls back, or lets go, where an attended rollout pauses and waits.
	Unattended bool `json:"unattended,omitempty"`
	// ErrorLimit is how long a provider's errors may last.
	ErrorLimit time.Duration `json:"error_limit"`
}

// CauseKind says what kind of thing made a rollout roll back.
type CauseKind string

// The kinds of causes.
const (
	ByVerdict   CauseKind = "verdict"
	ByPerson    CauseKind = "person"
	ByInterrupt CauseKind = "interrupt"
	// ByDeployment: the canary's stack or tasks did not become healthy.
	ByDeployment CauseKind = "deployment"
	// ByProvider: a provider's errors lasted too long, or will not end.
	ByProvider CauseKind = "provider"
	// ByTimeout: a gate that nobody passed, or a hold that never became conclusive.
	ByTimeout CauseKind = "timeout"
	// ByDrift: someone else left nobody on the route, and no person attends.
	ByDrift CauseKind = "drift"
)

// Cause is why a rollout rolls back.
type Cause struct {
	Kind   CauseKind `json:"kind"`
	By     string    `json:"by,omitempty"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at,omitzero"`
}

// PauseKind says what kind of thing paused a rollout.
type PauseKind string

// The kinds of pauses.
const (
	PausedByPerson PauseKind = "person"
	PausedByDrift  PauseKind = "drift"
	PausedByErrors PauseKind = "errors"
	PausedByStall  PauseKind = "stall"
	PausedByLetGo  PauseKind = "let_go"
	// PausedByClock: the clock jumped, and times cannot be compared across that.
	PausedByClock PauseKind = "clock"
)

// Pause is why the clock stands still.
type Pause struct {
	Kind   PauseKind `json:"kind"`
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
	// Expected and Found are the two routes of a drift.
	Expected []Target `json:"expected,omitempty"`
	Found    []Target `json:"found,omitempty"`
}

// Stuck is why nothing moves any more, what is true and what a person should do.
type Stuck struct {
	Reason string    `json:"reason"`
	Truth  string    `json:"truth"`
	Advice string    `json:"advice"`
	At     time.Time `json:"at"`
}

// Activity is something that a driver does and that can fail.
type Activity string

// The activities: what is read, and what is changed.
const (
	ReadRoute    Activity = "read the route"
	ReadStack    Activity = "read the stack"
	ReadTasks    Activity = "read the tasks"
	ReadMetrics  Activity = "read the metrics"
	ReadAlarms   Activity = "read the alarms"
	CreateStack  Activity = "create the canary's stack"
	WriteWeights Activity = "write the weights"
	RemoveStack  Activity = "delete the stack"
	RecordImage  Activity = "record the version"
)

// ActiveFault is a failure that has not been overcome yet.
type ActiveFault struct {
	Activity Activity  `json:"activity"`
	Kind     FaultKind `json:"kind"`
	Message  string    `json:"message"`
	Hint     string    `json:"hint,omitempty"`
	Since    time.Time `json:"since"`
	Count    int       `json:"count"`
	RetryAt  time.Time `json:"retry_at"`
	// Unknown says that what failed may have been done all the same.
	Unknown bool `json:"unknown,omitempty"`
}

// Weights are the shares of the two versions, 0 to 100.
type Weights struct {
	Stable int `json:"stable"`
	Canary int `json:"canary"`
}

// Change is a change of weights that has been intended and not been confirmed.
type Change struct {
	Split     Split
	Desired   Weights
	Written   bool
	WrittenAt time.Time
}

// StackRef is what a rollout knows of a stack.
type StackRef struct {
	Name, ID, Token string
	// Intended and Requested: the creation was about to be asked for, and was.
	Intended, Requested bool
	LastEvent           string
}

// Removal is the deletion of a version's stack.
type Removal struct {
	Sha, Stack, Token   string
	Requested           bool
	RequestedAt, Failed time.Time
	Failures            int
	Reasons             []string
	Done                bool
	StartedAt           time.Time
	LastEvent           string
}

// Rollout is one attempt to move a service from stable to canary: the fold of its
// events. Treat it as immutable once it is given out.
type Rollout struct {
	ID      string
	Key     Key
	Spec    Spec
	Plan    Plan
	Stable  *Version
	Canary  Version
	Conduct Conduct
	Driver  Driver
	Fence   int64
	// Before is what was recorded as deployed when the rollout started.
	Before    Deployed
	StartedAt time.Time
	StartedBy string
	// StartedWhy is why, in the words of whoever started it; it may be empty.
	StartedWhy string
	// Back is the number of the record that it goes back to; 0 where it goes on.
	Back    int64
	EndedAt time.Time
	// Seq and At are those of the last event.
	Seq int64
	At  time.Time

	Phase Phase
	// Entered is when the phase began, Clock how long it has lasted without pauses.
	Entered time.Time
	Clock   Clock
	// Step is the index of the present step in the plan.
	Step int

	// Desired and Actual are the weights that were asked for and that were read back.
	Desired, Actual Weights
	// Exposed is true once the canary was about to have traffic; ExposedAt is when.
	Exposed   bool
	ExposedAt time.Time
	Change    *Change
	// Reassert is true when the weights of the present step must be written again,
	// because someone else changed the route.
	Reassert bool
	// Confirmed is the route as it was when its weights were last confirmed; Origin is
	// how it was found.
	Confirmed, Origin Route

	CanaryStack StackRef
	Removal     *Removal
	// RecordTouched is true from when the canary's image was about to be recorded, until
	// a roll back has recorded stable's again.
	RecordTouched bool
	// RecordLostAt is when a write of the record may last have been done without an answer.
	RecordLostAt time.Time
	// Number is the version that the canary was recorded as; 0 before.
	Number int64
	// RecordNote and RestoreNote say what someone else did to the record before the canary
	// was recorded, and before a roll back would have recorded stable again.
	RecordNote, RestoreNote string

	// AttendedAt is when a driver last began to drive, or a person resumed: patience is
	// counted from then on, for nothing is known of the time without a driver.
	AttendedAt time.Time
	Paused     *Pause
	Stuck      *Stuck
	LetGo      bool
	Cause      *Cause

	Faults map[Activity]ActiveFault
	// Health is the last known health of the versions' tasks, by sha.
	Health map[string]TaskHealth
	// HealthyTasks is how many tasks the canary had when it became healthy.
	HealthyTasks int
	HealthyAt    time.Time
	// Responses are the known responses of the versions, by sha.
	Responses map[string][]analysis.Bucket
	Verdict   analysis.Verdict
	Tally     map[analysis.Result]int
	// CommandsTaken is the number of the last command that was taken or refused.
	CommandsTaken int64

	Outcome  Outcome
	Reason   string
	Leftover string
}

// First is true for a first deployment, which has no stable version.
func (r *Rollout) First() bool { return r.Stable == nil }

// StableSha is the stable version's sha; empty for a first deployment.
func (r *Rollout) StableSha() string {
	if r.Stable == nil {
		return ""
	}
	return r.Stable.Sha
}

// Service is the service of the rollout.
func (r *Rollout) Service() Service { return r.Spec.Service() }

// RollingBack tells whether the rollout is on its way back.
func (r *Rollout) RollingBack() bool { return r.Cause != nil }

// Decided tells whether there is no way back but another rollout: the old version is
// being removed, or there never was one.
func (r *Rollout) Decided() bool {
	switch r.Phase {
	case Recording:
		return r.First() && r.RecordTouched
	case Retiring:
		return r.First() || r.Removal != nil
	default:
		return false
	}
}

// Live tells whether the canary has traffic that must be judged.
func (r *Rollout) Live() bool {
	switch r.Phase {
	case Shifting, Holding, Gated, Baking, Promoting:
		return r.Exposed
	default:
		return false
	}
}

// Present is the step that the rollout is in.
func (r *Rollout) Present() Step {
	if r.Step < len(r.Plan.Steps) {
		return r.Plan.Steps[r.Step]
	}
	return Step{Weight: 100, Bake: true}
}

// HoldEnds is when the present hold or gate is over, if nothing delays it; false while
// the clock stands and for gates without a timeout.
func (r *Rollout) HoldEnds() (time.Time, bool) {
	step := r.Present()
	switch r.Phase {
	case Holding:
		return r.Clock.At(step.Hold)
	case Baking:
		return r.Clock.At(step.Hold + settle(r.Spec))
	case Gated:
		if step.Timeout > 0 {
			return r.Clock.At(step.Timeout)
		}
	default:
	}
	return time.Time{}, false
}
