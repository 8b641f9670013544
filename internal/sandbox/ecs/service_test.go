package ecs_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

func TestATaskGoesThroughItsLifeInAboutTwentySeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		begun := time.Now()
		f.create(f.creation(f.define(app("good")), 1))
		var seen []string
		f.eventually(time.Minute, "running", func() bool {
			tasks := f.tasks(types.DesiredStatusRunning)
			if len(tasks) == 1 && (len(seen) == 0 || seen[len(seen)-1] != *tasks[0].LastStatus) {
				seen = append(seen, *tasks[0].LastStatus)
			}
			return len(tasks) == 1 && *tasks[0].LastStatus == "RUNNING"
		})
		if got := strings.Join(seen, " "); got != "PROVISIONING PENDING ACTIVATING RUNNING" {
			t.Errorf("statuses %s", got)
		}
		if took := time.Since(begun); took != 20*time.Second {
			t.Errorf("it ran after %v", took)
		}
		task := f.tasks(types.DesiredStatusRunning)[0]
		ip := *task.Containers[0].NetworkInterfaces[0].PrivateIpv4Address
		if !strings.HasPrefix(ip, "10.0.") || f.runtime.last().Hostname != "ip-"+strings.ReplaceAll(ip, ".", "-")+".us-west-2.compute.internal" {
			t.Errorf("ip %s, hostname %s", ip, f.runtime.last().Hostname)
		}
		id := f.runtime.last().TaskID
		if where, ok := f.Address(ip, 4567); !ok || where != id+":4567" {
			t.Errorf("the task is at %q, %v", where, ok)
		}
		if _, ok := f.Address(ip, 80); ok {
			t.Error("a port without a listener has an address")
		}
		if c := f.runtime.last(); c.Environment["MODE"] != "test" || c.Cluster != clusterName || c.Service != serviceName || c.Family != "app" {
			t.Errorf("the runtime was told %+v", c)
		}
		instances := f.instances()
		if len(instances) != 1 || instances[0].ID != id {
			t.Fatalf("instances %+v", instances)
		}
		for key, want := range map[string]string{
			"AWS_INSTANCE_IPV4": ip, "ECS_CLUSTER_NAME": clusterName, "ECS_SERVICE_NAME": serviceName,
			"ECS_TASK_DEFINITION_FAMILY": "app", "AVAILABILITY_ZONE": "us-west-2a", "REGION": "us-west-2",
		} {
			if got := instances[0].Attributes[key]; got != want {
				t.Errorf("attribute %s is %q, want %q", key, got, want)
			}
		}
		f.steady()
		want := []string{"has reached a steady state.", "deployment completed.", "has started 1 tasks: (task " + id + ")."}
		for i, message := range f.events() {
			if !strings.HasPrefix(message, "(service app-1) ") || !strings.HasSuffix(message, want[i]) {
				t.Errorf("event %q, want %q", message, want[i])
			}
		}
		task = f.tasks(types.DesiredStatusRunning)[0]
		if task.HealthStatus != types.HealthStatusHealthy || task.Containers[0].HealthStatus != types.HealthStatusHealthy {
			t.Errorf("the task is %s", task.HealthStatus)
		}
	})
}

func TestADependantStartsWhenWhatItNeedsIsHealthy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		in := unchecked("good")
		in.ContainerDefinitions[0].DependsOn = []types.ContainerDependency{
			{ContainerName: new("envoy"), Condition: types.ContainerConditionHealthy},
		}
		envoy := app("envoy").ContainerDefinitions[0]
		envoy.Name, envoy.PortMappings = new("envoy"), nil
		in.ContainerDefinitions = append(in.ContainerDefinitions, envoy)
		in.ProxyConfiguration = &types.ProxyConfiguration{ContainerName: new("envoy"), Type: types.ProxyConfigurationTypeAppmesh}
		begun := time.Now()
		f.create(f.creation(f.define(in), 1))
		f.eventually(time.Minute, "running", func() bool { return f.service().RunningCount == 1 })
		if took := time.Since(begun); took != 25*time.Second {
			t.Errorf("with a health check every 5 s it ran after %v", took)
		}
		if got := strings.Join(f.runtime.names(), " "); got != "envoy app" {
			t.Errorf("started %s", got)
		}
		if got := f.instances(); len(got) != 1 || !got[0].Healthy {
			t.Errorf("instances %+v", got)
		}
	})
}

func TestATaskWhoseDependencyIsSickFailsToStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, map[string]behaviour{"sick": {sickAfter: time.Nanosecond}})
		in := unchecked("good")
		in.ContainerDefinitions[0].DependsOn = []types.ContainerDependency{
			{ContainerName: new("side"), Condition: types.ContainerConditionHealthy},
		}
		side := app("sick").ContainerDefinitions[0]
		side.Name, side.Essential = new("side"), new(false)
		in.ContainerDefinitions = append(in.ContainerDefinitions, side)
		f.create(f.creation(f.define(in), 1))
		f.eventually(2*time.Minute, "stopped", func() bool { return len(f.tasks(types.DesiredStatusStopped)) > 0 })
		task := f.tasks(types.DesiredStatusStopped)[0]
		if task.StopCode != types.TaskStopCodeTaskFailedToStart || *task.StoppedReason != "Task failed to start" ||
			!strings.Contains(*task.Containers[0].Reason, "container side: it is not healthy") {
			t.Errorf("task %s %q, container %+v", task.StopCode, *task.StoppedReason, task.Containers[0])
		}
	})
}

func TestAnImageThatCannotBePulled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, map[string]behaviour{"none": {pull: errors.New("manifest unknown")}})
		f.create(f.creation(f.define(app("none")), 1))
		f.eventually(2*time.Minute, "stopped", func() bool {
			tasks := f.tasks(types.DesiredStatusStopped)
			return len(tasks) > 0 && *tasks[0].LastStatus == "STOPPED"
		})
		task := f.tasks(types.DesiredStatusStopped)[0]
		if task.StopCode != types.TaskStopCodeTaskFailedToStart || *task.StoppedReason != "CannotPullContainerError: manifest unknown" {
			t.Errorf("task %s %q", task.StopCode, *task.StoppedReason)
		}
		if c := task.Containers[0]; *c.LastStatus != "STOPPED" || c.ExitCode != nil || *c.Reason != *task.StoppedReason {
			t.Errorf("container %+v", c)
		}
		if len(f.instances()) != 0 {
			t.Errorf("instances %+v", f.instances())
		}
	})
}

func TestAnEssentialContainerThatExitsEndsItsTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, map[string]behaviour{"late": {lives: 10 * time.Minute, code: 3}})
		f.create(f.creation(f.define(unchecked("late")), 1))
		f.steady()
		first := f.instances()[0].ID
		f.eventually(15*time.Minute, "stopped", func() bool {
			tasks := f.tasks(types.DesiredStatusStopped)
			return len(tasks) == 1 && *tasks[0].LastStatus == "STOPPED"
		})
		task := f.tasks(types.DesiredStatusStopped)[0]
		if task.StopCode != types.TaskStopCodeEssentialContainerExited || *task.StoppedReason != "Essential container in task exited" {
			t.Errorf("task %s %q", task.StopCode, *task.StoppedReason)
		}
		if c := task.Containers[0]; *c.ExitCode != 3 || *c.Reason != "it ended" {
			t.Errorf("container %+v", c)
		}
		f.steady()
		if got := f.instances(); len(got) != 1 || got[0].ID == first {
			t.Errorf("instances after the replacement: %+v", got)
		}
		if got := f.service().Deployments[0].FailedTasks; got != 0 {
			t.Errorf("a crash after the deployment counts against it: %d", got)
		}
	})
}

func TestAnUnhealthyTaskIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, map[string]behaviour{"fades": {sickAfter: 5 * time.Minute}})
		f.create(f.creation(f.define(app("fades")), 1))
		f.steady()
		first := f.tasks(types.DesiredStatusRunning)[0]
		f.eventually(10*time.Minute, "replaced", func() bool { return len(f.tasks(types.DesiredStatusStopped)) == 1 })
		task := f.tasks(types.DesiredStatusStopped)[0]
		if *task.TaskArn != *first.TaskArn || *task.StoppedReason != "Task failed container health checks" ||
			task.HealthStatus != types.HealthStatusUnhealthy {
			t.Errorf("task %+v", task)
		}
		if lived := task.StoppingAt.Sub(*task.StartedAt); lived < 5*time.Minute || lived > 5*time.Minute+20*time.Second {
			t.Errorf("with three failures every 5 s it was stopped %v after its start", lived)
		}
		if !f.told("failed container health checks.") {
			t.Errorf("events %q", f.events())
		}
		f.steady()
	})
}

func TestACheckThatHangsIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, map[string]behaviour{"hangs": {hangs: true}})
		f.create(f.creation(f.define(app("hangs")), 1))
		f.eventually(2*time.Minute, "unhealthy", func() bool { return f.told("failed container health checks.") })
	})
}

func TestAStartPeriodForgivesFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, map[string]behaviour{"sick": {sickAfter: time.Nanosecond}})
		in := app("sick")
		in.ContainerDefinitions[0].HealthCheck.StartPeriod = new(int32(120))
		f.create(f.creation(f.define(in), 1))
		time.Sleep(2 * time.Minute)
		if f.told("failed container health checks.") {
			t.Error("a failure in the start period counted")
		}
		f.eventually(time.Minute, "unhealthy", func() bool { return f.told("failed container health checks.") })
	})
}

func TestScaling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		f.create(f.creation(f.define(app("good")), 1))
		f.steady()
		id := *f.service().Deployments[0].Id
		f.update(sdk.UpdateServiceInput{DesiredCount: new(int32(3))})
		f.steady()
		if got := len(f.instances()); got != 3 {
			t.Errorf("%d instances", got)
		}
		f.update(sdk.UpdateServiceInput{DesiredCount: new(int32(1))})
		f.steady()
		f.eventually(time.Minute, "stopped", func() bool { return len(f.tasks(types.DesiredStatusStopped)) == 2 })
		for _, task := range f.tasks(types.DesiredStatusStopped) {
			if task.StopCode != types.TaskStopCodeServiceSchedulerInitiated ||
				*task.StoppedReason != "Scaling activity initiated by (deployment "+id+")" {
				t.Errorf("task %s %q", task.StopCode, *task.StoppedReason)
			}
		}
		if got := *f.service().Deployments[0].Id; got != id || !f.told("has stopped 2 running tasks: (task ") {
			t.Errorf("scaling began the deployment %s; events %q", got, f.events())
		}
		time.Sleep(time.Minute)
		if got, _ := f.runtime.living(); got != 1 || len(f.instances()) != 1 {
			t.Errorf("%d processes, %d instances", got, len(f.instances()))
		}
	})
}

func TestAUserStopsATaskAndTheServiceReplacesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		f.create(f.creation(f.define(app("good")), 1))
		f.steady()
		arn := f.tasks(types.DesiredStatusRunning)[0].TaskArn
		var seen []string
		out, err := f.StopTask(t.Context(), &sdk.StopTaskInput{Cluster: new(clusterName), Task: arn, Reason: new("a drill")})
		must(t, err)
		if *out.Task.DesiredStatus != "STOPPED" || out.Task.StopCode != types.TaskStopCodeUserInitiated || *out.Task.StoppedReason != "a drill" {
			t.Errorf("task %+v", out.Task)
		}
		f.eventually(time.Minute, "stopped", func() bool {
			status := *f.tasks(types.DesiredStatusStopped)[0].LastStatus
			if len(seen) == 0 || seen[len(seen)-1] != status {
				seen = append(seen, status)
			}
			return status == "STOPPED"
		})
		// Its goroutine may have begun before the first look.
		if got := strings.TrimPrefix(strings.Join(seen, " "), "RUNNING "); got != "DEACTIVATING STOPPING DEPROVISIONING STOPPED" {
			t.Errorf("statuses %s", got)
		}
		if code := *f.tasks(types.DesiredStatusStopped)[0].Containers[0].ExitCode; code != 143 {
			t.Errorf("exit code %d", code)
		}
		f.steady()
		time.Sleep(time.Hour)
		described, err := f.DescribeTasks(t.Context(), &sdk.DescribeTasksInput{Cluster: new(clusterName), Tasks: []string{*arn}})
		must(t, err)
		if len(described.Tasks) != 0 || *described.Failures[0].Reason != "MISSING" || *described.Failures[0].Arn != *arn {
			t.Errorf("after an hour: %+v", described)
		}
	})
}

func TestDeletingAService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		in := f.creation(f.define(app("good")), 2)
		f.create(in)
		f.steady()
		remove := func(force bool) error {
			_, err := f.DeleteService(t.Context(), &sdk.DeleteServiceInput{Cluster: new(clusterName), Service: new(serviceName), Force: &force})
			return err
		}
		wantError(t, remove(false), "InvalidParameterException", "The service cannot be stopped while it is scaled above 0.")
		must(t, remove(true))
		if got := *f.service().Status; got != "DRAINING" {
			t.Errorf("the service is %s", got)
		}
		_, err := f.CreateService(t.Context(), in)
		wantError(t, err, "InvalidParameterException", "still Draining")
		_, err = f.UpdateService(t.Context(), &sdk.UpdateServiceInput{Cluster: new(clusterName), Service: new(serviceName)})
		wantError(t, err, "ServiceNotActiveException", "not ACTIVE")
		_, err = f.DeleteCluster(t.Context(), &sdk.DeleteClusterInput{Cluster: new(clusterName)})
		wantError(t, err, "ClusterContainsServicesException", "")
		f.eventually(time.Minute, "inactive", func() bool { return *f.service().Status == "INACTIVE" })
		if alive, _ := f.runtime.living(); alive != 0 || len(f.instances()) != 0 {
			t.Errorf("%d processes, instances %+v", alive, f.instances())
		}
		wantError(t, remove(true), "ServiceNotFoundException", "")
		f.create(in)
		f.steady()
		must(t, remove(true))
		f.eventually(time.Minute, "inactive", func() bool { return *f.service().Status == "INACTIVE" })
		time.Sleep(2 * time.Hour)
		out, err := f.DescribeServices(t.Context(), &sdk.DescribeServicesInput{Cluster: new(clusterName), Services: []string{serviceName}})
		must(t, err)
		if len(out.Services) != 0 || *out.Failures[0].Reason != "MISSING" {
			t.Errorf("long after: %+v", out)
		}
	})
}

func TestClosingEndsEveryProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		f.create(f.creation(f.define(app("good")), 3))
		f.eventually(time.Minute, "running", func() bool { return f.service().RunningCount == 3 })
		f.Close()
		if alive, _ := f.runtime.living(); alive != 0 {
			t.Errorf("%d processes are left", alive)
		}
		if got := len(f.instances()); got != 0 {
			t.Errorf("%d instances are left", got)
		}
	})
}

func TestChangesAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		changed := f.Changed()
		select {
		case <-changed:
			t.Error("a change without a cause")
		default:
		}
		f.create(f.creation(f.define(app("good")), 1))
		settle()
		select {
		case <-changed:
		default:
			t.Error("a new service is no change")
		}
	})
}

func TestATaskOfNoService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, map[string]behaviour{"job": {lives: time.Minute}})
		out, err := f.RunTask(t.Context(), &sdk.RunTaskInput{
			Cluster: new(clusterName), TaskDefinition: new(f.define(unchecked("job"))), StartedBy: new("me"),
			NetworkConfiguration: f.creation("", 0).NetworkConfiguration,
			Overrides: &types.TaskOverride{ContainerOverrides: []types.ContainerOverride{{
				Name: new("app"), Environment: []types.KeyValuePair{{Name: new("MODE"), Value: new("job")}},
			}}},
		})
		must(t, err)
		time.Sleep(2 * time.Minute)
		described, err := f.DescribeTasks(t.Context(), &sdk.DescribeTasksInput{
			Cluster: new(clusterName), Tasks: []string{*out.Tasks[0].TaskArn},
		})
		must(t, err)
		task := described.Tasks[0]
		if *task.LastStatus != "STOPPED" || *task.Containers[0].ExitCode != 0 || *task.Group != "family:app" || *task.StartedBy != "me" {
			t.Errorf("task %+v", task)
		}
		if got := f.runtime.last().Environment["MODE"]; got != "job" {
			t.Errorf("MODE is %q", got)
		}
	})
}

func TestAddressesAreNotSharedByLiveTasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		f.create(f.creation(f.define(app("good")), 300))
		f.steady()
		seen := make(map[string]bool)
		for _, i := range f.instances() {
			ip := i.Attributes["AWS_INSTANCE_IPV4"]
			if seen[ip] || strings.HasSuffix(ip, ".0") || strings.HasSuffix(ip, ".255") {
				t.Errorf("address %s", ip)
			}
			seen[ip] = true
		}
		if len(seen) != 300 {
			t.Errorf("%d addresses", len(seen))
		}
	})
}
