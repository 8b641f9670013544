package cloudmap

import "serin/internal/sandbox/wire"

// Operations lists Cloud Map's operations for the front door.
func (s *Service) Operations() []wire.Operation {
	return []wire.Operation{
		wire.Op("CreatePrivateDnsNamespace", s.CreatePrivateDnsNamespace),
		wire.Op("CreateHttpNamespace", s.CreateHttpNamespace),
		wire.Op("GetNamespace", s.GetNamespace),
		wire.Op("ListNamespaces", s.ListNamespaces),
		wire.Op("DeleteNamespace", s.DeleteNamespace),
		wire.Op("GetOperation", s.GetOperation),
		wire.Op("ListOperations", s.ListOperations),
		wire.Op("CreateService", s.CreateService),
		wire.Op("GetService", s.GetService),
		wire.Op("ListServices", s.ListServices),
		wire.Op("UpdateService", s.UpdateService),
		wire.Op("DeleteService", s.DeleteService),
		wire.Op("RegisterInstance", s.RegisterInstance),
		wire.Op("DeregisterInstance", s.DeregisterInstance),
		wire.Op("GetInstance", s.GetInstance),
		wire.Op("ListInstances", s.ListInstances),
		wire.Op("GetInstancesHealthStatus", s.GetInstancesHealthStatus),
		wire.Op("UpdateInstanceCustomHealthStatus", s.UpdateInstanceCustomHealthStatus),
		wire.Op("DiscoverInstances", s.DiscoverInstances),
		wire.Op("DiscoverInstancesRevision", s.DiscoverInstancesRevision),
		wire.Op("ListTagsForResource", s.ListTagsForResource),
		wire.Op("TagResource", s.TagResource),
		wire.Op("UntagResource", s.UntagResource),
	}
}
