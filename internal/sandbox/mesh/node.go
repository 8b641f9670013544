package mesh

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/sandbox/cloudmap"
)

// Attributes of an instance that ECS registers (Cloud Map API reference,
// RegisterInstance; ECS developer guide, service discovery).
const (
	attributeIPv4    = "AWS_INSTANCE_IPV4"
	attributeCluster = "ECS_CLUSTER_NAME"
	attributeFamily  = "ECS_TASK_DEFINITION_FAMILY"
)

// node is what lives of a virtual node from view to view: whose turn it is, and the
// ingress of each of its tasks.
type node struct {
	name string
	turn atomic.Uint64
	// tasks holds a *task for every instance's id.
	tasks sync.Map
}

// task is the ingress of one task of a node: what reached it since it was first seen.
// The answers are counted by class, 1 to 5.
type task struct {
	answers     [6]atomic.Uint64
	connections atomic.Uint64
	scrape      scrape
}

// answered counts an answer by its status.
func (t *task) answered(status int) {
	if class := status / 100; class >= 1 && class <= 5 {
		t.answers[class].Add(1)
	}
}

// task is the ingress of an instance.
func (n *node) task(id string) *task {
	if known, ok := n.tasks.Load(id); ok {
		return known.(*task)
	}
	known, _ := n.tasks.LoadOrStore(id, &task{})
	return known.(*task)
}

// endpoint is where a request or a connection goes: a task, and the address that its
// app listens on, "" when it listens on none.
type endpoint struct {
	task    *task
	address string
}

// endpoint is the next endpoint of a destination in turn, and false when it has none.
func (m *Mesh) endpoint(d *destination) (endpoint, bool) {
	candidates := usable(m.discovery.Instances(d.namespace, d.service), d.attributes)
	if len(candidates) == 0 {
		return endpoint{}, false
	}
	turn := d.node.turn.Add(1) - 1
	chosen := candidates[turn%uint64(len(candidates))]
	address, _ := m.tasks.Address(chosen.Attributes[attributeIPv4], d.port)
	return endpoint{task: d.node.task(chosen.ID), address: address}, true
}

// usable are the healthy instances that have every attribute asked for, by id.
func usable(instances []cloudmap.Instance, attributes []types.AwsCloudMapInstanceAttribute) []cloudmap.Instance {
	found := make([]cloudmap.Instance, 0, len(instances))
	for _, instance := range instances {
		if instance.Healthy && has(instance, attributes) {
			found = append(found, instance)
		}
	}
	slices.SortFunc(found, func(a, b cloudmap.Instance) int { return cmp.Compare(a.ID, b.ID) })
	return found
}

func has(instance cloudmap.Instance, attributes []types.AwsCloudMapInstanceAttribute) bool {
	for _, wanted := range attributes {
		got, ok := instance.Attributes[aws.ToString(wanted.Key)]
		if !ok || got != aws.ToString(wanted.Value) {
			return false
		}
	}
	return true
}

// splitName cuts a host name of Cloud Map into its service and its namespace.
func splitName(host string) (service, namespace string) {
	service, namespace, _ = strings.Cut(host, ".")
	return service, namespace
}
