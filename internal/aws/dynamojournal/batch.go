package dynamojournal

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"serin/internal/engine"
	"serin/internal/journal"
)

const (
	// plainLimit is the most that is written as it is, to be read in AWS's console;
	// what is longer is compressed. A write unit is 1 KB.
	plainLimit = 2 << 10
	// batchSize is how long the events of one item may be before they are compressed, unless
	// it is one event alone.
	batchSize = 256 << 10
	// itemLimit is how long the events of one item may be: DynamoDB's limit of 400 KB for an
	// item, less what else is in it.
	itemLimit = 390 << 10
	// transactionLimit is how long the events of one append may be: DynamoDB's 4 MB for a
	// transaction, less what else is in it.
	transactionLimit = 3900 << 10
	// unpackedLimit bounds what is read of an item that says it is compressed.
	unpackedLimit = 256 << 20
)

// pack makes the items of events that are appended together.
func (j *Journal) pack(id, mark string, events []engine.Event) ([]item, error) {
	var items []item
	whole := 0
	for len(events) > 0 {
		content, count, err := join(events)
		if err != nil {
			return nil, err
		}
		first, last := events[0], events[count-1]
		value, size := compress(content)
		if whole += size; size > itemLimit || whole > transactionLimit || len(items) == 90 {
			return nil, j.tooLarge(first, last, size)
		}
		items = append(items, key{rolloutKey(id).partition, numberedKey(eventsPrefix, last.Seq)}.with(item{
			"first": number(first.Seq), "last": number(last.Seq), "events": value, "writer": text(mark),
		}))
		events = events[count:]
	}
	return items, nil
}

// join is the JSON of as many events as fit into one item, and how many they are.
func join(events []engine.Event) (content []byte, count int, err error) {
	content = []byte{'['}
	for _, event := range events {
		row, err := json.Marshal(event)
		if err != nil {
			return nil, 0, err
		}
		if count > 0 && len(content)+len(row) > batchSize {
			break
		}
		if count > 0 {
			content = append(content, ',', '\n')
		}
		content = append(content, row...)
		count++
	}
	return append(content, ']'), count, nil
}

// compress makes an attribute of a text, and says how long it is.
func compress(content []byte) (types.AttributeValue, int) {
	if len(content) <= plainLimit {
		return text(string(content)), len(content)
	}
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	_, _ = writer.Write(content) // a buffer takes everything
	_ = writer.Close()
	return &types.AttributeValueMemberB{Value: packed.Bytes()}, packed.Len()
}

func expand(value types.AttributeValue) ([]byte, error) {
	switch value := value.(type) {
	case *types.AttributeValueMemberS:
		return []byte(value.Value), nil
	case *types.AttributeValueMemberB:
		reader, err := gzip.NewReader(bytes.NewReader(value.Value))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(io.LimitReader(reader, unpackedLimit))
	default:
		return nil, fmt.Errorf("its attribute events is not text and not bytes")
	}
}

// unpack reads the events of an item with numbers from next on, which must be there
// without a gap.
func (j *Journal) unpack(id string, found item, next int64) ([]engine.Event, error) {
	r := reader{item: found}
	first, last := r.number("first"), r.number("last")
	fail := func(err error) error {
		return j.rowError(id, fmt.Sprintf("events %d to %d", first, last), err)
	}
	if r.err != nil {
		return nil, fail(r.err)
	}
	if first > next {
		return nil, j.rowError(id, fmt.Sprintf("event %d", first), fmt.Errorf("event %d is missing before it", next))
	}
	content, err := expand(found["events"])
	if err != nil {
		return nil, fail(err)
	}
	var rows []json.RawMessage
	if err := json.Unmarshal(content, &rows); err != nil {
		return nil, fail(err)
	}
	if int64(len(rows)) != last-first+1 {
		return nil, fail(fmt.Errorf("it has %d events", len(rows)))
	}
	var events []engine.Event
	for i, row := range rows {
		seq := first + int64(i)
		if seq < next {
			continue
		}
		event, err := journal.DecodeEvent(seq, seq, row)
		if err != nil {
			return nil, j.rowError(id, fmt.Sprintf("event %d", seq), err)
		}
		events = append(events, event)
	}
	return events, nil
}

func (j *Journal) rowError(id, row string, err error) error {
	return &journal.RowError{Path: j.Name(), Rollout: id, Row: row, Err: err}
}
