package ecs_test

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// Versions come and go, each with a family of its own: the inactive definitions that can
// still be described are the last ones, and what is active stays.
func TestInactiveDefinitionsMakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		stays := f.define(app("app:stays"))
		deregister := func(arn string) {
			_, err := f.DeregisterTaskDefinition(t.Context(), &sdk.DeregisterTaskDefinitionInput{TaskDefinition: &arn})
			must(t, err)
			time.Sleep(time.Second)
		}
		deregister(f.define(app("app:goes")))
		var first, last string
		for version := range 120 {
			in := app("app:1")
			in.Family = new("app-" + strconv.Itoa(version))
			last = f.define(in)
			if version == 0 {
				first = last
			}
			deregister(last)
		}
		for arn, kept := range map[string]bool{stays: true, last: true, first: false, "app:2": false} {
			_, err := f.DescribeTaskDefinition(t.Context(), &sdk.DescribeTaskDefinitionInput{TaskDefinition: &arn})
			if kept {
				must(t, err)
			} else {
				wantError(t, err, "ClientException", "Unable to describe")
			}
		}
		families, err := f.ListTaskDefinitionFamilies(t.Context(), &sdk.ListTaskDefinitionFamiliesInput{})
		must(t, err)
		inactive, err := f.ListTaskDefinitions(t.Context(), &sdk.ListTaskDefinitionsInput{Status: types.TaskDefinitionStatusInactive})
		must(t, err)
		if len(families.Families) != 100 || families.NextToken == nil || len(inactive.TaskDefinitionArns) != 100 || inactive.NextToken != nil {
			t.Errorf("%d families and %d inactive definitions", len(families.Families), len(inactive.TaskDefinitionArns))
		}
		if next := f.define(app("app:next")); next == stays || next[len(next)-6:] != "/app:3" {
			t.Errorf("the revision after a forgotten one is %s", next)
		}
	})
}

// Tasks that stop one after the other are described for an hour, but never more than two
// hundred of them.
func TestStoppedTasksMakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		definition := f.define(app("app:1"))
		var all []string
		for range 25 {
			out, err := f.RunTask(t.Context(), &sdk.RunTaskInput{
				Cluster: new(clusterName), TaskDefinition: &definition, Count: new(int32(10)), LaunchType: types.LaunchTypeFargate,
				NetworkConfiguration: f.creation(definition, 1).NetworkConfiguration,
			})
			must(t, err)
			for _, task := range out.Tasks {
				all = append(all, *task.TaskArn)
				_, err := f.StopTask(t.Context(), &sdk.StopTaskInput{Cluster: new(clusterName), Task: task.TaskArn})
				must(t, err)
			}
			time.Sleep(time.Minute)
		}
		known := func(arn string) bool {
			out, err := f.DescribeTasks(t.Context(), &sdk.DescribeTasksInput{Cluster: new(clusterName), Tasks: []string{arn}})
			must(t, err)
			return len(out.Tasks) == 1
		}
		kept := 0
		for _, arn := range all {
			if known(arn) {
				kept++
			}
		}
		if kept != 200 || !known(all[len(all)-1]) || known(all[0]) {
			t.Errorf("%d stopped tasks are known; the last one: %t, the first one: %t", kept, known(all[len(all)-1]), known(all[0]))
		}
		time.Sleep(2 * time.Hour)
		if known(all[len(all)-1]) {
			t.Error("a task that stopped two hours ago is known")
		}
	})
}
