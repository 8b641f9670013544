package ecs

import (
	"cmp"
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"serin/internal/sandbox/clone"
)

// RunTask starts 1 to 10 tasks that belong to no service.
func (s *Service) RunTask(_ context.Context, in *sdk.RunTaskInput) (*sdk.RunTaskOutput, error) {
	count := *or(in.Count, 1)
	if count < 1 || count > 10 {
		return nil, invalid("Count must be between 1 and 10.")
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.activeCluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	definition, err := s.runnable(in.TaskDefinition, in.LaunchType)
	if err != nil {
		return nil, err
	}
	if err := checkNetwork(definition, in.NetworkConfiguration); err != nil {
		return nil, err
	}
	request := taskRequest{
		network: clone.Of(in.NetworkConfiguration), overrides: clone.Of(in.Overrides), startedBy: aws.ToString(in.StartedBy),
		group:  cmp.Or(aws.ToString(in.Group), "family:"+*definition.Family),
		launch: cmp.Or(in.LaunchType, types.LaunchTypeFargate),
	}
	out := &sdk.RunTaskOutput{Tasks: []types.Task{}, Failures: []types.Failure{}}
	for range count {
		t := s.newTask(c, definition, request)
		s.tags[t.arn] = clone.Of(in.Tags)
		s.start(t)
		out.Tasks = append(out.Tasks, s.describeTask(t, true))
	}
	return out, nil
}

// ListTasks lists the ARNs of a cluster's tasks that pass every filter; unless another
// is asked for, of those whose desired status is RUNNING.
func (s *Service) ListTasks(_ context.Context, in *sdk.ListTasksInput) (*sdk.ListTasksOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.activeCluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	var of *workload
	if in.ServiceName != nil {
		w, ok := s.workload(c, in.ServiceName)
		if !ok {
			return nil, serviceNotFound()
		}
		of = w
	}
	s.forgetStopped()
	wanted := cmp.Or(in.DesiredStatus, types.DesiredStatusRunning)
	var arns []string
	for _, t := range s.tasks {
		desired := types.DesiredStatusRunning
		if t.order != nil {
			desired = types.DesiredStatusStopped
		}
		if t.cluster == c && desired == wanted && (of == nil || t.workload == of) && t.passes(in) {
			arns = append(arns, t.arn)
		}
	}
	some, next, err := listed(arns, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &sdk.ListTasksOutput{TaskArns: some, NextToken: next}, nil
}

// passes reports whether a task passes the filters of its own properties.
func (t *task) passes(in *sdk.ListTasksInput) bool {
	return (in.Family == nil || *in.Family == *t.definition.Family) &&
		(in.StartedBy == nil || *in.StartedBy == t.request.startedBy) &&
		(in.LaunchType == "" || in.LaunchType == t.request.launch) &&
		in.ContainerInstance == nil
}

// task finds a task of a cluster by identifier or ARN; s.mu is held.
func (s *Service) task(in *cluster, idOrARN string) (*task, bool) {
	s.forgetStopped()
	t, ok := s.tasks[lastPart(idOrARN)]
	return t, ok && t.cluster == in
}

// DescribeTasks describes up to 100 tasks of a cluster, those that are not there as
// failures. A stopped task can be described for an hour.
func (s *Service) DescribeTasks(_ context.Context, in *sdk.DescribeTasksInput) (*sdk.DescribeTasksOutput, error) {
	switch {
	case len(in.Tasks) == 0:
		return nil, invalid("Tasks cannot be empty.")
	case len(in.Tasks) > 100:
		return nil, invalid("Tasks can have at most 100 items.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.activeCluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeTasksOutput{Tasks: []types.Task{}, Failures: []types.Failure{}}
	for _, id := range in.Tasks {
		t, ok := s.task(c, id)
		if !ok {
			out.Failures = append(out.Failures, missing(s.region.ARN("ecs", "task/"+c.name+"/"+lastPart(id))))
			continue
		}
		out.Tasks = append(out.Tasks, s.describeTask(t, slices.Contains(in.Include, types.TaskFieldTags)))
	}
	return out, nil
}

// StopTask orders a task to stop. A service replaces it.
func (s *Service) StopTask(_ context.Context, in *sdk.StopTaskInput) (*sdk.StopTaskOutput, error) {
	if len(aws.ToString(in.Reason)) > 1024 {
		return nil, invalid("Reason must have at most 1024 characters.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.activeCluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	t, ok := s.task(c, aws.ToString(in.Task))
	if !ok {
		return nil, invalid("The referenced task was not found.")
	}
	s.stop(t, stopOrder{
		code: types.TaskStopCodeUserInitiated, reason: cmp.Or(aws.ToString(in.Reason), "Task stopped by user"),
	})
	return &sdk.StopTaskOutput{Task: new(s.describeTask(t, false))}, nil
}
