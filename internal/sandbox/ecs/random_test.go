package ecs_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// operate does something at random that an operator may do to the service.
func (f *fixture) operate(random *rand.Rand, definitions []string) {
	f.t.Helper()
	switch random.IntN(4) {
	case 0:
		f.update(sdk.UpdateServiceInput{DesiredCount: new(random.Int32N(5))})
	case 1:
		f.update(sdk.UpdateServiceInput{TaskDefinition: &definitions[random.IntN(len(definitions))]})
	case 2:
		f.update(sdk.UpdateServiceInput{ForceNewDeployment: true})
	case 3:
		if tasks := f.tasks(types.DesiredStatusRunning); len(tasks) > 0 {
			task := tasks[random.IntN(len(tasks))].TaskArn
			_, err := f.StopTask(f.t.Context(), &sdk.StopTaskInput{Cluster: new(clusterName), Task: task})
			must(f.t, err)
		}
	}
}

func TestWhateverIsDoneAServiceBecomesSteady(t *testing.T) {
	for seed := range uint64(15) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 1))
				f := newFixture(t, map[string]behaviour{
					"crash": {lives: time.Second, code: 1}, "sick": {sickAfter: time.Minute},
				})
				good := f.define(app("good"))
				definitions := []string{good, f.define(app("sick")), f.define(unchecked("crash")), f.define(unchecked("good"))}
				in := f.creation(good, 2)
				in.DeploymentConfiguration = breaker(seed%2 == 0)
				f.create(in)
				for range 20 {
					f.operate(random, definitions)
					time.Sleep(time.Duration(random.IntN(60)) * time.Second)
					service := f.service()
					if got := service.RunningCount + service.PendingCount; got > 2*5+5 {
						t.Fatalf("%d tasks", got)
					}
				}
				f.update(sdk.UpdateServiceInput{TaskDefinition: &good, DesiredCount: new(int32(2)), ForceNewDeployment: true})
				f.steady()
				time.Sleep(2 * time.Minute)
				if alive, _ := f.runtime.living(); alive != 2 || len(f.instances()) != 2 {
					t.Errorf("%d processes and %d instances of 2 desired", alive, len(f.instances()))
				}
				if got := *f.service().TaskDefinition; got != good {
					t.Errorf("it runs %s", got)
				}
			})
		})
	}
}

func TestAServiceThatFailsDoesNotSpinWithoutPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, map[string]behaviour{"crash": {lives: time.Nanosecond, code: 1}})
		f.pace.Set(0)
		f.create(f.creation(f.define(unchecked("crash")), 1))
		time.Sleep(10 * time.Second)
		if got := len(f.runtime.names()); got < 2 || got > 110 {
			t.Errorf("%d tasks in ten seconds", got)
		}
		f.update(sdk.UpdateServiceInput{TaskDefinition: new(f.define(app("good")))})
		begun := time.Now()
		f.steady()
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("without pace it took %v to become steady", took)
		}
	})
}

func TestAFasterPaceHoldsForWhatBeginsAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		f.pace.Set(0.1)
		begun := time.Now()
		f.create(f.creation(f.define(app("good")), 1))
		f.eventually(time.Minute, "running", func() bool { return f.service().RunningCount == 1 })
		if took := time.Since(begun); took != 2*time.Second {
			t.Errorf("at a tenth of the time it ran after %v", took)
		}
	})
}
