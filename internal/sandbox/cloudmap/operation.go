package cloudmap

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"

	"serin/internal/sandbox/clone"
	"serin/internal/sandbox/page"
)

// keptOperations is how many operations are remembered; the oldest that have ended are
// forgotten first.
const keptOperations = 1000

// begin starts an asynchronous operation: it is submitted now, pending after a tenth of
// its time and ends with effect at its end. s.mu is held here and when effect runs.
func (s *Service) begin(kind types.OperationType, targets map[string]string, takes time.Duration, effect func()) *string {
	op := &types.Operation{
		Id:           new(identifier("") + "-" + identifier("")[:8]),
		OwnerAccount: &s.region.Account,
		Type:         kind, Status: types.OperationStatusSubmitted,
		Targets:    targets,
		CreateDate: moment(), UpdateDate: moment(),
	}
	s.forgetOperations()
	s.operations[*op.Id] = op
	s.later(takes/10, func() {
		op.Status, op.UpdateDate = types.OperationStatusPending, moment()
		s.later(takes-takes/10, func() {
			effect()
			op.Status, op.UpdateDate = types.OperationStatusSuccess, moment()
		})
	})
	return op.Id
}

// forgetOperations makes room for one operation more.
func (s *Service) forgetOperations() {
	for _, op := range s.operationsByAge() {
		if len(s.operations) < keptOperations {
			return
		}
		if op.Status == types.OperationStatusSuccess || op.Status == types.OperationStatusFail {
			delete(s.operations, *op.Id)
		}
	}
}

func (s *Service) operationsByAge() []*types.Operation {
	return slices.SortedFunc(maps.Values(s.operations), func(a, b *types.Operation) int {
		return cmp.Or(a.CreateDate.Compare(*b.CreateDate), cmp.Compare(*a.Id, *b.Id))
	})
}

// underWay is the operation on a target that has not ended, if there is one.
func (s *Service) underWay(kind types.OperationTargetType, id string, of types.OperationType) *types.Operation {
	for _, op := range s.operations {
		ended := op.Status == types.OperationStatusSuccess || op.Status == types.OperationStatusFail
		if !ended && op.Type == of && op.Targets[string(kind)] == id {
			return op
		}
	}
	return nil
}

func duplicate(op *types.Operation) error {
	return &types.DuplicateRequest{
		Message:              new("The operation is already in progress."),
		DuplicateOperationId: new(*op.Id),
	}
}

// repeated is the operation that an earlier request with the same identifier began.
// Identifiers are kept for each kind of operation and each target apart.
func (s *Service) repeated(kind types.OperationType, scope string, request *string) (*string, bool) {
	if request == nil {
		return nil, false
	}
	operation, ok := s.requests[string(kind)+"\x00"+scope+"\x00"+*request]
	if _, kept := s.operations[operation]; !ok || !kept {
		return nil, false
	}
	return &operation, true
}

func (s *Service) answered(kind types.OperationType, scope string, request, operation *string) {
	if request == nil {
		return
	}
	maps.DeleteFunc(s.requests, func(_, old string) bool { return s.operations[old] == nil })
	s.requests[string(kind)+"\x00"+scope+"\x00"+*request] = *operation
}

// GetOperation describes an operation: its status and what it is on.
func (s *Service) GetOperation(_ context.Context, in *sdk.GetOperationInput) (*sdk.GetOperationOutput, error) {
	if aws.ToString(in.OperationId) == "" {
		return nil, invalid("OperationId is required.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	op, ok := s.operations[*in.OperationId]
	if !ok {
		return nil, &types.OperationNotFound{Message: new(fmt.Sprintf("Operation %s not found", *in.OperationId))}
	}
	return &sdk.GetOperationOutput{Operation: clone.Of(op)}, nil
}

// ListOperations lists operations that pass every filter.
func (s *Service) ListOperations(_ context.Context, in *sdk.ListOperationsInput) (*sdk.ListOperationsOutput, error) {
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
	all := []types.OperationSummary{}
	for _, id := range slices.Sorted(maps.Keys(s.operations)) {
		op := s.operations[id]
		if !slices.ContainsFunc(in.Filters, func(f types.OperationFilter) bool { return !operationPasses(op, f) }) {
			all = append(all, types.OperationSummary{Id: &id, Status: op.Status})
		}
	}
	some, next, err := page.After(all, func(o types.OperationSummary) string { return *o.Id }, size, in.NextToken)
	if err != nil {
		return nil, invalid("NextToken is invalid.")
	}
	return &sdk.ListOperationsOutput{Operations: some, NextToken: next}, nil
}

func operationPasses(op *types.Operation, f types.OperationFilter) bool {
	switch f.Name {
	case types.OperationFilterNameNamespaceId:
		return slices.Contains(f.Values, op.Targets[string(types.OperationTargetTypeNamespace)])
	case types.OperationFilterNameServiceId:
		return slices.Contains(f.Values, op.Targets[string(types.OperationTargetTypeService)])
	case types.OperationFilterNameStatus:
		return slices.Contains(f.Values, string(op.Status))
	case types.OperationFilterNameType:
		return slices.Contains(f.Values, string(op.Type))
	case types.OperationFilterNameUpdateDate:
		return updatedBetween(op, f.Values)
	default:
		return false
	}
}

// updatedBetween compares an operation's last update with two Unix times in
// milliseconds (Cloud Map API reference, OperationFilter).
func updatedBetween(op *types.Operation, bounds []string) bool {
	if len(bounds) != 2 {
		return false
	}
	from, errFrom := strconv.ParseInt(bounds[0], 10, 64)
	to, errTo := strconv.ParseInt(bounds[1], 10, 64)
	at := op.UpdateDate.UnixMilli()
	return errFrom == nil && errTo == nil && from <= at && at <= to
}

// checkFilter refuses a filter without values or with a condition that takes fewer.
func checkFilter(name string, condition types.FilterCondition, values []string) error {
	switch {
	case name == "":
		return invalid("A filter's Name is required.")
	case len(values) == 0:
		return invalid("The filter %s needs values.", name)
	case (condition == "" || condition == types.FilterConditionEq) && len(values) > 1:
		return invalid("The filter %s takes one value with the condition EQ.", name)
	case condition == types.FilterConditionBetween && len(values) != 2:
		return invalid("The filter %s takes two values with the condition BETWEEN.", name)
	default:
		return nil
	}
}

// pageSize is how many elements a page has: 1 to 100, and 100 when nothing is asked.
func pageSize(asked *int32) (int, error) {
	if asked == nil {
		return 100, nil
	}
	if *asked < 1 || *asked > 100 {
		return 0, invalid("MaxResults must be between 1 and 100.")
	}
	return int(*asked), nil
}
