package aws

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// healthChecks knows which revisions of task definitions have a health check. A revision
// never changes, so each is read once. It is safe for concurrent use.
type healthChecks struct {
	api   TaskAPI
	mu    sync.Mutex
	known map[string]bool
}

// revisionsKept bounds the memory of a process that watches for months.
const revisionsKept = 10000

func newHealthChecks(api TaskAPI) *healthChecks {
	return &healthChecks{api: api, known: make(map[string]bool)}
}

// has tells whether an essential container of a revision has a health check. Only those
// count in the health of a task (API reference, Task.healthStatus).
func (h *healthChecks) has(ctx context.Context, revision string) (bool, error) {
	h.mu.Lock()
	checked, known := h.known[revision]
	h.mu.Unlock()
	if known {
		return checked, nil
	}
	out, err := h.api.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &revision})
	if err != nil {
		return false, err
	}
	checked = isChecked(out.TaskDefinition)
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.known) >= revisionsKept {
		clear(h.known)
	}
	h.known[revision] = checked
	return checked, nil
}

func isChecked(definition *types.TaskDefinition) bool {
	if definition == nil {
		return false
	}
	for _, container := range definition.ContainerDefinitions {
		essential := container.Essential == nil || *container.Essential
		if essential && container.HealthCheck != nil {
			return true
		}
	}
	return false
}
