package aws

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"serin/internal/engine"
)

const passing = types.HealthStatusHealthy

// watchedFleet is a service whose tasks have been looked at until their list was kept.
type watchedFleet struct {
	*clusterFake
	t     *testing.T
	tasks *Tasks
}

// event is something that happens to the service aaaa, the newest of what it tells.
func (w *watchedFleet) event(message string) {
	service := &w.services[0]
	service.Events = append([]types.ServiceEvent{{
		Id: aws.String(fmt.Sprint("event", len(service.Events))), CreatedAt: aws.Time(time.Now()), Message: &message,
	}}, service.Events...)
}

// scale makes the service want and have so many tasks, those with these numbers.
func (w *watchedFleet) scale(numbers ...int) {
	for _, number := range numbers {
		w.clusterFake.tasks = append(w.clusterFake.tasks, task("aaaa", fmt.Sprint("t", number), passing))
	}
	w.count()
}

// count makes the service say how many tasks it has.
func (w *watchedFleet) count() {
	w.services[0].RunningCount, w.services[0].PendingCount = 0, 0
	for _, task := range w.clusterFake.tasks {
		switch {
		case *task.LastStatus == "RUNNING":
			w.services[0].RunningCount++
		case *task.LastStatus != "STOPPED":
			w.services[0].PendingCount++
		}
	}
}

// crash ends a task.
func (w *watchedFleet) crash(id string) {
	at := slices.IndexFunc(w.clusterFake.tasks, func(task types.Task) bool { return lastPart(*task.TaskArn) == id })
	w.clusterFake.tasks[at] = stopped("aaaa", id, 0, "Essential container in task exited")
	w.clusterFake.tasks[at].StopCode = types.TaskStopCodeEssentialContainerExited
}

// look reads the tasks, and tells how they are and whether they were listed.
func (w *watchedFleet) look() (health engine.TaskHealth, listed bool) {
	w.t.Helper()
	before := w.calls["ListTasks"]
	all, err := w.tasks.Health(w.t.Context(), appserver(), []string{"aaaa"})
	if err != nil {
		w.t.Fatal(err)
	}
	return all[0], w.calls["ListTasks"] > before
}

// expect looks, and asserts what is seen, and whether that took a list.
func (w *watchedFleet) expect(running, healthy, stops int, listed bool) {
	w.t.Helper()
	health, did := w.look()
	if health.Running != running || health.Healthy != healthy || len(health.Stops) != stops || did != listed {
		w.t.Errorf("listed %v: %+v; want listed %v, %d running, %d healthy, %d stops", did, health, listed, running, healthy, stops)
	}
}

// watching runs a test of a service with two tasks that have been there for long.
func watching(t *testing.T, test func(w *watchedFleet)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &watchedFleet{t: t, clusterFake: &clusterFake{services: []types.Service{ecsService("aaaa", 2)}, definitions: definition(true)}}
		w.services[0].Deployments = []types.Deployment{{Id: aws.String("d1"), Status: aws.String("PRIMARY"), UpdatedAt: aws.Time(time.Now())}}
		w.tasks = NewTasks(w.clusterFake, &instancesFake{}, here())
		w.scale(1, 2)
		w.event("(service yelb-appserver-aaaa) has started 2 tasks: (task t1) (task t2).")
		for range 3 {
			w.expect(2, 2, 0, true)
			time.Sleep(5 * time.Second)
		}
		w.expect(2, 2, 0, false)
		time.Sleep(5 * time.Second)
		test(w)
	})
}

func TestTasksAreNotListedWhileNothingHappens(t *testing.T) {
	watching(t, func(w *watchedFleet) {
		before := w.calls["DescribeTasks"]
		lists := 0
		for range 240 {
			if _, listed := w.look(); listed {
				lists++
			}
			time.Sleep(5 * time.Second)
		}
		if lists != 2 || w.calls["DescribeTasks"] != before+240 {
			w.t.Errorf("listed %d times in 20 minutes, %v", lists, w.calls)
		}
	})
}

func TestATaskThatIsReplacedBetweenTwoLooksIsSeen(t *testing.T) {
	watching(t, func(w *watchedFleet) {
		w.crash("t1")
		w.scale(3)
		w.event("(service yelb-appserver-aaaa) has started 1 tasks: (task t3).")
		w.expect(2, 2, 1, true)
	})
	// Even where ECS would not tell of it.
	watching(t, func(w *watchedFleet) {
		w.crash("t1")
		w.scale(3)
		w.expect(2, 2, 1, true)
	})
}

// A task that comes and goes between two looks leaves an event and no more.
func TestATaskThatCameAndWentIsSeen(t *testing.T) {
	watching(t, func(w *watchedFleet) {
		w.scale(3)
		w.crash("t3")
		w.count()
		w.event("(service yelb-appserver-aaaa) has started 1 tasks: (task t3).")
		w.expect(2, 2, 1, true)
	})
	watching(t, func(w *watchedFleet) {
		w.services[0].Deployments[0].FailedTasks++
		w.scale(3)
		w.crash("t3")
		w.count()
		w.expect(2, 2, 1, true)
	})
}

func TestAServiceThatIsScaledIsSeen(t *testing.T) {
	watching(t, func(w *watchedFleet) {
		w.services[0].DesiredCount = 4
		w.expect(2, 2, 0, true)
		w.scale(3, 4)
		w.expect(4, 4, 0, true)
	})
}

func TestADeploymentIsSeen(t *testing.T) {
	replaced := func(w *watchedFleet) {
		for _, id := range []string{"t1", "t2"} {
			w.crash(id)
		}
		w.scale(3, 4)
		w.expect(2, 2, 2, true)
	}
	watching(t, func(w *watchedFleet) {
		w.services[0].Deployments = append([]types.Deployment{{Id: aws.String("d2"), Status: aws.String("PRIMARY")}}, w.services[0].Deployments...)
		w.expect(2, 2, 0, true)
		replaced(w)
	})
	watching(t, func(w *watchedFleet) {
		w.services[0].Deployments[0].UpdatedAt = aws.Time(time.Now())
		w.expect(2, 2, 0, true)
		replaced(w)
	})
}

func TestHealthThatTurnsIsSeenWithoutAList(t *testing.T) {
	watching(t, func(w *watchedFleet) {
		w.clusterFake.tasks[1].HealthStatus = types.HealthStatusUnhealthy
		w.expect(2, 1, 0, false)
		w.clusterFake.tasks[1].HealthStatus = passing
		w.expect(2, 2, 0, false)
	})
}

// DescribeServices may say for a while what was. What is known of the tasks themselves is
// seen all the same; what only a list would tell, when the service or the counts tell of it.
func TestAServiceThatSaysWhatWasHidesNothing(t *testing.T) {
	watching(t, func(w *watchedFleet) {
		w.clusterFake.tasks = append(w.clusterFake.tasks, task("aaaa", "t3", passing))
		w.crash("t1")
		w.expect(2, 2, 1, true)
		w.count()
		w.event("(service yelb-appserver-aaaa) has started 1 tasks: (task t3).")
		w.expect(2, 2, 1, true)
		w.expect(2, 2, 1, true)
	})
}

// A list that is older than the event that tells of what it lacks is not kept.
func TestAListThatLagsIsNotKept(t *testing.T) {
	watching(t, func(w *watchedFleet) {
		w.event("(service yelb-appserver-aaaa) has started 1 tasks: (task t3).")
		w.expect(2, 2, 0, true)
		w.scale(3)
		w.crash("t3")
		w.count()
		time.Sleep(5 * time.Second)
		w.expect(2, 2, 1, true)
	})
}

func TestAListedTaskThatIsForgottenIsNotKept(t *testing.T) {
	watching(t, func(w *watchedFleet) {
		w.crash("t1")
		w.scale(3)
		for range 3 {
			w.expect(2, 2, 1, true)
			time.Sleep(5 * time.Second)
		}
		w.expect(2, 2, 1, false)
		w.clusterFake.tasks = slices.Delete(w.clusterFake.tasks, 0, 1)
		w.expect(2, 2, 0, true)
	})
}

// Where a service tells no events, or somebody else starts its tasks, counts alone say too
// little.
func TestListsThatAreNeverKept(t *testing.T) {
	for name, change := range map[string]func(*types.Service){
		"no events":   func(service *types.Service) { service.Events = nil },
		"no identity": func(service *types.Service) { service.Events = []types.ServiceEvent{{Message: aws.String("x")}} },
		"task sets":   func(service *types.Service) { service.TaskSets = []types.TaskSet{{}} },
		"external": func(service *types.Service) {
			service.DeploymentController = &types.DeploymentController{Type: types.DeploymentControllerTypeExternal}
		},
	} {
		t.Run(name, func(t *testing.T) {
			watching(t, func(w *watchedFleet) {
				change(&w.services[0])
				for range 5 {
					w.expect(2, 2, 0, true)
					time.Sleep(5 * time.Second)
				}
			})
		})
	}
}

// The rollouts of a process share requests, and each gets what is its own.
func TestRolloutsShareLooksAtTasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := &clusterFake{}
		shop := func(number int) engine.Service {
			return engine.Service{Environment: "ecs-blogpost", Name: fmt.Sprintf("s%02d", number)}
		}
		for number := range 40 {
			name := shop(number).VersionName("aaaa")
			one := types.Service{ServiceName: &name, Status: aws.String("ACTIVE"), DesiredCount: int32(number), RunningCount: 1}
			one.Events = []types.ServiceEvent{{Id: aws.String("e"), CreatedAt: aws.Time(time.Now())}}
			fake.services = append(fake.services, one)
			running := task("aaaa", name, passing)
			running.Group = aws.String("service:" + name)
			fake.tasks = append(fake.tasks, running)
		}
		tasks := NewTasks(fake, &instancesFake{}, here())
		round := func() {
			var asking sync.WaitGroup
			for number := range 40 {
				asking.Go(func() {
					health, err := tasks.Health(t.Context(), shop(number), []string{"aaaa"})
					if err != nil || health[0].Desired != number || health[0].Healthy != 1 {
						t.Errorf("%d: %+v, %v", number, health, err)
					}
				})
			}
			asking.Wait()
			time.Sleep(5 * time.Second)
		}
		for range 3 {
			round()
		}
		before := fmt.Sprint(fake.calls["ListTasks"])
		services, described := fake.calls["DescribeServices"], fake.calls["DescribeTasks"]
		round()
		// One is the first, and alone; the other 39 are four requests of ten services.
		if got := fake.calls["DescribeServices"] - services; got != 5 {
			t.Errorf("%d requests for services", got)
		}
		if got := fake.calls["DescribeTasks"] - described; got != 2 || fmt.Sprint(fake.calls["ListTasks"]) != before {
			t.Errorf("%d requests for tasks; %v, after %s lists", got, fake.calls, before)
		}
	})
}

// A service that these credentials may not see, or that ECS cannot tell about, hides no
// other one.
func TestAServicesTroubleIsItsOwn(t *testing.T) {
	fleet := func() (*clusterFake, func(t *testing.T, tasks *Tasks) map[string]error) {
		fake := &clusterFake{services: []types.Service{ecsService("aaaa", 0), ecsService("bbbb", 0), ecsService("cccc", 0)}}
		return fake, func(t *testing.T, tasks *Tasks) map[string]error {
			t.Helper()
			failed, mu := map[string]error{}, sync.Mutex{}
			var asking sync.WaitGroup
			for i, sha := range []string{"zzzz", "aaaa", "bbbb", "cccc"} {
				service := appserver()
				asking.Go(func() {
					time.Sleep(time.Duration(i) * time.Millisecond)
					if sha == "zzzz" {
						service.Name = "first"
					}
					_, err := tasks.Health(t.Context(), service, []string{sha})
					mu.Lock()
					defer mu.Unlock()
					failed[sha] = err
				})
			}
			asking.Wait()
			return failed
		}
	}
	synctest.Test(t, func(t *testing.T) {
		fake, ask := fleet()
		fake.failures = []types.Failure{{Arn: aws.String("arn:aws:ecs:us-west-2:1:service/ecs-blogpost/yelb-appserver-bbbb"), Reason: aws.String("ACCESS")}}
		failed := ask(t, NewTasks(&onlyNamed{clusterFake: fake}, nil, here()))
		wantFault(t, failed["bbbb"], engine.Transient, "ECS says ACCESS of yelb-appserver-bbbb", "the tasks of yelb-appserver in")
		if failed["aaaa"] != nil || failed["cccc"] != nil || failed["zzzz"] != nil || fake.calls["DescribeServices"] != 2 {
			t.Errorf("%v, %v", failed, fake.calls)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		fake, ask := fleet()
		denied := &onlyNamed{clusterFake: fake, denied: "yelb-appserver-bbbb", err: said("ECS", "DescribeServices", 403, "AccessDeniedException", "no")}
		failed := ask(t, NewTasks(denied, nil, here()))
		wantFault(t, failed["bbbb"], engine.Denied, "ecs:DescribeServices")
		if failed["aaaa"] != nil || failed["cccc"] != nil || fake.calls["DescribeServices"] != 5 {
			t.Errorf("%v, %v", failed, fake.calls)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		fake, ask := fleet()
		throttled := &onlyNamed{clusterFake: fake, denied: "yelb-appserver-bbbb", err: said("ECS", "DescribeServices", 400, "ThrottlingException", "Rate exceeded")}
		failed := ask(t, NewTasks(throttled, nil, here()))
		for _, sha := range []string{"aaaa", "bbbb", "cccc"} {
			wantFault(t, failed[sha], engine.Transient, "Rate exceeded", "read the tasks of yelb-appserver in cluster ecs-blogpost")
		}
		if fake.calls["DescribeServices"] != 2 {
			t.Errorf("%v", fake.calls)
		}
	})
}

// onlyNamed is a cluster that tells failures only of what was asked for, and refuses
// requests that name one service.
type onlyNamed struct {
	*clusterFake
	denied string
	err    error
}

func (o *onlyNamed) DescribeServices(ctx context.Context, in *ecs.DescribeServicesInput, set ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	out, err := o.clusterFake.DescribeServices(ctx, in, set...)
	if err == nil && slices.Contains(in.Services, o.denied) {
		return nil, o.err
	}
	if out != nil {
		out.Failures = slices.DeleteFunc(slices.Clone(out.Failures), func(failure types.Failure) bool {
			return !slices.Contains(in.Services, lastPart(*failure.Arn))
		})
	}
	return out, err
}
