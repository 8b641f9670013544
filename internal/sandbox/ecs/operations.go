package ecs

import "serin/internal/sandbox/wire"

// Operations lists ECS's operations for the front door.
func (s *Service) Operations() []wire.Operation {
	return []wire.Operation{
		wire.Op("CreateCluster", s.CreateCluster),
		wire.Op("DescribeClusters", s.DescribeClusters),
		wire.Op("ListClusters", s.ListClusters),
		wire.Op("DeleteCluster", s.DeleteCluster),
		wire.Op("RegisterTaskDefinition", s.RegisterTaskDefinition),
		wire.Op("DeregisterTaskDefinition", s.DeregisterTaskDefinition),
		wire.Op("DescribeTaskDefinition", s.DescribeTaskDefinition),
		wire.Op("ListTaskDefinitions", s.ListTaskDefinitions),
		wire.Op("ListTaskDefinitionFamilies", s.ListTaskDefinitionFamilies),
		wire.Op("CreateService", s.CreateService),
		wire.Op("DescribeServices", s.DescribeServices),
		wire.Op("UpdateService", s.UpdateService),
		wire.Op("DeleteService", s.DeleteService),
		wire.Op("ListServices", s.ListServices),
		wire.Op("RunTask", s.RunTask),
		wire.Op("ListTasks", s.ListTasks),
		wire.Op("DescribeTasks", s.DescribeTasks),
		wire.Op("StopTask", s.StopTask),
		wire.Op("ListTagsForResource", s.ListTagsForResource),
		wire.Op("TagResource", s.TagResource),
		wire.Op("UntagResource", s.UntagResource),
	}
}
