package aws

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"serin/internal/engine"
)

// fleetOf are so many services with as many tasks each, known for long, and a function that
// has all of them looked at: the first alone, and the others in one call. It returns which
// looks failed.
func fleetOf(t *testing.T, services, running int, over func(*clusterFake) TaskAPI) (*clusterFake, func() map[int]error) {
	t.Helper()
	fake := &clusterFake{definitions: definition(true)}
	shop := func(number int) engine.Service {
		return engine.Service{Environment: "ecs-blogpost", Name: fmt.Sprintf("s%02d", number)}
	}
	for number := range services {
		name := shop(number).VersionName("aaaa")
		one := types.Service{ServiceName: &name, Status: aws.String("ACTIVE"), DesiredCount: int32(running), RunningCount: int32(running)}
		one.Events = []types.ServiceEvent{{Id: aws.String("e"), CreatedAt: aws.Time(time.Now())}}
		fake.services = append(fake.services, one)
		for i := range running {
			there := task("aaaa", fmt.Sprintf("%s-%03d", name, i), passing)
			there.Group = aws.String("service:" + name)
			fake.tasks = append(fake.tasks, there)
		}
	}
	tasks := NewTasks(over(fake), &instancesFake{}, here())
	return fake, func() map[int]error {
		failed, mu := map[int]error{}, sync.Mutex{}
		var asking sync.WaitGroup
		for number := range services {
			asking.Go(func() {
				time.Sleep(time.Duration(number) * time.Millisecond)
				health, err := tasks.Health(t.Context(), shop(number), []string{"aaaa"})
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					failed[number] = err
				} else if health[0].Healthy != running {
					t.Errorf("%d: %+v", number, health)
				}
			})
		}
		asking.Wait()
		time.Sleep(10 * time.Second)
		return failed
	}
}

// A request for services that fails is the trouble of those in it: of all of them, where
// all may meet it, and else of the one that is to blame.
func TestARequestForServicesHidesNoOther(t *testing.T) {
	for name, test := range map[string]struct {
		err    error
		kind   engine.FaultKind
		failed []int
		calls  int
	}{
		"throttled": {said("ECS", "DescribeServices", 400, "ThrottlingException", "Rate exceeded"), engine.Transient, []int{11, 12, 13, 14, 15, 16, 17, 18, 19, 20}, 4},
		"lost":      {lostConnection(), engine.Transient, []int{11, 12, 13, 14, 15, 16, 17, 18, 19, 20}, 4},
		"denied":    {said("ECS", "DescribeServices", 403, "AccessDeniedException", "no"), engine.Denied, []int{15}, 14},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake, look := fleetOf(t, 31, 1, func(fake *clusterFake) TaskAPI {
					return &onlyNamed{clusterFake: fake, denied: "s15-aaaa", err: test.err}
				})
				failed := look()
				if got := slices.Sorted(maps.Keys(failed)); !slices.Equal(got, test.failed) || fake.calls["DescribeServices"] != test.calls {
					t.Errorf("%v failed, with %d calls", got, fake.calls["DescribeServices"])
				}
				for _, err := range failed {
					wantFault(t, err, test.kind, "read the tasks of s")
				}
			})
		})
	}
}

// fewTasks is a cluster that does not describe the tasks of a service while it fails.
type fewTasks struct {
	*clusterFake
	of   string
	fail error
}

func (f *fewTasks) DescribeTasks(ctx context.Context, in *ecs.DescribeTasksInput, set ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error) {
	out, err := f.clusterFake.DescribeTasks(ctx, in, set...)
	if f.fail != nil && slices.ContainsFunc(in.Tasks, func(arn string) bool { return strings.Contains(arn, f.of) }) {
		return nil, f.fail
	}
	return out, err
}

// A request for tasks that fails is the trouble of those who have one in it, and makes no
// list that is known worth less.
func TestARequestForTasksHidesNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		few := &fewTasks{of: "s03"}
		fake, look := fleetOf(t, 4, 60, func(fake *clusterFake) TaskAPI {
			few.clusterFake = fake
			return few
		})
		for range 4 {
			if failed := look(); len(failed) != 0 {
				t.Fatal(failed)
			}
		}
		lists := fake.calls["ListTasks"]
		few.fail = said("ECS", "DescribeTasks", 400, "ThrottlingException", "Rate exceeded")
		failed := look()
		if got := slices.Sorted(maps.Keys(failed)); !slices.Equal(got, []int{2, 3}) {
			t.Errorf("%v failed", failed)
		}
		few.fail = nil
		if failed := look(); len(failed) != 0 || fake.calls["ListTasks"] != lists {
			t.Errorf("%v failed, %d lists more", failed, fake.calls["ListTasks"]-lists)
		}
	})
}
