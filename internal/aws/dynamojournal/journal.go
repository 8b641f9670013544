package dynamojournal

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"serin/internal/aws"
	"serin/internal/engine"
)

// API is what the journal needs of DynamoDB.
type API interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	BatchGetItem(context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
}

// Journal is a journal in a table. It is safe for concurrent use, in any number of
// processes.
type Journal struct {
	api   API
	where aws.Where
	table string

	mu sync.Mutex
	// known are rollouts that are there, and rollouts are never removed.
	known map[string]bool
	// final are the headers of rollouts that are over and let go of: nothing changes them.
	final map[string]engine.Header
}

var (
	_ engine.Journal = (*Journal)(nil)
	_ engine.Paced   = (*Journal)(nil)
	_ API            = (*dynamodb.Client)(nil)
)

// Open opens the journal in a table, which it reads once: a table that is missing, that
// may not be read or that is no journal is a *TableError. It makes nothing.
func Open(ctx context.Context, api API, where aws.Where, table string) (*Journal, error) {
	j := &Journal{api: api, where: where, table: table, known: map[string]bool{}, final: map[string]engine.Header{}}
	if _, err := j.get(ctx, key{"environments", "."}); err != nil {
		return nil, j.explain(ctx, "read", err)
	}
	return j, nil
}

// Name is what --journal calls the journal: dynamodb:TABLE.
func (j *Journal) Name() string { return "dynamodb:" + j.table }

// Close implements io.Closer. What was answered is in the table without it.
func (*Journal) Close() error { return nil }

// MailboxEvery implements engine.Paced. A look costs one read unit: two of them a second
// are a tenth of a cent an hour. ARCHITECTURE.md has the sum.
func (*Journal) MailboxEvery() time.Duration { return 500 * time.Millisecond }

// mark is what a writer puts on what it writes, to know it again.
func mark() string { return rand.Text() }

// exists notes that a rollout is there.
func (j *Journal) exists(id string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.known[id] = true
}

// mustExist is engine.ErrNoRollout for a rollout that is not there. Only the first time
// does it ask the table.
func (j *Journal) mustExist(ctx context.Context, id string) error {
	j.mu.Lock()
	known := j.known[id]
	j.mu.Unlock()
	if known {
		return nil
	}
	_, err := j.header(ctx, id)
	return err
}

// get reads one item; nil when there is none.
func (j *Journal) get(ctx context.Context, at key) (item, error) {
	out, err := j.api.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &j.table, Key: at.attributes(), ConsistentRead: awssdk.Bool(true),
	})
	if err != nil {
		return nil, err
	}
	return out.Item, nil
}

// span is a part of a partition: its items between two sort keys, both included.
type span struct {
	partition, from, to string
	// backwards reads from the end, page is how many items at once at most; 0 is as many as
	// an answer holds.
	backwards bool
	page      int
}

// each reads the items of a span in order, as long as take says that it wants more.
func (j *Journal) each(ctx context.Context, s span, take func(item) (more bool, err error)) error {
	input := &dynamodb.QueryInput{
		TableName: &j.table, ConsistentRead: awssdk.Bool(true), ScanIndexForward: awssdk.Bool(!s.backwards),
		KeyConditionExpression:    awssdk.String("pk = :pk AND sk BETWEEN :from AND :to"),
		ExpressionAttributeValues: item{":pk": text(s.partition), ":from": text(s.from), ":to": text(s.to)},
	}
	if s.page > 0 {
		input.Limit = awssdk.Int32(int32(min(s.page, 1000)))
	}
	for {
		out, err := j.api.Query(ctx, input)
		if err != nil {
			return j.explain(ctx, "read", err)
		}
		for _, found := range out.Items {
			if more, err := take(found); err != nil || !more {
				return err
			}
		}
		if len(out.LastEvaluatedKey) == 0 {
			return nil
		}
		input.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

// rest waits before a write is tried again that met another one, longer each time.
func rest(ctx context.Context, turn int) error {
	// rand.Text is 26 letters of 32; one of them spreads those who wait.
	spread := time.Duration(rand.Text()[0]%32) * time.Millisecond
	timer := time.NewTimer(10*time.Millisecond<<min(turn, 5) + spread)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return fmt.Errorf("wait for another's write to end: %w", ctx.Err())
	case <-timer.C:
		return nil
	}
}
