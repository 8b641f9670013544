package dynamojournal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"serin/internal/engine"
	"serin/internal/journal"
)

// Begin implements engine.Journal.
func (j *Journal) Begin(ctx context.Context, id string, driver engine.Driver, first engine.Event) (engine.Lease, error) {
	lease, err := j.begin(ctx, id, driver, first)
	if err != nil {
		return engine.Lease{}, fmt.Errorf("begin rollout %s: %w", id, err)
	}
	return lease, nil
}

func (j *Journal) begin(ctx context.Context, id string, driver engine.Driver, first engine.Event) (engine.Lease, error) {
	body, err := journal.FirstBody(id, first)
	if err != nil {
		return engine.Lease{}, err
	}
	events, _, err := journal.Numbered(0, []engine.Event{first})
	if err != nil {
		return engine.Lease{}, err
	}
	header := engine.Header{
		ID: id, Key: body.Key, Open: true, StartedAt: events[0].At, LastSeq: 1,
		Lease: engine.Lease{Rollout: id, Driver: driver, Fence: 1, Beat: 1},
	}
	mine := mark()
	writes, err := j.beginning(header, mine, events)
	if err != nil {
		return engine.Lease{}, err
	}
	if err := j.noteEnvironment(ctx, body.Key); err != nil {
		return engine.Lease{}, err
	}
	for range turns {
		err := j.transact(ctx, writes)
		if err == nil || unsure(err) && j.wrote(ctx, id, 1, mine) {
			j.exists(id)
			return header.Lease, nil
		}
		if err := j.whyNotBegun(ctx, id, body.Key, err); err != nil {
			return engine.Lease{}, err
		}
	}
	return engine.Lease{}, errors.New("rollouts of this service begin and end faster than this one can begin: try again")
}

// beginning are the writes that begin a rollout: the service's open one must not be
// there, and neither must its own header.
func (j *Journal) beginning(header engine.Header, mine string, events []engine.Event) ([]types.TransactWriteItem, error) {
	whole, err := headerItem(header)
	if err != nil {
		return nil, err
	}
	batch, err := j.pack(header.ID, mine, events)
	if err != nil {
		return nil, err
	}
	return []types.TransactWriteItem{
		j.put(openKey(header.Key).with(item{"id": text(header.ID)})),
		j.put(whole),
		j.put(batch[0]),
		j.put(listingKey(header).with(item{"service": text(header.Key.Service)})),
	}, nil
}

// noteEnvironment writes down that an environment has rollouts. It is no part of the
// transaction, which would meet those of the environment's other services here.
func (j *Journal) noteEnvironment(ctx context.Context, of engine.Key) error {
	_, err := j.api.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &j.table, ConditionExpression: awssdk.String("attribute_not_exists(pk)"),
		Item: key{"environments", environment(of)}.with(item{
			"account": text(of.Account), "region": text(of.Region), "environment": text(of.Environment),
		}),
	})
	if err != nil && conditionFailed(err) == nil {
		return j.explain(ctx, "write", err)
	}
	return nil
}

// whyNotBegun says why a rollout was not begun; nil when what was in the way is gone.
func (j *Journal) whyNotBegun(ctx context.Context, id string, of engine.Key, err error) error {
	codes := reasons(err)
	if !slices.Contains(codes, conditionCode) {
		return j.explain(ctx, "write", err)
	}
	switch open, err := j.open(ctx, of); {
	case err == nil && open.ID != id:
		return &engine.OpenError{Header: open}
	case err != nil && !errors.Is(err, engine.ErrNoRollout):
		return err
	}
	if _, err := j.header(ctx, id); errors.Is(err, engine.ErrNoRollout) {
		return nil
	} else if err != nil {
		return err
	}
	return errors.New("there is a rollout with this ID")
}

// wrote tells whether the events up to a number are there with the mark of their writer.
// What cannot be found out counts as no.
func (j *Journal) wrote(ctx context.Context, id string, last int64, mine string) bool {
	found, err := j.get(ctx, key{rolloutKey(id).partition, numberedKey(eventsPrefix, last)})
	return err == nil && marked(found, "writer", mine)
}

// Append implements engine.Journal. Appending to a finished rollout fails with
// journal.ErrOver.
func (j *Journal) Append(ctx context.Context, id string, after int64, events []engine.Event) error {
	recorded, closes, err := journal.Numbered(after, events)
	if err == nil {
		err = j.append(ctx, id, after, recorded, closes)
	}
	if err != nil {
		return fmt.Errorf("append to rollout %s: %w", id, err)
	}
	return nil
}

func (j *Journal) append(ctx context.Context, id string, after int64, events []engine.Event, closes bool) error {
	if len(events) == 0 {
		return j.mayAppend(ctx, id, after)
	}
	mine := mark()
	batch, err := j.pack(id, mine, events)
	if err != nil {
		return err
	}
	last := after + int64(len(events))
	writes := []types.TransactWriteItem{j.advance(id, after, last, closes)}
	for _, whole := range batch {
		writes = append(writes, j.put(whole))
	}
	if closes {
		closing, err := j.closing(ctx, id)
		if err != nil {
			return err
		}
		writes = append(writes, closing)
	}
	err = j.transact(ctx, writes)
	switch {
	case err == nil, unsure(err) && j.wrote(ctx, id, last, mine):
		return nil
	case !slices.Contains(reasons(err), conditionCode):
		return j.explain(ctx, "write", err)
	}
	if refused := j.mayAppend(ctx, id, after); refused != nil {
		return refused
	}
	return j.explain(ctx, "write", err)
}

// advance moves the number of a rollout's last event on, and ends the rollout with it
// when it closes. An event is only there with its number, so nobody has the place that
// it takes.
func (j *Journal) advance(id string, after, last int64, closes bool) types.TransactWriteItem {
	const change, condition = "SET #last_seq = :last, #open = :open", "#last_seq = :after AND #open = :true AND #format = :format"
	return types.TransactWriteItem{Update: &types.Update{
		TableName: &j.table, Key: rolloutKey(id).attributes(),
		UpdateExpression: awssdk.String(change), ConditionExpression: awssdk.String(condition),
		ExpressionAttributeNames: namesIn(change + condition),
		ExpressionAttributeValues: item{
			":after": number(after), ":last": number(last), ":open": flag(!closes), ":true": flag(true), ":format": number(format),
		},
	}}
}

// closing takes the rollout from its service as the open one.
func (j *Journal) closing(ctx context.Context, id string) (types.TransactWriteItem, error) {
	header, err := j.header(ctx, id)
	if err != nil {
		return types.TransactWriteItem{}, err
	}
	return types.TransactWriteItem{Delete: &types.Delete{
		TableName: &j.table, Key: openKey(header.Key).attributes(),
		ConditionExpression: awssdk.String("#id = :id"), ExpressionAttributeNames: namesIn("#id"),
		ExpressionAttributeValues: item{":id": text(id)},
	}}, nil
}

// mayAppend says why nothing can be appended after a number; nil when it can.
func (j *Journal) mayAppend(ctx context.Context, id string, after int64) error {
	header, err := j.header(ctx, id)
	switch {
	case err != nil:
		return err
	case header.LastSeq != after:
		return engine.ErrStale
	case !header.Open:
		return journal.ErrOver
	}
	return nil
}

// Events implements engine.Journal. Events that are missing, or that cannot be read, are
// a *journal.RowError.
func (j *Journal) Events(ctx context.Context, id string, after int64) ([]engine.Event, error) {
	events, err := j.events(ctx, id, max(after, 0))
	if err != nil {
		return nil, fmt.Errorf("read the events of rollout %s: %w", id, err)
	}
	return events, nil
}

func (j *Journal) events(ctx context.Context, id string, after int64) ([]engine.Event, error) {
	header, err := j.header(ctx, id)
	if err != nil || header.LastSeq <= after {
		return nil, err
	}
	var events []engine.Event
	all := span{partition: rolloutKey(id).partition, from: numberedKey(eventsPrefix, after+1), to: beyond(eventsPrefix)}
	err = j.each(ctx, all, func(found item) (bool, error) {
		more, err := j.unpack(id, found, after+1+int64(len(events)))
		events = append(events, more...)
		return true, err
	})
	if err != nil {
		return nil, err
	}
	if next := after + 1 + int64(len(events)); next <= header.LastSeq {
		return nil, j.rowError(id, fmt.Sprintf("event %d", next), fmt.Errorf("it is missing: %d events were recorded", header.LastSeq))
	}
	return events, nil
}

// headerItem is a rollout's header as an item.
func headerItem(header engine.Header) (item, error) {
	driver, err := json.Marshal(header.Lease.Driver)
	if err != nil {
		return nil, err
	}
	return rolloutKey(header.ID).with(item{
		"format": number(format), "id": text(header.ID),
		"account": text(header.Key.Account), "region": text(header.Key.Region),
		"environment": text(header.Key.Environment), "service": text(header.Key.Service),
		"open": flag(header.Open), "started_at": text(header.StartedAt.UTC().Format(sortable)), "last_seq": number(header.LastSeq),
		"driver": text(string(driver)), "fence": number(header.Lease.Fence), "beat": number(header.Lease.Beat), "free": flag(header.Lease.Free),
	}), nil
}
