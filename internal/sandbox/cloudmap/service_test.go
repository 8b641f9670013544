package cloudmap_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"
	"github.com/aws/smithy-go"
	"go.uber.org/goleak"

	"serin/internal/sandbox/cloudmap"
	"serin/internal/sandbox/region"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	namespaceName = "yelb.local"
	serviceName   = "yelb-db-3f2a91c0"
)

// newCloudMap is a Cloud Map with a namespace and a service with an A record and custom
// health; the service's identifier is given. It is used in virtual time.
func newCloudMap(t *testing.T) (*cloudmap.Service, string) {
	t.Helper()
	s := cloudmap.New(region.Region{Account: "123456789012", Name: "us-west-2", Pace: region.At(1)})
	t.Cleanup(s.Close)
	made, err := s.CreatePrivateDnsNamespace(t.Context(), &sdk.CreatePrivateDnsNamespaceInput{
		Name: new(namespaceName), Vpc: new("vpc-1"),
	})
	must(t, err)
	time.Sleep(time.Minute)
	op := operation(t, s, made.OperationId)
	out, err := s.CreateService(t.Context(), newService(op.Targets["NAMESPACE"], serviceName))
	must(t, err)
	return s, *out.Service.Id
}

func newService(namespaceID, name string) *sdk.CreateServiceInput {
	return &sdk.CreateServiceInput{
		Name: &name, NamespaceId: &namespaceID,
		DnsConfig:               &types.DnsConfig{DnsRecords: []types.DnsRecord{{Type: types.RecordTypeA, TTL: new(int64(300))}}},
		HealthCheckCustomConfig: &types.HealthCheckCustomConfig{},
	}
}

func operation(t *testing.T, s *cloudmap.Service, id *string) *types.Operation {
	t.Helper()
	out, err := s.GetOperation(t.Context(), &sdk.GetOperationInput{OperationId: id})
	must(t, err)
	return out.Operation
}

func register(t *testing.T, s *cloudmap.Service, service, id string, attributes ...string) error {
	t.Helper()
	given := map[string]string{"AWS_INSTANCE_IPV4": "10.0.0.1"}
	for pair := range slices.Chunk(attributes, 2) {
		given[pair[0]] = pair[1]
	}
	_, err := s.RegisterInstance(t.Context(), &sdk.RegisterInstanceInput{ServiceId: &service, InstanceId: &id, Attributes: given})
	return err
}

func setHealth(t *testing.T, s *cloudmap.Service, service, id string, to types.CustomHealthStatus) {
	t.Helper()
	_, err := s.UpdateInstanceCustomHealthStatus(t.Context(), &sdk.UpdateInstanceCustomHealthStatusInput{
		ServiceId: &service, InstanceId: &id, Status: to,
	})
	must(t, err)
}

func discovered(t *testing.T, s *cloudmap.Service, filter types.HealthStatusFilter) string {
	t.Helper()
	out, err := s.DiscoverInstances(t.Context(), &sdk.DiscoverInstancesInput{
		NamespaceName: new(namespaceName), ServiceName: new(serviceName), HealthStatus: filter,
	})
	must(t, err)
	var ids []string
	for _, i := range out.Instances {
		ids = append(ids, *i.InstanceId)
	}
	return strings.Join(ids, " ")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t *testing.T, err error, code string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

func TestANamespaceAppearsWhenItsOperationEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := cloudmap.New(region.Region{Account: "123456789012", Name: "us-west-2", Pace: region.At(1)})
		defer s.Close()
		in := &sdk.CreateHttpNamespaceInput{Name: new("http"), CreatorRequestId: new("r1")}
		first, err := s.CreateHttpNamespace(t.Context(), in)
		must(t, err)
		op := operation(t, s, first.OperationId)
		id := op.Targets["NAMESPACE"]
		if op.Status != types.OperationStatusSubmitted || op.Type != types.OperationTypeCreateNamespace {
			t.Errorf("a new operation is %+v", op)
		}
		_, err = s.GetNamespace(t.Context(), &sdk.GetNamespaceInput{Id: &id})
		wantError(t, err, "NamespaceNotFound")
		again, err := s.CreateHttpNamespace(t.Context(), in)
		must(t, err)
		if *again.OperationId != *first.OperationId {
			t.Error("a repeated request began another operation")
		}
		time.Sleep(time.Second)
		if got := operation(t, s, first.OperationId).Status; got != types.OperationStatusPending {
			t.Errorf("halfway the operation is %s", got)
		}
		time.Sleep(time.Minute)
		if got := operation(t, s, first.OperationId).Status; got != types.OperationStatusSuccess {
			t.Errorf("at its end the operation is %s", got)
		}
		out, err := s.GetNamespace(t.Context(), &sdk.GetNamespaceInput{Id: &id})
		must(t, err)
		if *out.Namespace.Arn != "arn:aws:servicediscovery:us-west-2:123456789012:namespace/"+id {
			t.Errorf("arn %s", *out.Namespace.Arn)
		}
		in.CreatorRequestId = new("r2")
		_, err = s.CreateHttpNamespace(t.Context(), in)
		wantError(t, err, "NamespaceAlreadyExists")
	})
}

func TestWhatIsInUseCannotBeDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, service := newCloudMap(t)
		must(t, register(t, s, service, "i1"))
		got, err := s.GetService(t.Context(), &sdk.GetServiceInput{Id: &service})
		must(t, err)
		ns := got.Service.NamespaceId
		if *got.Service.InstanceCount != 1 || got.Service.Type != types.ServiceTypeDnsHttp {
			t.Errorf("service %+v", got.Service)
		}
		_, err = s.DeleteService(t.Context(), &sdk.DeleteServiceInput{Id: &service})
		wantError(t, err, "ResourceInUse")
		_, err = s.DeleteNamespace(t.Context(), &sdk.DeleteNamespaceInput{Id: ns})
		wantError(t, err, "ResourceInUse")
		_, err = s.DeregisterInstance(t.Context(), &sdk.DeregisterInstanceInput{ServiceId: &service, InstanceId: new("i1")})
		must(t, err)
		_, err = s.DeregisterInstance(t.Context(), &sdk.DeregisterInstanceInput{ServiceId: &service, InstanceId: new("i1")})
		wantError(t, err, "InstanceNotFound")
		_, err = s.DeleteService(t.Context(), &sdk.DeleteServiceInput{Id: got.Service.Arn})
		must(t, err)
		_, err = s.DeleteNamespace(t.Context(), &sdk.DeleteNamespaceInput{Id: ns})
		must(t, err)
		_, err = s.DeleteNamespace(t.Context(), &sdk.DeleteNamespaceInput{Id: ns})
		wantError(t, err, "DuplicateRequest")
		time.Sleep(time.Minute)
		_, err = s.GetNamespace(t.Context(), &sdk.GetNamespaceInput{Id: ns})
		wantError(t, err, "NamespaceNotFound")
	})
}

func TestCustomHealthChangesThirtySecondsAfterTheFirstRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, service := newCloudMap(t)
		must(t, register(t, s, service, "a"))
		must(t, register(t, s, service, "b", "AWS_INIT_HEALTH_STATUS", "UNHEALTHY"))
		healthy := types.HealthStatusFilterHealthy
		if got := discovered(t, s, healthy); got != "a" {
			t.Errorf("at first %q are healthy", got)
		}
		setHealth(t, s, service, "b", types.CustomHealthStatusHealthy)
		time.Sleep(20 * time.Second)
		setHealth(t, s, service, "b", types.CustomHealthStatusHealthy)
		time.Sleep(9 * time.Second)
		if got := discovered(t, s, healthy); got != "a" {
			t.Errorf("after 29 s %q are healthy", got)
		}
		time.Sleep(2 * time.Second)
		if got := discovered(t, s, healthy); got != "a b" {
			t.Errorf("after 31 s %q are healthy", got)
		}
		setHealth(t, s, service, "a", types.CustomHealthStatusUnhealthy)
		setHealth(t, s, service, "a", types.CustomHealthStatusHealthy)
		time.Sleep(time.Minute)
		if got := discovered(t, s, healthy); got != "a b" {
			t.Errorf("a withdrawn change was made: %q are healthy", got)
		}
	})
}

func TestDiscoveryFailsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, service := newCloudMap(t)
		for _, id := range []string{"a", "b"} {
			must(t, register(t, s, service, id, "AWS_INIT_HEALTH_STATUS", "UNHEALTHY"))
		}
		if got := discovered(t, s, types.HealthStatusFilterHealthyOrElseAll); got != "a b" {
			t.Errorf("discovered %q", got)
		}
		if got := s.Instances(namespaceName, serviceName); len(got) != 2 || got[0].Healthy || got[0].Attributes["AWS_INSTANCE_IPV4"] != "10.0.0.1" {
			t.Errorf("instances %+v", got)
		}
		must(t, register(t, s, service, "c"))
		if got := s.Instances(namespaceName, serviceName); len(got) != 1 || got[0].ID != "c" || !got[0].Healthy {
			t.Errorf("instances %+v", got)
		}
		if got := s.Instances(namespaceName, "nobody"); got != nil {
			t.Errorf("instances of nobody: %+v", got)
		}
	})
}

func TestARevisionGrowsWithEveryChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, service := newCloudMap(t)
		revision := func() int64 {
			out, err := s.DiscoverInstancesRevision(t.Context(), &sdk.DiscoverInstancesRevisionInput{
				NamespaceName: new(namespaceName), ServiceName: new(serviceName),
			})
			must(t, err)
			return *out.InstancesRevision
		}
		before := revision()
		must(t, register(t, s, service, "a"))
		registered := revision()
		setHealth(t, s, service, "a", types.CustomHealthStatusUnhealthy)
		time.Sleep(time.Minute)
		if before >= registered || registered >= revision() {
			t.Errorf("revisions %d, %d, %d", before, registered, revision())
		}
	})
}

func TestAttributesNarrowDiscovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, service := newCloudMap(t)
		must(t, register(t, s, service, "a", "az", "1", "v", "x"))
		must(t, register(t, s, service, "b", "az", "2", "v", "x"))
		ask := func(query, optional map[string]string) int {
			out, err := s.DiscoverInstances(t.Context(), &sdk.DiscoverInstancesInput{
				NamespaceName: new(namespaceName), ServiceName: new(serviceName), QueryParameters: query, OptionalParameters: optional,
			})
			must(t, err)
			return len(out.Instances)
		}
		v := map[string]string{"v": "x"}
		if got := ask(v, nil); got != 2 {
			t.Errorf("query: %d", got)
		}
		if got := ask(v, map[string]string{"az": "2"}); got != 1 {
			t.Errorf("optional that one has: %d", got)
		}
		if got := ask(v, map[string]string{"az": "3"}); got != 2 {
			t.Errorf("optional that none has: %d", got)
		}
		if got := ask(map[string]string{"az": "3"}, nil); got != 0 {
			t.Errorf("query that none matches: %d", got)
		}
	})
}

func TestRequestsThatAWSRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, service := newCloudMap(t)
		wantError(t, register(t, s, service, "a b"), "InvalidInput")
		wantError(t, register(t, s, service, "a", "AWS_INSTANCE_IPV4", "nowhere"), "InvalidInput")
		wantError(t, register(t, s, service, "a", "AWS_INSTANCE_PORT", "99999"), "InvalidInput")
		wantError(t, register(t, s, "srv-none", "a"), "ServiceNotFound")
		_, err := s.RegisterInstance(t.Context(), &sdk.RegisterInstanceInput{ServiceId: &service, InstanceId: new("a")})
		wantError(t, err, "InvalidInput")

		got, err := s.GetService(t.Context(), &sdk.GetServiceInput{Id: &service})
		must(t, err)
		ns := *got.Service.NamespaceId
		_, err = s.CreateService(t.Context(), newService(ns, serviceName))
		wantError(t, err, "ServiceAlreadyExists")
		_, err = s.CreateService(t.Context(), newService(ns, "-no"))
		wantError(t, err, "InvalidInput")
		_, err = s.CreateService(t.Context(), newService("ns-none", "new"))
		wantError(t, err, "NamespaceNotFound")
		twice := newService(ns, "new")
		twice.DnsConfig.DnsRecords = append(twice.DnsConfig.DnsRecords, twice.DnsConfig.DnsRecords[0])
		_, err = s.CreateService(t.Context(), twice)
		wantError(t, err, "InvalidInput")

		plain := newService(ns, "plain")
		plain.HealthCheckCustomConfig = nil
		out, err := s.CreateService(t.Context(), plain)
		must(t, err)
		must(t, register(t, s, *out.Service.Id, "a"))
		_, err = s.UpdateInstanceCustomHealthStatus(t.Context(), &sdk.UpdateInstanceCustomHealthStatusInput{
			ServiceId: out.Service.Id, InstanceId: new("a"), Status: types.CustomHealthStatusHealthy,
		})
		wantError(t, err, "CustomHealthNotFound")
	})
}

func TestAServiceIsUpdatedListedAndTagged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, service := newCloudMap(t)
		updated, err := s.UpdateService(t.Context(), &sdk.UpdateServiceInput{Id: &service, Service: &types.ServiceChange{
			Description: new("the database"),
			DnsConfig:   &types.DnsConfigChange{DnsRecords: []types.DnsRecord{{Type: types.RecordTypeA, TTL: new(int64(5))}}},
		}})
		must(t, err)
		time.Sleep(time.Minute)
		if got := operation(t, s, updated.OperationId).Status; got != types.OperationStatusSuccess {
			t.Errorf("the update is %s", got)
		}
		got, err := s.GetService(t.Context(), &sdk.GetServiceInput{Id: &service})
		must(t, err)
		if *got.Service.Description != "the database" || *got.Service.DnsConfig.DnsRecords[0].TTL != 5 {
			t.Errorf("service %+v", got.Service)
		}
		_, err = s.TagResource(t.Context(), &sdk.TagResourceInput{
			ResourceARN: got.Service.Arn, Tags: []types.Tag{{Key: new("team"), Value: new("red")}},
		})
		must(t, err)
		tags, err := s.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceARN: got.Service.Arn})
		must(t, err)
		if len(tags.Tags) != 1 || *tags.Tags[0].Value != "red" {
			t.Errorf("tags %+v", tags.Tags)
		}
		filter := types.ServiceFilter{Name: types.ServiceFilterNameNamespaceId, Values: []string{*got.Service.NamespaceId}}
		listed, err := s.ListServices(t.Context(), &sdk.ListServicesInput{Filters: []types.ServiceFilter{filter}})
		must(t, err)
		filter.Values = []string{"ns-other"}
		others, err := s.ListServices(t.Context(), &sdk.ListServicesInput{Filters: []types.ServiceFilter{filter}})
		must(t, err)
		if len(listed.Services) != 1 || len(others.Services) != 0 {
			t.Errorf("listed %d and %d", len(listed.Services), len(others.Services))
		}
	})
}

func TestHealthOfInstancesIsPaged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, service := newCloudMap(t)
		for _, id := range []string{"a", "b", "c"} {
			must(t, register(t, s, service, id))
		}
		status := make(map[string]types.HealthStatus)
		in := &sdk.GetInstancesHealthStatusInput{ServiceId: &service, MaxResults: new(int32(2))}
		for range 2 {
			out, err := s.GetInstancesHealthStatus(t.Context(), in)
			must(t, err)
			maps.Copy(status, out.Status)
			in.NextToken = out.NextToken
		}
		if len(status) != 3 || status["c"] != types.HealthStatusHealthy || in.NextToken != nil {
			t.Errorf("status %v, token %v", status, in.NextToken)
		}
	})
}

func TestClosingLeavesOperationsAsTheyAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, service := newCloudMap(t)
		out, err := s.RegisterInstance(t.Context(), &sdk.RegisterInstanceInput{
			ServiceId: &service, InstanceId: new("a"), Attributes: map[string]string{"AWS_INSTANCE_IPV4": "10.0.0.1"},
		})
		must(t, err)
		s.Close()
		if got := operation(t, s, out.OperationId).Status; got != types.OperationStatusSubmitted {
			t.Errorf("the operation is %s", got)
		}
	})
}
