package dynamojournal_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"serin/internal/aws/dynamojournal"
	"serin/internal/engine"
	"serin/internal/journal/journaltest"
)

// crowd is a DynamoDB where others write at the same moment: it refuses the first writes
// of an item that is in a transaction, and leaves reads undone, as DynamoDB does and moto
// does not.
type crowd struct {
	dynamojournal.API
	// writes are how many are still to be refused, reads how many items are still to be left.
	writes, reads atomic.Int64
}

func (c *crowd) TransactWriteItems(
	ctx context.Context, in *dynamodb.TransactWriteItemsInput, options ...func(*dynamodb.Options),
) (*dynamodb.TransactWriteItemsOutput, error) {
	if c.writes.Add(-1) >= 0 {
		return nil, &types.TransactionCanceledException{CancellationReasons: []types.CancellationReason{
			{Code: awssdk.String("None")}, {Code: awssdk.String("TransactionConflict")},
		}}
	}
	return c.API.TransactWriteItems(ctx, in, options...)
}

func (c *crowd) UpdateItem(
	ctx context.Context, in *dynamodb.UpdateItemInput, options ...func(*dynamodb.Options),
) (*dynamodb.UpdateItemOutput, error) {
	if c.writes.Add(-1) >= 0 {
		return nil, &types.TransactionConflictException{Message: awssdk.String("Transaction is ongoing for the item")}
	}
	return c.API.UpdateItem(ctx, in, options...)
}

func (c *crowd) BatchGetItem(
	ctx context.Context, in *dynamodb.BatchGetItemInput, options ...func(*dynamodb.Options),
) (*dynamodb.BatchGetItemOutput, error) {
	left := map[string]types.KeysAndAttributes{}
	ask := map[string]types.KeysAndAttributes{}
	for table, wanted := range in.RequestItems {
		undone := int(min(max(c.reads.Add(-1), -1)+1, int64(len(wanted.Keys))))
		if undone > 0 {
			left[table] = types.KeysAndAttributes{Keys: wanted.Keys[:undone], ConsistentRead: wanted.ConsistentRead}
		}
		if undone < len(wanted.Keys) {
			ask[table] = types.KeysAndAttributes{Keys: wanted.Keys[undone:], ConsistentRead: wanted.ConsistentRead}
		}
	}
	if len(ask) == 0 {
		return &dynamodb.BatchGetItemOutput{UnprocessedKeys: left}, nil
	}
	out, err := c.API.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: ask}, options...)
	if err == nil {
		out.UnprocessedKeys = left
	}
	return out, err
}

// crowded writes and reads while others are in the way: a little of it is nobody's
// business, and too much of it is an error that a retry may cure.
func crowded(t *testing.T, w *world) {
	t.Helper()
	busy := &crowd{API: w.clients.DynamoDB}
	j, err := dynamojournal.Open(t.Context(), busy, w.clients.Where, w.table(t))
	if err != nil {
		t.Fatal(err)
	}
	busy.writes.Store(2)
	held := begun(t, j, "r1")
	busy.writes.Store(2)
	if err := j.Append(t.Context(), "r1", 1, []engine.Event{journaltest.Confirmed(10, start())}); err != nil {
		t.Error(err)
	}
	busy.writes.Store(2)
	if _, err := j.Beat(t.Context(), held); err != nil {
		t.Error(err)
	}
	other := journaltest.Key()
	other.Service = "yelb-ui"
	if _, err := j.Begin(t.Context(), "r2", journaltest.Kim(), journaltest.Started("r2", other, start())); err != nil {
		t.Fatal(err)
	}
	all := journaltest.Key()
	all.Service = ""
	for _, left := range []int64{1, 2, 3} {
		busy.reads.Store(left)
		if headers, err := j.Rollouts(t.Context(), all, 0); err != nil || len(headers) != 2 || headers[0].ID != "r2" {
			t.Errorf("%d reads were left, and the rollouts are %+v, %v", left, headers, err)
		}
	}

	busy.writes.Store(1000)
	err = j.Append(t.Context(), "r1", 2, []engine.Event{journaltest.Confirmed(20, start())})
	if err == nil || errors.Is(err, engine.ErrStale) || engine.KindOf(err) != engine.Transient {
		t.Errorf("error is %v, want one that may be cured by another try", err)
	}
	if _, err := j.Beat(t.Context(), held); err == nil || errors.Is(err, engine.ErrLeaseLost) || engine.KindOf(err) != engine.Transient {
		t.Errorf("error is %v, want one that may be cured by another try", err)
	}
	busy.writes.Store(0)
	busy.reads.Store(1000)
	if _, err := j.Rollouts(t.Context(), all, 0); err == nil || engine.KindOf(err) != engine.Transient {
		t.Errorf("error is %v, want one that may be cured by another try", err)
	}
}
