package aws

import (
	"fmt"
	"slices"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"serin/internal/engine"
)

// stopsOf are the tasks that stopped, or are about to, newest first.
func stopsOf(tasks []types.Task) []engine.TaskStop {
	var stops []engine.TaskStop
	for _, task := range tasks {
		if awssdk.ToString(task.DesiredStatus) != "STOPPED" && awssdk.ToString(task.LastStatus) != "STOPPED" {
			continue
		}
		at := awssdk.ToTime(task.StoppingAt)
		if task.StoppedAt != nil {
			at = *task.StoppedAt
		}
		stops = append(stops, engine.TaskStop{
			Task: clean(lastPart(awssdk.ToString(task.TaskArn))), At: at, Reason: stopReason(task), Failed: hasFailed(task),
		})
	}
	slices.SortStableFunc(stops, func(a, b engine.TaskStop) int { return b.At.Compare(a.At) })
	return stops[:min(len(stops), stopsTold)]
}

// hasFailed tells a task that failed from one that was asked to stop: by its stop code,
// and for one that ECS replaced because of its health, by ECS's words, as the code then
// is ServiceSchedulerInitiated (ECS developer guide, "Stopped tasks error messages").
func hasFailed(task types.Task) bool {
	switch task.StopCode {
	case types.TaskStopCodeTaskFailedToStart, types.TaskStopCodeEssentialContainerExited:
		return true
	default:
		reason := awssdk.ToString(task.StoppedReason)
		return strings.Contains(reason, "failed") && strings.Contains(reason, "health check")
	}
}

// stopReason says in one sentence why a task stopped: ECS's reason for the task, and
// what each container that failed says.
func stopReason(task types.Task) string {
	reason := strings.TrimSuffix(text(task.StoppedReason), ".")
	if reason == "" {
		reason = "ECS gave no reason"
		if task.StopCode != "" {
			reason = clean(string(task.StopCode))
		}
	}
	var said []string
	for _, container := range task.Containers {
		if detail := containerReason(container); detail != "" {
			said = append(said, detail)
		}
	}
	if len(said) == 0 {
		return reason
	}
	return reason + ": " + strings.Join(said, "; ")
}

// containerReason says how a container failed; it is empty for one that did not: exit
// code 0, or 143 and 137 without a reason, which are how ECS stops a container.
func containerReason(container types.Container) string {
	name, reason := text(container.Name), text(container.Reason)
	code := awssdk.ToInt32(container.ExitCode)
	stopped := container.ExitCode == nil || code == 0 || code == 143 || code == 137
	switch {
	case reason == "" && stopped && container.HealthStatus == types.HealthStatusUnhealthy:
		return name + " failed its health check"
	case reason == "" && stopped:
		return ""
	case reason == "":
		return fmt.Sprintf("%s exited with code %d", name, code)
	case container.ExitCode == nil:
		return name + " did not start: " + reason
	default:
		return fmt.Sprintf("%s exited with code %d (%s)", name, code, reason)
	}
}
