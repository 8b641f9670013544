package cloudformation_test

import (
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// Of stacks that were deleted the last ones can be described, whatever the order in
// which they were made.
func TestDeletedStacksMakeRoom(t *testing.T) {
	inWorld(t, func(w *world) {
		environment := w.environment()
		version := func(sha string) string {
			id := w.create(w.version(sha))
			w.await(id, types.StackStatusCreateComplete)
			return id
		}
		remove := func(id string) {
			w.delete(&sdk.DeleteStackInput{StackName: &id})
			w.await(id, types.StackStatusDeleteComplete)
		}
		oldest := version("aaaa")
		var removed []string
		for number := range 55 {
			id := version("b" + strconv.Itoa(number))
			remove(id)
			removed = append(removed, id)
		}
		remove(oldest)
		for id, known := range map[string]bool{
			environment: true, oldest: true, removed[54]: true, removed[6]: true, removed[5]: false, removed[0]: false,
		} {
			_, err := w.DescribeStacks(t.Context(), &sdk.DescribeStacksInput{StackName: &id})
			if known && err != nil {
				t.Error(err)
			}
			if !known {
				wantError(t, err, "ValidationError", "Stack with id "+id+" does not exist")
			}
		}
		listed, err := w.ListStacks(t.Context(), &sdk.ListStacksInput{StackStatusFilter: []types.StackStatus{types.StackStatusDeleteComplete}})
		if err != nil || len(listed.StackSummaries) != 50 || aws.ToString(listed.NextToken) != "" {
			t.Errorf("%d deleted stacks are listed, %v", len(listed.StackSummaries), err)
		}
	})
}
