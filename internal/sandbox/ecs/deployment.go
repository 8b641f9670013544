package ecs

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// Statuses of deployments: the newest is PRIMARY, those that it replaces are ACTIVE.
const primary = "PRIMARY"

// deployment is one deployment of a service: its task definition and what goes with it,
// and how far it is. It is guarded by Service.mu.
type deployment struct {
	id         string
	status     string
	definition *types.TaskDefinition
	network    *types.NetworkConfiguration
	registries []types.ServiceRegistry

	state     types.DeploymentRolloutState
	reason    string
	failures  int32
	createdAt time.Time
	updatedAt time.Time
	// announced is whether the service has said that its tasks do not start.
	announced bool
}

// newDeployment makes a deployment of what a service is to run now; s.mu is held.
func (w *workload) newDeployment(definition *types.TaskDefinition) *deployment {
	d := &deployment{
		// ECS's identifiers are numbers of 19 digits.
		id:         fmt.Sprintf("ecs-svc/%d", 1e18+rand.Int64N(8e18)),
		status:     primary,
		definition: definition, network: w.network, registries: w.registries,
		createdAt: *moment(), updatedAt: *moment(),
	}
	d.progress(types.DeploymentRolloutStateInProgress, fmt.Sprintf("ECS deployment %s in progress.", d.id))
	return d
}

func (d *deployment) progress(to types.DeploymentRolloutState, reason string) {
	d.state, d.reason, d.updatedAt = to, reason, *moment()
}

// deploy makes a deployment the primary one; s.mu is held.
func (w *workload) deploy(d *deployment) {
	for _, older := range w.deployments {
		older.status = active
	}
	d.status = primary
	w.deployments = append([]*deployment{d}, w.deployments...)
	w.steady, w.failures, w.notBefore = false, 0, time.Time{}
}

// primary is the newest deployment.
func (w *workload) primary() *deployment { return w.deployments[0] }

// failed counts a task that failed against its service and its deployment; s.mu is held.
func (s *Service) failed(t *task) {
	w, d := t.workload, t.deployment
	if d.state == types.DeploymentRolloutStateInProgress {
		d.failures++
		d.updatedAt = *moment()
	}
	if d != w.primary() {
		return
	}
	w.failures++
	w.failedAt = time.Now()
	w.notBefore = w.failedAt.Add(s.paced(backoff(w.failures), shortest))
	if w.failures == consistently && !d.announced {
		d.announced = true
		w.event("(service %s) is unable to consistently start tasks successfully.", w.name)
	}
	s.breakCircuit(w, d)
}

// consistently is how many tasks must fail in a row for the service to say so.
const consistently = 3

// backoff is how long a service waits after some failures in a row before it starts
// another task, at pace 1: five seconds at first, twice as long each time, up to a
// quarter of an hour (ECS developer guide, service throttle logic).
func backoff(failures int) time.Duration {
	const first, longest = 5 * time.Second, 15 * time.Minute
	if failures > 8 {
		return longest
	}
	return min(first<<(failures-1), longest)
}

// threshold is how many failures a deployment may have: by default half the desired
// count, but at least 3 and at most 200 (ECS API reference, ThresholdConfiguration).
func threshold(breaker *types.DeploymentCircuitBreaker, desired int32) int32 {
	kind, value := types.ThresholdTypeBoundedPercent, int32(50)
	if c := breaker.ThresholdConfiguration; c != nil {
		kind, value = c.Type, c.Value
	}
	share := int32(min((int64(desired)*int64(value)+99)/100, math.MaxInt32))
	switch kind {
	case types.ThresholdTypeCount:
		return max(value, 1)
	case types.ThresholdTypeUnboundedPercent:
		return max(share, 1)
	default:
		return min(max(share, 3), 200)
	}
}

// breakCircuit fails a deployment that has had too many failures, and rolls back to the
// last one that was completed if the service wants that; s.mu is held.
func (s *Service) breakCircuit(w *workload, d *deployment) {
	breaker := w.configuration.DeploymentCircuitBreaker
	if !breaker.Enable || d.state != types.DeploymentRolloutStateInProgress || d.failures < threshold(breaker, w.desired) {
		return
	}
	d.progress(types.DeploymentRolloutStateFailed, "ECS deployment circuit breaker: tasks failed to start.")
	w.event("(service %s) (deployment %s) deployment failed: tasks failed to start.", w.name, d.id)
	if breaker.Rollback && w.completed != nil && w.completed.definition != d.definition {
		w.rollBack(d)
	}
	s.touch()
	w.wakeUp()
}

// rollBack makes what was deployed last with success the primary deployment again.
func (w *workload) rollBack(from *deployment) {
	back := w.newDeployment(w.completed.definition)
	back.network, back.registries = w.completed.network, w.completed.registries
	for i, d := range w.deployments {
		if d == w.completed {
			back = d
			w.deployments = append(w.deployments[:i:i], w.deployments[i+1:]...)
			break
		}
	}
	back.failures, back.announced = 0, false
	back.progress(types.DeploymentRolloutStateInProgress,
		fmt.Sprintf("ECS deployment circuit breaker: rolling back to deploymentId %s.", back.id))
	w.deploy(back)
	from.status = active
	w.network, w.registries = back.network, back.registries
	w.event("(service %s) rolling back to deployment %s.", w.name, back.id)
}

// recovered notes that a task of a deployment has become healthy: the failures before
// count no more, unless the circuit breaker says otherwise.
func (w *workload) recovered(d *deployment) {
	w.failures, w.notBefore = 0, time.Time{}
	d.announced = false
	breaker := w.configuration.DeploymentCircuitBreaker
	if breaker.ResetOnHealthyTask == nil || aws.ToBool(breaker.ResetOnHealthyTask) {
		d.failures = 0
	}
}

func (s *Service) describeDeployment(w *workload, d *deployment) types.Deployment {
	out := types.Deployment{
		Id: &d.id, Status: &d.status, TaskDefinition: d.definition.TaskDefinitionArn,
		LaunchType: w.launch, NetworkConfiguration: d.network, PlatformFamily: new("Linux"), PlatformVersion: new("1.4.0"),
		FailedTasks: d.failures, RolloutState: d.state, RolloutStateReason: &d.reason,
		CreatedAt: &d.createdAt, UpdatedAt: &d.updatedAt,
	}
	if d.status == primary {
		out.DesiredCount = w.desired
	}
	for _, t := range s.tasksOf(w) {
		switch {
		case t.deployment != d:
		case t.status == statusRunning:
			out.RunningCount++
		case t.status.starting():
			out.PendingCount++
		}
	}
	return out
}
