package cloudmap

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"

	"serin/internal/sandbox/clone"
	"serin/internal/sandbox/page"
)

// namespacePattern is Cloud Map's NamespaceNamePrivate without its length; a name that
// begins like an ARN is refused apart.
var namespacePattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[!-~]+$`)
})

// namespace is a namespace. One that is being created has no part in anything but the
// uniqueness of names.
type namespace struct {
	types.Namespace
	vpc    string
	active bool
}

// CreatePrivateDnsNamespace begins to make a namespace that a VPC resolves by DNS.
//
//nolint:revive // AWS names the operation.
func (s *Service) CreatePrivateDnsNamespace(
	_ context.Context, in *sdk.CreatePrivateDnsNamespaceInput,
) (*sdk.CreatePrivateDnsNamespaceOutput, error) {
	if err := checkNamespace(in.Name, 253, in.Description, in.Tags); err != nil {
		return nil, err
	}
	if length := len(aws.ToString(in.Vpc)); length < 1 || length > 64 {
		return nil, invalid("Vpc is required and has at most 64 characters.")
	}
	soa := int64(15)
	if p := in.Properties; p != nil && p.DnsProperties != nil && p.DnsProperties.SOA != nil {
		soa = aws.ToInt64(p.DnsProperties.SOA.TTL)
	}
	operation, err := s.createNamespace(&namespace{
		vpc: *in.Vpc,
		Namespace: types.Namespace{
			Name: in.Name, Description: in.Description, CreatorRequestId: in.CreatorRequestId,
			Type: types.NamespaceTypeDnsPrivate,
			Properties: &types.NamespaceProperties{
				DnsProperties: &types.DnsProperties{
					HostedZoneId: new("Z" + strings.ToUpper(identifier(""))), SOA: &types.SOA{TTL: &soa},
				},
				HttpProperties: &types.HttpProperties{HttpName: in.Name},
			},
		},
	}, in.Tags, privateNamespaceTime)
	if err != nil {
		return nil, err
	}
	return &sdk.CreatePrivateDnsNamespaceOutput{OperationId: operation}, nil
}

// CreateHttpNamespace begins to make a namespace that only the API discovers.
//
//nolint:revive // AWS names the operation.
func (s *Service) CreateHttpNamespace(
	_ context.Context, in *sdk.CreateHttpNamespaceInput,
) (*sdk.CreateHttpNamespaceOutput, error) {
	if err := checkNamespace(in.Name, 1024, in.Description, in.Tags); err != nil {
		return nil, err
	}
	operation, err := s.createNamespace(&namespace{Namespace: types.Namespace{
		Name: in.Name, Description: in.Description, CreatorRequestId: in.CreatorRequestId,
		Type:       types.NamespaceTypeHttp,
		Properties: &types.NamespaceProperties{HttpProperties: &types.HttpProperties{HttpName: in.Name}},
	}}, in.Tags, httpNamespaceTime)
	if err != nil {
		return nil, err
	}
	return &sdk.CreateHttpNamespaceOutput{OperationId: operation}, nil
}

func checkNamespace(name *string, longest int, description *string, tags []types.Tag) error {
	given := aws.ToString(name)
	switch {
	case given == "" || len(given) > longest:
		return invalid("Name must have between 1 and %d characters.", longest)
	case !namespacePattern().MatchString(given) || strings.HasPrefix(given, "arn:"):
		return invalid("Name %q is not a valid name of a namespace.", given)
	default:
		return checkDescribed(description, tags)
	}
}

// createNamespace registers a namespace that becomes active when the operation ends.
func (s *Service) createNamespace(ns *namespace, tags []types.Tag, takes time.Duration) (*string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if operation, ok := s.repeated(types.OperationTypeCreateNamespace, *ns.Name, ns.CreatorRequestId); ok {
		return operation, nil
	}
	for _, other := range s.namespaces {
		if *other.Name == *ns.Name && other.vpc == ns.vpc {
			return nil, &types.NamespaceAlreadyExists{
				Message:     new(fmt.Sprintf("Namespace %s already exists.", *ns.Name)),
				NamespaceId: other.Id, CreatorRequestId: other.CreatorRequestId,
			}
		}
	}
	created := &namespace{Namespace: clone.Of(ns.Namespace), vpc: ns.vpc}
	created.Id = new(identifier("ns-"))
	created.Arn = new(s.region.ARN("servicediscovery", "namespace/"+*created.Id))
	created.CreateDate, created.ResourceOwner = moment(), &s.region.Account
	s.namespaces[*created.Id] = created
	s.tags[*created.Arn] = clone.Of(tags)
	targets := map[string]string{string(types.OperationTargetTypeNamespace): *created.Id}
	operation := s.begin(types.OperationTypeCreateNamespace, targets, takes, func() { created.active = true })
	s.answered(types.OperationTypeCreateNamespace, *ns.Name, ns.CreatorRequestId, operation)
	return new(*operation), nil
}

// activeNamespace is a namespace by its identifier or ARN; s.mu is held.
func (s *Service) activeNamespace(id *string) (*namespace, error) {
	if aws.ToString(id) == "" {
		return nil, invalid("A namespace's Id is required.")
	}
	if ns, ok := s.namespaces[bare(*id)]; ok && ns.active {
		return ns, nil
	}
	return nil, &types.NamespaceNotFound{Message: new(fmt.Sprintf("Namespace %s not found", *id))}
}

func (s *Service) describeNamespace(ns *namespace) types.Namespace {
	out := clone.Of(ns.Namespace)
	out.ServiceCount = new(int32(len(s.registriesOf(*ns.Id))))
	return out
}

// GetNamespace describes a namespace.
func (s *Service) GetNamespace(_ context.Context, in *sdk.GetNamespaceInput) (*sdk.GetNamespaceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ns, err := s.activeNamespace(in.Id)
	if err != nil {
		return nil, err
	}
	return &sdk.GetNamespaceOutput{Namespace: new(s.describeNamespace(ns))}, nil
}

// DeleteNamespace begins to remove a namespace without services; ResourceInUse
// otherwise.
func (s *Service) DeleteNamespace(_ context.Context, in *sdk.DeleteNamespaceInput) (*sdk.DeleteNamespaceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ns, err := s.activeNamespace(in.Id)
	if err != nil {
		return nil, err
	}
	if op := s.underWay(types.OperationTargetTypeNamespace, *ns.Id, types.OperationTypeDeleteNamespace); op != nil {
		return nil, duplicate(op)
	}
	if len(s.registriesOf(*ns.Id)) > 0 {
		return nil, &types.ResourceInUse{
			Message: new("Namespace contains registered services; delete the services before deleting the namespace"),
		}
	}
	targets := map[string]string{string(types.OperationTargetTypeNamespace): *ns.Id}
	operation := s.begin(types.OperationTypeDeleteNamespace, targets, httpNamespaceTime, func() {
		delete(s.namespaces, *ns.Id)
		delete(s.tags, *ns.Arn)
	})
	return &sdk.DeleteNamespaceOutput{OperationId: new(*operation)}, nil
}

// ListNamespaces lists the namespaces that pass every filter.
func (s *Service) ListNamespaces(_ context.Context, in *sdk.ListNamespacesInput) (*sdk.ListNamespacesOutput, error) {
	size, err := pageSize(in.MaxResults)
	if err != nil {
		return nil, err
	}
	for _, f := range in.Filters {
		if err := checkFilter(string(f.Name), f.Condition, f.Values); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []types.NamespaceSummary{}
	for _, ns := range slices.SortedFunc(maps.Values(s.namespaces), func(a, b *namespace) int { return cmp.Compare(*a.Id, *b.Id) }) {
		if ns.active && !slices.ContainsFunc(in.Filters, func(f types.NamespaceFilter) bool { return !namespacePasses(ns, f) }) {
			d := s.describeNamespace(ns)
			all = append(all, types.NamespaceSummary{
				Arn: d.Arn, CreateDate: d.CreateDate, Description: d.Description, Id: d.Id, Name: d.Name,
				Properties: d.Properties, ResourceOwner: d.ResourceOwner, ServiceCount: d.ServiceCount, Type: d.Type,
			})
		}
	}
	some, next, err := page.After(all, func(n types.NamespaceSummary) string { return *n.Id }, size, in.NextToken)
	if err != nil {
		return nil, invalid("NextToken is invalid.")
	}
	return &sdk.ListNamespacesOutput{Namespaces: some, NextToken: next}, nil
}

func namespacePasses(ns *namespace, f types.NamespaceFilter) bool {
	matches := func(value string) bool {
		if f.Condition == types.FilterConditionBeginsWith {
			return strings.HasPrefix(value, f.Values[0])
		}
		return slices.Contains(f.Values, value)
	}
	switch f.Name {
	case types.NamespaceFilterNameType:
		return matches(string(ns.Type))
	case types.NamespaceFilterNameName:
		return matches(*ns.Name)
	case types.NamespaceFilterNameHttpName:
		return matches(*ns.Properties.HttpProperties.HttpName)
	case types.NamespaceFilterNameResourceOwner:
		return f.Values[0] == "SELF"
	default:
		return false
	}
}
