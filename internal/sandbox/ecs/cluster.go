package ecs

import (
	"cmp"
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"serin/internal/sandbox/clone"
	"serin/internal/sandbox/page"
)

// Statuses of clusters and services.
const (
	active   = "ACTIVE"
	draining = "DRAINING"
	inactive = "INACTIVE"
)

// namePattern is what names of clusters, services, families and containers are made of
// (ECS API reference).
var namePattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[a-zA-Z0-9_-]{1,255}$`)
})

// cluster is a cluster; a deleted one stays as INACTIVE until another takes its name.
type cluster struct {
	name, arn, status string
	settings          []types.ClusterSetting
}

// lastPart is the part of an ARN, or of a name that has no slash, after the last slash.
func lastPart(nameOrARN string) string {
	return nameOrARN[strings.LastIndex(nameOrARN, "/")+1:]
}

// activeCluster is a cluster by name or ARN, the one named default when none is given;
// s.mu is held.
func (s *Service) activeCluster(nameOrARN *string) (*cluster, error) {
	name := cmp.Or(lastPart(aws.ToString(nameOrARN)), "default")
	if c, ok := s.clusters[name]; ok && c.status == active {
		return c, nil
	}
	return nil, clusterNotFound()
}

// CreateCluster makes a cluster. One that exists is answered with as it is.
func (s *Service) CreateCluster(_ context.Context, in *sdk.CreateClusterInput) (*sdk.CreateClusterOutput, error) {
	name := cmp.Or(aws.ToString(in.ClusterName), "default")
	if !namePattern().MatchString(name) {
		return nil, invalid("Identifier contains invalid characters. [%s]", name)
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.clusters[name]
	if !ok || c.status != active {
		c = &cluster{name: name, arn: s.region.ARN("ecs", "cluster/"+name), status: active, settings: clone.Of(in.Settings)}
		s.clusters[name] = c
		s.tags[c.arn] = clone.Of(in.Tags)
		s.touch()
	}
	return &sdk.CreateClusterOutput{Cluster: new(s.describeCluster(c, true))}, nil
}

// describeCluster counts what is in a cluster; s.mu is held.
func (s *Service) describeCluster(c *cluster, tagged bool) types.Cluster {
	out := types.Cluster{
		ClusterName: new(c.name), ClusterArn: new(c.arn), Status: new(c.status),
		Settings: clone.Of(c.settings), CapacityProviders: []string{"FARGATE", "FARGATE_SPOT"},
		DefaultCapacityProviderStrategy: []types.CapacityProviderStrategyItem{},
		Statistics:                      []types.KeyValuePair{}, Tags: []types.Tag{},
	}
	for _, w := range s.workloads {
		if w.cluster == c && w.status != inactive {
			out.ActiveServicesCount++
		}
	}
	for _, t := range s.tasks {
		switch {
		case t.cluster != c:
		case t.status == statusRunning:
			out.RunningTasksCount++
		case t.status.starting():
			out.PendingTasksCount++
		}
	}
	if tagged {
		out.Tags = append(out.Tags, clone.Of(s.tags[c.arn])...)
	}
	return out
}

// DescribeClusters describes clusters by name or ARN, those that are not there as
// failures.
func (s *Service) DescribeClusters(
	_ context.Context, in *sdk.DescribeClustersInput,
) (*sdk.DescribeClustersOutput, error) {
	if len(in.Clusters) > 100 {
		return nil, invalid("Clusters can have at most 100 items.")
	}
	asked := in.Clusters
	if len(asked) == 0 {
		asked = []string{"default"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := &sdk.DescribeClustersOutput{Clusters: []types.Cluster{}, Failures: []types.Failure{}}
	for _, name := range asked {
		c, ok := s.clusters[lastPart(name)]
		if !ok {
			out.Failures = append(out.Failures, missing(s.region.ARN("ecs", "cluster/"+lastPart(name))))
			continue
		}
		out.Clusters = append(out.Clusters, s.describeCluster(c, slices.Contains(in.Include, types.ClusterFieldTags)))
	}
	return out, nil
}

// ListClusters lists the ARNs of the active clusters.
func (s *Service) ListClusters(_ context.Context, in *sdk.ListClustersInput) (*sdk.ListClustersOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var arns []string
	for _, c := range s.clusters {
		if c.status == active {
			arns = append(arns, c.arn)
		}
	}
	some, next, err := listed(arns, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &sdk.ListClustersOutput{ClusterArns: some, NextToken: next}, nil
}

// listed is one page of a list of ARNs, sorted: 1 to 100, and 100 when nothing is asked.
func listed(arns []string, maximum *int32, token *string) ([]string, *string, error) {
	size := 100
	if maximum != nil {
		size = int(*maximum)
	}
	if size < 1 || size > 100 {
		return nil, nil, invalid("maxResults must be between 1 and 100.")
	}
	slices.Sort(arns)
	some, next, err := page.After(arns, func(arn string) string { return arn }, size, token)
	if err != nil {
		return nil, nil, invalid("Invalid token")
	}
	return append([]string{}, some...), next, nil
}

// DeleteCluster makes a cluster without services and tasks inactive.
func (s *Service) DeleteCluster(_ context.Context, in *sdk.DeleteClusterInput) (*sdk.DeleteClusterOutput, error) {
	if aws.ToString(in.Cluster) == "" {
		return nil, invalid("Cluster can not be blank.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.activeCluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	for w := range maps.Values(s.workloads) {
		if w.cluster == c && w.status != inactive {
			return nil, &types.ClusterContainsServicesException{
				Message: new("The Cluster cannot be deleted while Services are active."),
			}
		}
	}
	for t := range maps.Values(s.tasks) {
		if t.cluster == c && t.status != statusStopped {
			return nil, &types.ClusterContainsTasksException{
				Message: new("The Cluster cannot be deleted while Tasks are active."),
			}
		}
	}
	c.status = inactive
	s.touch()
	return &sdk.DeleteClusterOutput{Cluster: new(s.describeCluster(c, true))}, nil
}
