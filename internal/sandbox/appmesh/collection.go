package appmesh

import (
	"cmp"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"
	"github.com/google/uuid"

	"serin/internal/sandbox/clone"
	"serin/internal/sandbox/region"
)

// id names a resource: its mesh, the virtual router of a route, and its own name. A
// mesh has a name only.
type id struct{ mesh, parent, name string }

// record is what is kept of one resource, whatever its kind.
type record[Spec any] struct {
	id
	spec     *Spec
	metadata types.ResourceMetadata
	tags     []types.TagRef
	tokens   tokens[Spec]
}

// collection holds the resources of one kind.
type collection[Spec any] struct {
	region  region.Region
	kind    string
	path    func(id) string
	records map[id]*record[Spec]
}

func newCollection[Spec any](in region.Region, kind string, path func(id) string) collection[Spec] {
	return collection[Spec]{region: in, kind: kind, path: path, records: make(map[id]*record[Spec])}
}

// meshPath, childPath and routePath are the resource parts of ARNs.
func meshPath(of id) string { return "mesh/" + of.name }

func childPath(kind string) func(id) string {
	return func(of id) string { return "mesh/" + of.mesh + "/" + kind + "/" + of.name }
}

func routePath(of id) string {
	return "mesh/" + of.mesh + "/virtualRouter/" + of.parent + "/route/" + of.name
}

func (c *collection[Spec]) get(of id) (*record[Spec], error) {
	if found, ok := c.records[of]; ok {
		return found, nil
	}
	return nil, c.absent(of)
}

// create adds a resource. A request that was already answered, told by its token, is
// answered again; the flag says whether anything was added.
func (c *collection[Spec]) create(
	of id, spec *Spec, token *string, tags []types.TagRef,
) (*record[Spec], bool, error) {
	if existing, ok := c.records[of]; ok {
		switch existing.tokens.seen(token, spec) {
		case sameRequest:
			return existing, false, nil
		case otherRequest:
			return nil, false, conflict("The client token was already used for %s %s with another specification.", c.kind, of.name)
		default:
			return nil, false, conflict("%s with name %s already exists%s.", c.kind, of.name, c.under(of))
		}
	}
	now := moment()
	created := &record[Spec]{
		id: of, spec: clone.Of(spec), tags: clone.Of(tags),
		metadata: types.ResourceMetadata{
			Arn:           new(c.region.ARN("appmesh", c.path(of))),
			Uid:           new(uuid.NewString()),
			Version:       new(int64(1)),
			CreatedAt:     &now,
			LastUpdatedAt: &now,
			MeshOwner:     &c.region.Account,
			ResourceOwner: &c.region.Account,
		},
	}
	created.tokens.remember(token, created.spec)
	c.records[of] = created
	return created, true, nil
}

// update gives a resource a new specification. A request that was already answered is
// answered with what is there now and does not undo what came after it.
func (c *collection[Spec]) update(of id, spec *Spec, token *string) (*record[Spec], bool, error) {
	existing, err := c.get(of)
	if err != nil {
		return nil, false, err
	}
	switch existing.tokens.seen(token, spec) {
	case sameRequest:
		return existing, false, nil
	case otherRequest:
		return nil, false, conflict("The client token was already used for %s %s with another specification.", c.kind, of.name)
	default:
	}
	now := moment()
	existing.spec = clone.Of(spec)
	existing.metadata.Version = new(*existing.metadata.Version + 1)
	existing.metadata.LastUpdatedAt = &now
	existing.tokens.remember(token, existing.spec)
	return existing, true, nil
}

// sorted is every resource in an order.
func (c *collection[Spec]) sorted(order func(a, b *record[Spec]) int) []*record[Spec] {
	all := make([]*record[Spec], 0, len(c.records))
	for _, r := range c.records {
		all = append(all, r)
	}
	slices.SortFunc(all, order)
	return all
}

// holds reports whether any resource satisfies a condition.
func (c *collection[Spec]) holds(condition func(*record[Spec]) bool) bool {
	for _, r := range c.records {
		if condition(r) {
			return true
		}
	}
	return false
}

func byName[Spec any](a, b *record[Spec]) int {
	return cmp.Or(cmp.Compare(a.mesh, b.mesh), cmp.Compare(a.parent, b.parent), cmp.Compare(a.name, b.name))
}

// byPriority puts the route that is matched first in front: 0 is the highest priority,
// and a route without one comes last (App Mesh user guide).
func byPriority(a, b *record[types.RouteSpec]) int {
	const none = 1001
	priority := func(r *record[types.RouteSpec]) int32 {
		if r.spec.Priority == nil {
			return none
		}
		return *r.spec.Priority
	}
	return cmp.Or(
		cmp.Compare(a.mesh, b.mesh), cmp.Compare(a.parent, b.parent),
		cmp.Compare(priority(a), priority(b)), cmp.Compare(a.name, b.name))
}

// moment is the present to the millisecond, as the API carries it.
func moment() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
