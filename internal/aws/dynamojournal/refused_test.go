package dynamojournal_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"serin/infra"
	"serin/internal/aws"
	"serin/internal/aws/dynamojournal"
	"serin/internal/engine"
	"serin/internal/journal"
	"serin/internal/journal/journaltest"
)

// wantWords asserts that an error has a kind and says some words.
func wantWords(t *testing.T, err error, kind engine.FaultKind, words ...string) {
	t.Helper()
	table, is := errors.AsType[*dynamojournal.TableError](err)
	if !is || engine.KindOf(err) != kind {
		t.Fatalf("error is %v, want one of a table, of the kind %s", err, kind)
	}
	for _, word := range append(words, table.Table, table.Region) {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error does not say %q: %v", word, err)
		}
	}
	if engine.HintOf(err) != "" {
		t.Errorf("what to do is said twice: %q, %q", err, engine.HintOf(err))
	}
}

func refused(t *testing.T, w *world) {
	t.Helper()
	t.Run("missing", func(t *testing.T) {
		_, err := dynamojournal.Open(t.Context(), w.clients.DynamoDB, w.clients.Where, "nowhere-serin")
		wantWords(t, err, engine.NotFound, "there is no such table", "infra/journal.yaml")
	})
	t.Run("another program's", func(t *testing.T) {
		_, err := w.clients.DynamoDB.CreateTable(t.Context(), &dynamodb.CreateTableInput{
			TableName: awssdk.String("songs"), BillingMode: types.BillingModePayPerRequest,
			KeySchema:            []types.KeySchemaElement{{AttributeName: awssdk.String("title"), KeyType: types.KeyTypeHash}},
			AttributeDefinitions: []types.AttributeDefinition{{AttributeName: awssdk.String("title"), AttributeType: types.ScalarAttributeTypeS}},
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = dynamojournal.Open(t.Context(), w.clients.DynamoDB, w.clients.Where, "songs")
		wantWords(t, err, engine.Invalid, "it is not a journal")
	})
	t.Run("too large", func(t *testing.T) { tooLarge(t, w) })
}

// tooLarge appends what DynamoDB does not take: all of it is refused, with words.
func tooLarge(t *testing.T, w *world) {
	t.Helper()
	j := w.open(t, w.table(t))
	template := func(size int) engine.Event {
		first := journaltest.Started("r1", journaltest.Key(), start())
		noise := make([]byte, size)
		_, _ = rand.Read(noise) // never fails since Go 1.24
		first.Body.(*engine.Started).Spec.CanaryTemplate = noise
		return first
	}
	_, err := j.Begin(t.Context(), "r1", journaltest.Kim(), template(600<<10))
	wantTooLarge(t, err, "event 1 (started)", "make the version's template smaller")
	if _, err := j.Current(t.Context(), journaltest.Key()); !errors.Is(err, engine.ErrNoRollout) {
		t.Errorf("something of it was begun: %v", err)
	}
	whole := template(250 << 10)
	if _, err := j.Begin(t.Context(), "r1", journaltest.Kim(), whole); err != nil {
		t.Fatal(err)
	}
	events, err := j.Events(t.Context(), "r1", 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := events[0].Body.(*engine.Started).Spec.CanaryTemplate, whole.Body.(*engine.Started).Spec.CanaryTemplate; string(got) != string(want) {
		t.Error("a large template is not what it was")
	}
	var many []engine.Event
	for range 20 {
		many = append(many, template(250<<10))
	}
	wantTooLarge(t, j.Append(t.Context(), "r1", 1, many), "4 MB at once")
	if header, err := j.Current(t.Context(), journaltest.Key()); err != nil || header.LastSeq != 1 {
		t.Errorf("the rollout is %+v (%v), want one event", header, err)
	}
	if err := j.Append(t.Context(), "r1", 1, many[:3]); err != nil {
		t.Errorf("events of several items at once: %v", err)
	}
	if events, err := j.Events(t.Context(), "r1", 2); err != nil || len(events) != 2 || events[0].Seq != 3 {
		t.Errorf("there are %d events after 2 (%v), want 2", len(events), err)
	}
}

func wantTooLarge(t *testing.T, err error, words ...string) {
	t.Helper()
	wantWords(t, err, engine.Transient, append(words, "DynamoDB takes 400 KB an item")...)
}

// unreadable damages the items of a rollout, one by one: nothing is skipped.
func unreadable(t *testing.T, w *world) {
	t.Helper()
	set := func(sort, name string, value types.AttributeValue) func(*testing.T, string) error {
		return func(t *testing.T, table string) error {
			t.Helper()
			_, err := w.clients.DynamoDB.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
				TableName: &table, Key: keyOf(sort), UpdateExpression: awssdk.String("SET #name = :value"),
				ExpressionAttributeNames:  map[string]string{"#name": name},
				ExpressionAttributeValues: map[string]types.AttributeValue{":value": value},
			})
			return err
		}
	}
	remove := func(sort string) func(*testing.T, string) error {
		return func(t *testing.T, table string) error {
			t.Helper()
			_, err := w.clients.DynamoDB.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &table, Key: keyOf(sort)})
			return err
		}
	}
	text := func(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
	const second, third, last = "events#0000000000000000003", "events#0000000000000000004", "command#0000000000000000001"
	for name, test := range map[string]struct {
		damage func(*testing.T, string) error
		want   string
	}{
		"not JSON":      {set(second, "events", text("x")), "events 2 to 3 cannot be read"},
		"not packed":    {set(second, "events", &types.AttributeValueMemberB{Value: []byte("x")}), "events 2 to 3 cannot be read"},
		"too few":       {set(second, "events", text("[]")), "it has 0 events"},
		"unknown kind":  {set(third, "events", text(`[{"seq":4,"kind":"sung","body":{}}]`)), `"sung"`},
		"another's":     {set(third, "events", text(`[{"seq":7,"kind":"removed","body":{}}]`)), "it says that it is event 7"},
		"a gap":         {remove(second), "event 2 is missing before it"},
		"a lost tail":   {remove(third), "event 4 cannot be read: it is missing: 4 events were recorded"},
		"driver":        {set("header", "driver", text("{")), "its driver cannot be read"},
		"start":         {set("header", "started_at", text("today")), "its time of starting cannot be read"},
		"header":        {set("header", "fence", text("one")), "its attribute fence is not a whole number"},
		"command":       {set(last, "command", text("[]")), "command 1 cannot be read"},
		"command's gap": {remove(last), "command 1 is missing before it"},
	} {
		t.Run(name, func(t *testing.T) {
			table := w.table(t)
			j := recorded(t, w, table)
			if err := test.damage(t, table); err != nil {
				t.Fatal(err)
			}
			_, events := j.Events(t.Context(), "r1", 0)
			_, commands := j.Commands(t.Context(), "r1", 0)
			err := errors.Join(events, commands)
			row, is := errors.AsType[*journal.RowError](err)
			if !is || row.Rollout != "r1" || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), j.Name()) {
				t.Errorf("error is %v, want one that names the table and the rollout and has %q", err, test.want)
			}
		})
	}
	t.Run("a newer serin's", func(t *testing.T) {
		table := w.table(t)
		j := recorded(t, w, table)
		if err := set("header", "format", &types.AttributeValueMemberN{Value: "2"})(t, table); err != nil {
			t.Fatal(err)
		}
		_, events := j.Events(t.Context(), "r1", 0)
		_, claim := j.Claim(t.Context(), engine.Lease{Rollout: "r1", Fence: 1, Beat: 1}, journaltest.Build())
		_, listed := j.Rollouts(t.Context(), journaltest.Key(), 0)
		for what, err := range map[string]error{
			"events": events, "claim": claim, "listed": listed, "append": j.Append(t.Context(), "r1", 4, []engine.Event{journaltest.Confirmed(10, start())}),
		} {
			if err == nil || !strings.Contains(err.Error(), "was written by a newer serin (its format is 2, this serin knows 1)") {
				t.Errorf("%s: error is %v", what, err)
			}
		}
	})
}

func keyOf(sort string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: "rollout#r1"}, "sk": &types.AttributeValueMemberS{Value: sort},
	}
}

// recorded is a journal with a rollout of four events, appended in three, and of two
// commands.
func recorded(t *testing.T, w *world, table string) *dynamojournal.Journal {
	t.Helper()
	j := w.open(t, table)
	begun(t, j, "r1")
	ctx, confirmed := t.Context(), journaltest.Confirmed(10, start())
	_, first := j.Post(ctx, "r1", engine.Command{Kind: engine.PauseIt})
	_, second := j.Post(ctx, "r1", engine.Command{Kind: engine.ResumeIt})
	err := errors.Join(first, second,
		j.Append(ctx, "r1", 1, []engine.Event{confirmed, confirmed}), j.Append(ctx, "r1", 3, []engine.Event{confirmed}))
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// templated makes the table as an operator does, from the template.
func templated(t *testing.T, w *world) {
	t.Helper()
	_, err := w.clients.CloudFormation.CreateStack(t.Context(), &cloudformation.CreateStackInput{
		StackName: awssdk.String("ecs-blogpost-serin"), TemplateBody: awssdk.String(infra.Journal()),
		Capabilities: []cfntypes.Capability{cfntypes.CapabilityCapabilityIam},
		Parameters:   []cfntypes.Parameter{{ParameterKey: awssdk.String("EnvironmentName"), ParameterValue: awssdk.String("ecs-blogpost")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	j := w.open(t, "ecs-blogpost-serin")
	begun(t, j, "r1")
	if header, err := j.Current(t.Context(), journaltest.Key()); err != nil || header.ID != "r1" {
		t.Errorf("the open rollout is %+v, %v", header, err)
	}
	out, err := w.clients.DynamoDB.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: awssdk.String("ecs-blogpost-serin")})
	if err != nil {
		t.Fatal(err)
	}
	if !awssdk.ToBool(out.Table.DeletionProtectionEnabled) || out.Table.BillingModeSummary.BillingMode != types.BillingModePayPerRequest {
		t.Errorf("the table is %+v", out.Table)
	}
}

// deaf is a DynamoDB whose every call fails.
type deaf struct{ err error }

var _ dynamojournal.API = deaf{}

func (d deaf) GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	return nil, d.err
}

func (d deaf) BatchGetItem(context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	return nil, d.err
}

func (d deaf) Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	return nil, d.err
}

func (d deaf) PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	return nil, d.err
}

func (d deaf) UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	return nil, d.err
}

func (d deaf) TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	return nil, d.err
}

// later is a table that could be opened and whose calls fail from then on.
type later struct {
	deaf
	opened bool
}

func (l *later) GetItem(ctx context.Context, in *dynamodb.GetItemInput, options ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	if !l.opened {
		l.opened = true
		return &dynamodb.GetItemOutput{}, nil
	}
	return l.deaf.GetItem(ctx, in, options...)
}

// said is an answer of DynamoDB with an error, as the SDK's client returns it.
func said(status int, code, message string) error {
	return &smithy.OperationError{ServiceID: "DynamoDB", OperationName: "UpdateItem", Err: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}},
		Err:      &smithy.GenericAPIError{Code: code, Message: message},
	}}
}

// The sandbox has no DynamoDB, and takes a call of it for a call with another's signature.
func TestASandboxHasNoTables(t *testing.T) {
	where := aws.Where{Region: "us-west-2", Endpoint: "http://127.0.0.1:4566"}
	_, err := dynamojournal.Open(t.Context(), deaf{said(403, "InvalidSignatureException", "no")}, where, "team-serin")
	wantWords(t, err, engine.Denied, "http://127.0.0.1:4566 in place of AWS may have no DynamoDB", "--journal sqlite:PATH")
}

func TestFailedCallsSayWhatToDo(t *testing.T) {
	where := aws.Where{Region: "us-west-2"}
	denied := "User: kim is not authorized to perform: dynamodb:UpdateItem on resource: table/team-serin because no identity-based policy allows it"
	for name, test := range map[string]struct {
		err   error
		kind  engine.FaultKind
		words []string
	}{
		"read-only": {said(400, "AccessDeniedException", denied), engine.Denied, []string{"it cannot be written with these credentials", "allow dynamodb:UpdateItem"}},
		"throttled": {said(400, "ProvisionedThroughputExceededException", "too fast"), engine.Transient, []string{"it cannot be written", "AWS limits how often", "DynamoDB"}},
		"removed":   {said(400, "ResourceNotFoundException", "Requested resource not found"), engine.NotFound, []string{"there is no such table"}},
		"down":      {said(500, "InternalServerError", "try later"), engine.Transient, []string{"it cannot be written", "try later"}},
	} {
		t.Run(name, func(t *testing.T) {
			j, err := dynamojournal.Open(t.Context(), &later{deaf: deaf{test.err}}, where, "team-serin")
			if err != nil {
				t.Fatal(err)
			}
			_, begin := j.Begin(t.Context(), "r1", journaltest.Kim(), journaltest.Started("r1", journaltest.Key(), time.Now()))
			_, claim := j.Claim(t.Context(), engine.Lease{Rollout: "r1"}, journaltest.Kim())
			_, beat := j.Beat(t.Context(), engine.Lease{Rollout: "r1"})
			for what, err := range map[string]error{
				"begin": begin, "claim": claim, "beat": beat, "release": j.Release(t.Context(), engine.Lease{Rollout: "r1"}),
				"append": j.Append(t.Context(), "r1", 1, []engine.Event{journaltest.Confirmed(10, start())}),
			} {
				if strings.Contains(fmt.Sprint(err), "%!") {
					t.Errorf("%s: %v", what, err)
				}
				wantWords(t, err, test.kind, test.words...)
			}
		})
	}
}
