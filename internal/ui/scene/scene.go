// Package scene is what the console shows, as data: everything that is known of an
// environment at one moment, and what an operator may ask of it. Whoever hosts the
// console makes scenes; the console draws them and asks.
//
// It imports the standard library and serin/internal/engine only.
package scene

import (
	"context"
	"time"

	"serin/internal/engine"
	"serin/internal/engine/analysis"
)

// Scene is an environment at one moment. It is immutable once it is given out.
type Scene struct {
	// At is when it was made.
	At time.Time
	// Environment, Region and Account say where; Caller is the ARN of who looks: empty
	// while it is not known.
	Environment, Region, Account, Caller string
	// Services are those of the environment, by name. Nil until they were first read.
	Services []Service
	// Faults are readings of the environment that fail now, by what is read: such as
	// "the list of services". Those of a rollout are in its own Faults.
	Faults map[string]Fault
	// Page is the URL of the sandbox's page; empty without a sandbox.
	Page string
	// Endpoint is the URL of what answers in place of AWS; empty for AWS itself.
	Endpoint string
	// Connecting is what is waited for before anything can be read or asked, such as
	// "connecting to AWS in us-west-2"; empty once the console is attached.
	Connecting string
	// Alone says why nobody else can see these rollouts; empty when others can, or nobody
	// else is there.
	Alone string
	// JournalFault says why the journal cannot be read now; empty when it can.
	JournalFault string
}

// Fault is a reading that fails, or something that was to be done and was not.
type Fault struct {
	Message, Hint string
	Since         time.Time
	// Undone is true for what was to be done: its Message says all of it.
	Undone bool
}

// Service is one service of the environment.
type Service struct {
	Name     string
	Protocol engine.Protocol
	// Route is as last read, with its ReadAt; zero before the first reading.
	Route engine.Route
	// Deployed is the record of the version.
	Deployed engine.Deployed
	// Health and Responses are by sha: of the versions on the route and of those of the
	// rollout. Buckets are ascending, of Period each.
	Health    map[string]engine.TaskHealth
	Responses map[string][]analysis.Bucket
	Period    time.Duration
	// Delay is how late the metrics are: no evidence can exist for the time after now
	// less Delay.
	Delay time.Duration
	// Fault is why its last reading failed; zero when it did not.
	Fault Fault
	// Rollout is the open rollout, or the last one that ended while the console ran; nil
	// without any.
	Rollout *Rollout
	// NoRollout is true when the journal was read and has no rollout for it.
	NoRollout bool
	// Last is how the last rollout ended that was over before the console ran; nil without
	// any, and before the journal was read.
	Last *Ended
}

// Ended is how a rollout ended.
type Ended struct {
	// Sha is the canary's.
	Sha     string
	Outcome engine.Outcome
	At      time.Time
	// Cause is what made it roll back; nil when it did not.
	Cause  *engine.Cause
	Reason string
}

// Rollout is a rollout with what was read for it.
type Rollout struct {
	engine.Snapshot
	// Mine is true when this process drives it.
	Mine bool
	// Lost is true when its driver gives no sign of life; LastSeen is when it last did.
	// Both are meaningless for a rollout that is over.
	Lost     bool
	LastSeen time.Time
	// Events are the rollout's, in order, all of them.
	Events []engine.Event
	// Marks are when the canary's weight was changed, ascending.
	Marks []Mark
}

// Mark is a change of the canary's weight.
type Mark struct {
	At     time.Time
	Weight int
}

// Order is what is to be deployed.
type Order struct {
	// File is a deploy.json; empty for the service's own specfile, as Serin carries it or
	// the last rollout had it.
	File string
	// Service is the service; empty when File says it.
	Service string
	// Image is the image's URI or, in the sandbox, repository:tag; Sha names the version
	// and is drawn when it is empty.
	Image, Sha string
	// Set are Field=Value settings over the file.
	Set []string
	// Previous deploys the version before the present one of Service. Image is empty, or
	// the one that was proposed: any other is refused.
	Previous bool
	// Fast goes to 100 in one step, and bakes.
	Fast bool
	// Reason is why, for the journal; it may be empty.
	Reason string
}

// Proposal is what a deployment would do.
type Proposal struct {
	Service, Stable, Canary, Image string
	Plan                           engine.Plan
	Takes                          time.Duration
	// Warnings are what an operator should know before it starts.
	Warnings []string
}

// Past is one line of a service's history.
type Past struct {
	Header  engine.Header
	Rollout *engine.Rollout
}

// Host is what the console is attached to. Its methods are safe for concurrent use.
type Host interface {
	// Scene is the newest scene, and a channel that is closed when there is a newer one.
	// It never waits.
	Scene() (Scene, <-chan struct{})
	// Post asks something of a service's open rollout. It never waits: what becomes of it
	// is seen in later scenes, as an event that the command was taken or refused. Who asks,
	// and from where, is the host's to say: it fills in a By that is empty. A rollout that
	// nobody drives is taken over to be rolled back or resumed. The error is for a command
	// that nobody can take, with words for the operator.
	Post(service string, command engine.Command) error
	// Propose says what an order would do; it changes nothing. The error is for the
	// operator, a problem a line.
	Propose(ctx context.Context, order Order) (Proposal, error)
	// Deploy starts a rollout that this process drives, and returns when it has begun.
	Deploy(ctx context.Context, order Order) error
	// TakeOver makes this process the driver of a service's rollout whose driver is gone.
	TakeOver(ctx context.Context, service string) error
	// Images are the images that a service can be deployed with, newest first, as
	// repository:tag; empty when nobody knows.
	Images(ctx context.Context, service string) ([]string, error)
	// History are the rollouts of a service, newest first; of all, when it is empty.
	History(ctx context.Context, service string) ([]Past, error)
	// Events are the events of a rollout, in order.
	Events(ctx context.Context, rollout string) ([]engine.Event, error)
}
