package engine

import (
	"context"
	"encoding/json"
	"time"

	"serin/internal/engine/analysis"
)

// Target is one version, or one foreign thing, on a route.
type Target struct {
	// Name is what the router calls it.
	Name string `json:"name"`
	// Sha is the version's; empty for a target that is no version of the service.
	Sha string `json:"sha,omitempty"`
	// Weight is the share of the traffic, 0 to 100, relative to the other targets'.
	Weight int `json:"weight"`
}

// Route is what was read of the route of a service.
type Route struct {
	// Exists is false when the service has no route, as before its first deployment.
	Exists  bool     `json:"exists"`
	Targets []Target `json:"targets,omitempty"`
	// Revision changes with every write, whoever writes.
	Revision string `json:"revision,omitempty"`
	// Shape is a digest of all that is not a target or a weight: match, retries, timeouts,
	// priority. A change of it is someone else's.
	Shape string `json:"shape,omitempty"`
	// Document is the whole route as the router has it, to make it anew should it be gone.
	Document json.RawMessage `json:"document,omitempty"`
	ReadAt   time.Time       `json:"read_at"`
}

// Weight is the weight of a version on the route; 0 when the route does not name it.
func (r Route) Weight(sha string) int {
	for _, target := range r.Targets {
		if target.Sha == sha && sha != "" {
			return target.Weight
		}
	}
	return 0
}

// IsSplit tells whether more than one target has weight.
func (r Route) IsSplit() bool {
	serving := 0
	for _, target := range r.Targets {
		if target.Weight > 0 {
			serving++
		}
	}
	return serving > 1
}

// Names tells whether the route names a version, at whatever weight.
func (r Route) Names(sha string) bool {
	for _, target := range r.Targets {
		if target.Sha == sha && sha != "" {
			return true
		}
	}
	return false
}

// Split is what the weights of a route shall be.
type Split struct {
	// Weights are the versions that the route shall name, by sha.
	Weights []Weight `json:"weights"`
	// Drop are the shas that the route shall no longer name.
	Drop []string `json:"drop,omitempty"`
	// After is the revision that the split was decided on: the router refuses with
	// ErrDrift, and writes nothing, when the route has another one and does not already
	// have these weights. Empty writes whatever the revision (a roll back).
	After string `json:"after,omitempty"`
	// Create allows the route to be made where there is none: a first deployment.
	Create bool `json:"create,omitempty"`
	// Restore is a document to make the route anew from, where it is gone.
	Restore json.RawMessage `json:"restore,omitempty"`
	// Token makes repeated calls one: the same token for the same intention.
	Token string `json:"token"`
}

// Weight is the weight of one version.
type Weight struct {
	Sha    string `json:"sha"`
	Weight int    `json:"weight"`
}

// Router splits the traffic of services. Implementations are safe for concurrent use.
type Router interface {
	// Route reads the route of a service. A route that is not there is no error: Exists
	// is false. A mesh, listener or router that is not there is an error of kind
	// NotFound.
	Route(ctx context.Context, service Service) (Route, error)
	// SetWeights changes weights and nothing else: match, retries, timeouts, priority and
	// foreign targets stay as found. A route that cannot be written back unchanged is
	// refused with kind Invalid. A route that already has the weights is not written. It
	// does not read back: a weight counts when Route shows it.
	SetWeights(ctx context.Context, service Service, split Split) error
	// RemoveRoute removes a route that names no version but sha; it is idempotent, and
	// refuses with ErrDrift a route that names another one.
	RemoveRoute(ctx context.Context, service Service, sha string) error
	// OtherRoutes are the names of the routes, beside the service's own, that name a
	// version of it at whatever weight.
	OtherRoutes(ctx context.Context, service Service, sha string) ([]string, error)
}

// StackState is the state of a stack, as far as a rollout cares.
type StackState string

// The states of a stack.
const (
	StackAbsent       StackState = "absent"
	StackCreating     StackState = "creating"
	StackReady        StackState = "ready"
	StackFailed       StackState = "failed"
	StackDeleting     StackState = "deleting"
	StackDeleteFailed StackState = "delete_failed"
)

// StackEvent is one line of what happens to a stack.
type StackEvent struct {
	ID       string    `json:"id"`
	At       time.Time `json:"at"`
	Resource string    `json:"resource"`
	Type     string    `json:"type,omitempty"`
	Status   string    `json:"status"`
	Reason   string    `json:"reason,omitempty"`
}

// Stack is what was read of the stack of a version.
type Stack struct {
	// ID is the stack's own name among all stacks that ever were; it answers even when
	// the stack is deleted.
	ID    string     `json:"id"`
	Name  string     `json:"name"`
	State StackState `json:"state"`
	// Status is the provider's word for the state.
	Status string `json:"status"`
	// Owner is the rollout that asked for the stack: the value of its OwnerTag.
	Owner string `json:"owner,omitempty"`
	// Reasons say why a stack failed, the first cause first.
	Reasons []string `json:"reasons,omitempty"`
	// Events are those after the one asked for, oldest first.
	Events []StackEvent `json:"events,omitempty"`
	ReadAt time.Time    `json:"read_at"`
}

// OwnerTag is the tag that carries the ID of the rollout that asked for a stack.
const OwnerTag = "serin:rollout"

// StackRequest asks for the stack of a version.
type StackRequest struct {
	Name       string            `json:"name"`
	Template   []byte            `json:"template"`
	Parameters map[string]string `json:"parameters"`
	Tags       map[string]string `json:"tags,omitempty"`
	Token      string            `json:"token"`
}

// Stacks creates and deletes the stacks of versions. Implementations are safe for
// concurrent use.
type Stacks interface {
	// Create asks for a stack and returns its ID, without waiting for it. The same token
	// again is the same stack; another stack of that name is an error of kind Conflict.
	Create(ctx context.Context, request StackRequest) (id string, err error)
	// Stack reads a stack by name or ID, with the events after the one with the ID
	// afterEvent (all, when it is empty). A stack that is not there is no error: its state
	// is StackAbsent.
	Stack(ctx context.Context, nameOrID, afterEvent string) (Stack, error)
	// Delete asks for a deletion, without waiting for it. A stack that is not there is no
	// error.
	Delete(ctx context.Context, nameOrID, token string) error
}

// MetricSource says which metric counts the responses of a version. The values of
// Dimensions may hold {environment}, {service}, {sha}, {version} and {class}.
type MetricSource struct {
	Namespace  string            `json:"Namespace"`
	Name       string            `json:"Name"`
	Dimensions map[string]string `json:"Dimensions"`
}

// ResponseQuery asks for the responses of one version.
type ResponseQuery struct {
	Service Service
	Sha     string
	Source  MetricSource
	// From is inclusive, To exclusive; Period divides them into buckets.
	From, To time.Time
	Period   time.Duration
}

// Responses answer a ResponseQuery.
type Responses struct {
	Sha string `json:"sha"`
	// Buckets are ascending; a period without any datapoint has no bucket.
	Buckets []analysis.Bucket `json:"buckets,omitempty"`
	ReadAt  time.Time         `json:"read_at"`
}

// Metrics reads response counts. Implementations are safe for concurrent use and ask
// for all queries of a call in as few requests as the provider allows.
type Metrics interface {
	// Responses answers every query, in their order, or fails as a whole.
	Responses(ctx context.Context, queries []ResponseQuery) ([]Responses, error)
}

// Alarm is the state of one alarm.
type Alarm struct {
	Name string `json:"name"`
	// Firing is true in ALARM.
	Firing bool      `json:"firing"`
	State  string    `json:"state"`
	Reason string    `json:"reason,omitempty"`
	ReadAt time.Time `json:"read_at"`
}

// Alarms reads alarms.
type Alarms interface {
	// Alarms reads the alarms with these names, in their order; one that is not there is
	// an error of kind NotFound.
	Alarms(ctx context.Context, names []string) ([]Alarm, error)
}

// TaskStop is why a task is no longer there.
type TaskStop struct {
	Task   string    `json:"task"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
	// Failed is true for a task that crashed, never started or failed its health checks,
	// and false for one that was asked to stop.
	Failed bool `json:"failed,omitempty"`
}

// TaskHealth is what was read of the tasks of one version.
type TaskHealth struct {
	Sha string `json:"sha"`
	// Exists is false when there is no such service, or it is not active.
	Exists  bool `json:"exists"`
	Desired int  `json:"desired"`
	Running int  `json:"running"`
	// Healthy are the running tasks that pass their container health checks, and those
	// that have none; where the version is found by Cloud Map, only the registered and
	// healthy ones of them.
	Healthy int `json:"healthy"`
	// Stops are the last tasks that stopped, newest first.
	Stops []TaskStop `json:"stops,omitempty"`
	// Messages are the last events of the service, newest first.
	Messages []string  `json:"messages,omitempty"`
	ReadAt   time.Time `json:"read_at"`
}

// AllHealthy tells whether every desired task, and at least one, is healthy.
func (h TaskHealth) AllHealthy() bool {
	return h.Exists && h.Desired > 0 && h.Healthy >= h.Desired
}

// Tasks reads the health of tasks. Implementations are safe for concurrent use.
type Tasks interface {
	// Health reads the tasks of versions of a service, in the order of the shas. A
	// version without a service is no error: Exists is false.
	Health(ctx context.Context, service Service, shas []string) ([]TaskHealth, error)
}

// Deployed is what is recorded as the deployed version of a service.
type Deployed struct {
	// Exists is false before the first deployment.
	Exists bool `json:"exists"`
	// Image is the image that was recorded, Number how often one has been.
	Image  string `json:"image,omitempty"`
	Number int64  `json:"number,omitempty"`
}

// Versions is the record of deployed versions.
type Versions interface {
	// Deployed reads the record of a service.
	Deployed(ctx context.Context, service Service) (Deployed, error)
	// Record records an image and returns its number. It is not idempotent: the driver
	// reads before it repeats.
	Record(ctx context.Context, service Service, image string) (number int64, err error)
}

// Ports are all that a driver needs of the world, beside a journal.
type Ports struct {
	Router   Router
	Stacks   Stacks
	Metrics  Metrics
	Alarms   Alarms
	Tasks    Tasks
	Versions Versions
}
