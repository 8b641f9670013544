package ecs_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

func crashing() map[string]behaviour {
	return map[string]behaviour{"crash": {lives: time.Second, code: 1}}
}

func TestTheCircuitBreakerFailsADeployment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, crashing())
		in := f.creation(f.define(unchecked("crash")), 1)
		in.DeploymentConfiguration = breaker(true)
		f.create(in)
		failed := func() bool { return f.service().Deployments[0].RolloutState == types.DeploymentRolloutStateFailed }
		f.eventually(10*time.Minute, "failed", failed)
		d := f.service().Deployments[0]
		if d.FailedTasks != 3 || *d.RolloutStateReason != "ECS deployment circuit breaker: tasks failed to start." {
			t.Errorf("deployment: %d failed tasks, %q", d.FailedTasks, *d.RolloutStateReason)
		}
		if !f.told("(deployment "+*d.Id+") deployment failed: tasks failed to start.") ||
			!f.told("(service app-1) is unable to consistently start tasks successfully.") {
			t.Errorf("events %q", f.events())
		}
		started := len(f.runtime.names())
		time.Sleep(time.Hour)
		if got := len(f.runtime.names()); got != started {
			t.Errorf("a failed deployment started %d tasks more", got-started)
		}
	})
}

func TestTheCircuitBreakerRollsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, crashing())
		good := f.define(unchecked("good"))
		in := f.creation(good, 2)
		in.DeploymentConfiguration = breaker(true)
		f.create(in)
		f.steady()
		first := *f.service().Deployments[0].Id
		f.update(sdk.UpdateServiceInput{TaskDefinition: new(f.define(unchecked("crash")))})
		f.eventually(10*time.Minute, "failed", func() bool {
			for _, d := range f.service().Deployments {
				if d.RolloutState == types.DeploymentRolloutStateFailed {
					return true
				}
			}
			if serving := len(f.instances()); serving < 2 {
				t.Fatalf("%d instances while the bad deployment was tried", serving)
			}
			return false
		})
		f.steady()
		d := f.service().Deployments[0]
		if *d.Id != first || *d.TaskDefinition != good || *f.service().TaskDefinition != good {
			t.Errorf("rolled back to %s of %s", *d.Id, *d.TaskDefinition)
		}
		if !f.told("rolling back to deployment " + first + ".") {
			t.Errorf("events %q", f.events())
		}
	})
}

func TestADeploymentWhosePredecessorIsGoneRollsBackToItsDefinition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, crashing())
		good := f.define(unchecked("good"))
		in := f.creation(good, 1)
		in.DeploymentConfiguration = breaker(true)
		in.DeploymentConfiguration.MinimumHealthyPercent = new(int32(0))
		in.DeploymentConfiguration.MaximumPercent = new(int32(100))
		f.create(in)
		f.steady()
		f.update(sdk.UpdateServiceInput{TaskDefinition: new(f.define(unchecked("crash")))})
		f.eventually(10*time.Minute, "rolled back", func() bool { return f.told("rolling back to deployment") })
		f.steady()
		if got := *f.service().TaskDefinition; got != good {
			t.Errorf("the service runs %s", got)
		}
	})
}

func TestWithoutACircuitBreakerAServiceTriesWithBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, crashing())
		f.create(f.creation(f.define(unchecked("crash")), 1))
		time.Sleep(10 * time.Minute)
		early := len(f.runtime.names())
		time.Sleep(2 * time.Hour)
		late := len(f.runtime.names()) - early
		if early < 4 || early > 9 {
			t.Errorf("%d tasks in the first ten minutes", early)
		}
		if late < 6 || late > 10 {
			t.Errorf("%d tasks in the two hours after", late)
		}
		d := f.service().Deployments[0]
		if d.RolloutState != types.DeploymentRolloutStateInProgress || int(d.FailedTasks) != early+late {
			t.Errorf("deployment %s with %d failed tasks of %d", d.RolloutState, d.FailedTasks, early+late)
		}
		told := 0
		for _, message := range f.events() {
			if strings.HasSuffix(message, "is unable to consistently start tasks successfully.") {
				told++
			}
		}
		if told != 1 {
			t.Errorf("told %d times", told)
		}
	})
}

func TestARollingUpdateKeepsTheServiceServing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		f.create(f.creation(f.define(app("good")), 3))
		f.steady()
		second := f.define(app("good"))
		f.update(sdk.UpdateServiceInput{TaskDefinition: &second})
		old := f.service().Deployments[1]
		if *old.Status != "ACTIVE" || *f.service().Deployments[0].Status != "PRIMARY" {
			t.Errorf("deployments %+v", f.service().Deployments)
		}
		f.eventually(5*time.Minute, "updated", func() bool {
			service := f.service()
			if service.RunningCount < 3 || service.RunningCount+service.PendingCount > 6 {
				t.Fatalf("%d running and %d pending", service.RunningCount, service.PendingCount)
			}
			return len(service.Deployments) == 1
		})
		service := f.service()
		if *service.TaskDefinition != second || service.RunningCount != 3 || *service.Deployments[0].TaskDefinition != second {
			t.Errorf("service %+v", service)
		}
		if _, most := f.runtime.living(); most != 6 {
			t.Errorf("at most %d processes ran", most)
		}
	})
}

func TestALowMaximumReplacesTasksOneAfterAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		in := f.creation(f.define(app("good")), 2)
		in.DeploymentConfiguration = &types.DeploymentConfiguration{MinimumHealthyPercent: new(int32(50)), MaximumPercent: new(int32(100))}
		f.create(in)
		f.steady()
		f.update(sdk.UpdateServiceInput{ForceNewDeployment: true})
		f.eventually(5*time.Minute, "updated", func() bool {
			service := f.service()
			if service.RunningCount < 1 || len(f.instances()) < 1 {
				t.Fatalf("%d running, %d instances", service.RunningCount, len(f.instances()))
			}
			return len(service.Deployments) == 1
		})
		if _, most := f.runtime.living(); most > 3 {
			t.Errorf("at most %d processes ran", most)
		}
	})
}

func TestAFailedDeploymentThatIsNotRolledBackLeavesTheOldTasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, crashing())
		in := f.creation(f.define(unchecked("good")), 2)
		in.DeploymentConfiguration = breaker(false)
		f.create(in)
		f.steady()
		f.update(sdk.UpdateServiceInput{TaskDefinition: new(f.define(unchecked("crash")))})
		f.eventually(10*time.Minute, "failed", func() bool {
			return f.service().Deployments[0].RolloutState == types.DeploymentRolloutStateFailed
		})
		time.Sleep(time.Hour)
		service := f.service()
		if len(service.Deployments) != 2 || service.Deployments[1].RunningCount != 2 || service.Deployments[0].RunningCount != 0 {
			t.Errorf("deployments %+v", service.Deployments)
		}
		f.update(sdk.UpdateServiceInput{TaskDefinition: service.Deployments[1].TaskDefinition})
		f.steady()
	})
}

func TestThresholdsOfTheCircuitBreaker(t *testing.T) {
	cases := map[string]struct {
		desired   int32
		threshold *types.ThresholdConfiguration
		want      int32
	}{
		"at least three":    {1, nil, 3},
		"half of desired":   {10, nil, 5},
		"a count":           {1, &types.ThresholdConfiguration{Type: types.ThresholdTypeCount, Value: 1}, 1},
		"bounded percent":   {2, &types.ThresholdConfiguration{Type: types.ThresholdTypeBoundedPercent, Value: 100}, 3},
		"unbounded percent": {2, &types.ThresholdConfiguration{Type: types.ThresholdTypeUnboundedPercent, Value: 100}, 2},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, crashing())
				in := f.creation(f.define(unchecked("crash")), c.desired)
				in.DeploymentConfiguration = breaker(false)
				in.DeploymentConfiguration.DeploymentCircuitBreaker.ThresholdConfiguration = c.threshold
				f.create(in)
				var at int32
				f.eventually(time.Hour, "failed", func() bool {
					d := f.service().Deployments[0]
					if d.RolloutState == types.DeploymentRolloutStateFailed && at == 0 {
						at = d.FailedTasks
					}
					return at > 0
				})
				if at < c.want || at > c.want+c.desired {
					t.Errorf("failed after %d tasks, want %d", at, c.want)
				}
			})
		})
	}
}
