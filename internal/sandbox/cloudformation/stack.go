package cloudformation

import (
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/uuid"

	"serin/internal/sandbox/cloudformation/resource"
	"serin/internal/sandbox/cloudformation/template"
)

const stackType = "AWS::CloudFormation::Stack"

// keptDeleted is how many deleted stacks can still be described. CloudFormation keeps
// them for 90 days, in which a sandbox without a bound would grow and grow.
const keptDeleted = 50

// stack is one stack, from its creation until long after its deletion. The service's mutex guards it.
type stack struct {
	id, name string
	created  time.Time
	// updated and deleted are zero where that has not happened.
	updated, deleted time.Time
	status           types.StackStatus
	reason           string
	// blueprint is what the stack is, or is becoming.
	blueprint *blueprint
	settings  settings
	outputs   []template.OutputValue
	members   map[string]*member
	// retired are resources that an update has replaced or removed and that are yet to
	// be deleted.
	retired []*member
	// events are oldest first.
	events     []types.StackEvent
	changeSets []*changeSet
	// operation is the newest one; an older one may be on its way out.
	operation *operation
	// createdWith and updatedWith tell a repeated request from another one.
	createdWith, createToken string
	updatedWith, updateToken string
}

// settings are what a stack's requests say beside its blueprint.
type settings struct {
	onFailure            types.OnFailure
	retainExceptOnCreate bool
	timeout              time.Duration
	protected            bool
	roleARN              *string
	notificationARNs     []string
	deletionMode         types.DeletionMode
}

// member is one resource of a stack.
type member struct {
	logicalID, kind string
	made            resource.Resource
	status          types.ResourceStatus
	reason          string
	at              time.Time
	// needs are the members that must be there before it and that must outlive it.
	needs          []string
	deletionPolicy string
}

// exists reports whether there is something to delete.
func (m *member) exists() bool {
	return m.made.PhysicalID != "" &&
		m.status != types.ResourceStatusDeleteComplete && m.status != types.ResourceStatusDeleteSkipped
}

func (st *stack) imports(name string) bool {
	return slices.Contains(st.blueprint.imports, name)
}

// stamp is the time of the stack's next event. No two events of a stack have the same,
// so that their order can be told from their times.
func (st *stack) stamp() time.Time {
	now := time.Now().UTC().Truncate(time.Millisecond)
	if n := len(st.events); n > 0 && !now.After(*st.events[n-1].Timestamp) {
		return st.events[n-1].Timestamp.Add(time.Millisecond)
	}
	return now
}

// record adds an event about the stack itself and gives the stack that status.
func (st *stack) record(token string, status types.StackStatus, reason string) {
	st.status, st.reason = status, reason
	st.events = append(st.events, types.StackEvent{
		EventId: aws.String(uuid.NewString()), StackId: &st.id, StackName: &st.name,
		LogicalResourceId: &st.name, PhysicalResourceId: &st.id, ResourceType: aws.String(stackType),
		Timestamp: aws.Time(st.stamp()), ResourceStatus: types.ResourceStatus(status),
		ResourceStatusReason: optional(reason), ClientRequestToken: optional(token),
	})
}

// recordMember adds an event about a resource and gives the resource that status.
func (st *stack) recordMember(token string, m *member, status types.ResourceStatus, reason string) {
	m.status, m.reason, m.at = status, reason, st.stamp()
	id := fmt.Sprintf("%s-%s-%s", m.logicalID, status, m.at.Format("2006-01-02T15:04:05.000Z"))
	st.events = append(st.events, types.StackEvent{
		EventId: &id, StackId: &st.id, StackName: &st.name,
		LogicalResourceId: &m.logicalID, PhysicalResourceId: aws.String(m.made.PhysicalID), ResourceType: &m.kind,
		Timestamp: aws.Time(m.at), ResourceStatus: status,
		ResourceStatusReason: optional(reason), ClientRequestToken: optional(token),
		ResourceProperties: st.blueprint.shownProperties(m.made.Properties),
	})
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
