package dynamojournal

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"serin/internal/engine"
)

// headersAtOnce is how many items BatchGetItem takes (API reference).
const headersAtOnce = 100

// header reads the header of a rollout; engine.ErrNoRollout without one.
func (j *Journal) header(ctx context.Context, id string) (engine.Header, error) {
	found, err := j.get(ctx, rolloutKey(id))
	if err != nil {
		return engine.Header{}, j.explain(ctx, "read", err)
	}
	if found == nil {
		return engine.Header{}, engine.ErrNoRollout
	}
	return j.readHeader(found)
}

// readHeader reads a header's item.
func (j *Journal) readHeader(found item) (engine.Header, error) {
	r := reader{item: found}
	id := r.text("id")
	if version := r.number("format"); r.err == nil && version > format {
		return engine.Header{}, j.newer(id, version)
	}
	header := engine.Header{
		ID: id, Open: r.flag("open"), LastSeq: r.number("last_seq"),
		Key:   engine.Key{Account: r.text("account"), Region: r.text("region"), Environment: r.text("environment"), Service: r.text("service")},
		Lease: engine.Lease{Rollout: id, Fence: r.number("fence"), Beat: r.number("beat"), Free: r.flag("free")},
	}
	startedAt, driver := r.text("started_at"), r.text("driver")
	if r.err != nil {
		return engine.Header{}, j.rowError(id, "its header", r.err)
	}
	var err error
	if header.StartedAt, err = time.Parse(sortable, startedAt); err != nil {
		return engine.Header{}, j.rowError(id, "its time of starting", err)
	}
	if err := json.Unmarshal([]byte(driver), &header.Lease.Driver); err != nil {
		return engine.Header{}, j.rowError(id, "its driver", err)
	}
	j.exists(id)
	return header, nil
}

// Current implements engine.Journal.
func (j *Journal) Current(ctx context.Context, of engine.Key) (engine.Header, error) {
	header, err := j.open(ctx, of)
	if err != nil {
		return engine.Header{}, fmt.Errorf("read the open rollout of %s: %w", of, err)
	}
	return header, nil
}

// open is the open rollout of a service. One that ends while it is read is none, unless
// another has begun by then.
func (j *Journal) open(ctx context.Context, of engine.Key) (engine.Header, error) {
	for range turns {
		found, err := j.get(ctx, openKey(of))
		if err != nil {
			return engine.Header{}, j.explain(ctx, "read", err)
		}
		if found == nil {
			break
		}
		r := reader{item: found}
		id := r.text("id")
		if r.err != nil {
			return engine.Header{}, j.rowError(of.String(), "its open rollout", r.err)
		}
		header, err := j.header(ctx, id)
		if err != nil || header.Open {
			return header, err
		}
	}
	return engine.Header{}, engine.ErrNoRollout
}

// Rollouts implements engine.Journal. An empty field of the key stands for every value.
// Without the account, the region or the environment it reads more than it answers.
func (j *Journal) Rollouts(ctx context.Context, of engine.Key, limit int) ([]engine.Header, error) {
	headers, err := j.rollouts(ctx, of, limit)
	if err != nil {
		return nil, fmt.Errorf("list the rollouts: %w", err)
	}
	return headers, nil
}

// listed is a rollout in the listing of an environment.
type listed struct{ id, sort string }

func (j *Journal) rollouts(ctx context.Context, of engine.Key, limit int) ([]engine.Header, error) {
	environments, err := j.environments(ctx, of)
	if err != nil {
		return nil, err
	}
	var all []listed
	for _, one := range environments {
		found, err := j.listing(ctx, one, of.Service, limit)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	slices.SortFunc(all, func(a, b listed) int { return cmp.Compare(b.sort, a.sort) })
	if limit > 0 && limit < len(all) {
		all = all[:limit]
	}
	return j.headers(ctx, all)
}

// environments are those that a key stands for, as parts of keys.
func (j *Journal) environments(ctx context.Context, of engine.Key) ([]string, error) {
	if of.Account != "" && of.Region != "" && of.Environment != "" {
		return []string{environment(of)}, nil
	}
	var names []string
	err := j.each(ctx, span{partition: "environments", from: "!", to: beyond("")}, func(found item) (bool, error) {
		r := reader{item: found}
		for name, asked := range map[string]string{"account": of.Account, "region": of.Region, "environment": of.Environment} {
			if has := r.text(name); asked != "" && asked != has {
				return true, nil
			}
		}
		names = append(names, r.text("sk"))
		return true, r.err
	})
	return names, err
}

// listing reads the newest rollouts of an environment, of one service or of all.
func (j *Journal) listing(ctx context.Context, environment, service string, limit int) ([]listed, error) {
	page := limit
	if service != "" && limit > 0 {
		page = max(4*limit, 32) // services take turns, more or less
	}
	var all []listed
	whole := span{partition: "rollouts#" + environment, from: "!", to: beyond(""), backwards: true, page: page}
	err := j.each(ctx, whole, func(found item) (bool, error) {
		r := reader{item: found}
		one := listed{sort: r.text("sk")}
		_, one.id, _ = strings.Cut(one.sort, "#")
		if of := r.text("service"); r.err == nil && (service == "" || of == service) {
			all = append(all, one)
		}
		return limit <= 0 || len(all) < limit, r.err
	})
	return all, err
}

// headers reads the headers of rollouts, in order.
func (j *Journal) headers(ctx context.Context, all []listed) ([]engine.Header, error) {
	found := map[string]engine.Header{}
	var ask []item
	j.mu.Lock()
	for _, one := range all {
		if header, final := j.final[one.id]; final {
			found[one.id] = header
		} else {
			ask = append(ask, rolloutKey(one.id).attributes())
		}
	}
	j.mu.Unlock()
	for keys := range slices.Chunk(ask, headersAtOnce) {
		if err := j.readHeaders(ctx, keys, found); err != nil {
			return nil, err
		}
	}
	var headers []engine.Header
	for _, one := range all {
		header, there := found[one.id]
		if !there {
			return nil, j.rowError(one.id, "its header", errors.New("it is missing"))
		}
		headers = append(headers, header)
	}
	return headers, nil
}

// readHeaders reads headers into a table by ID. DynamoDB may leave some for another call.
func (j *Journal) readHeaders(ctx context.Context, keys []item, into map[string]engine.Header) error {
	ask := map[string]types.KeysAndAttributes{j.table: {Keys: keys, ConsistentRead: awssdk.Bool(true)}}
	for turn := 0; len(ask) > 0; turn++ {
		if turn == turns {
			return &TableError{Table: j.table, Region: j.where.Region, Problem: "it is throttled: it leaves reads undone", Mend: "try again later"}
		}
		if turn > 0 {
			if err := rest(ctx, turn); err != nil {
				return err
			}
		}
		out, err := j.api.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: ask})
		if err != nil {
			return j.explain(ctx, "read", err)
		}
		for _, items := range out.Responses {
			if err := j.takeHeaders(items, into); err != nil {
				return err
			}
		}
		ask = out.UnprocessedKeys
	}
	return nil
}

func (j *Journal) takeHeaders(items []item, into map[string]engine.Header) error {
	for _, one := range items {
		header, err := j.readHeader(one)
		if err != nil {
			return err
		}
		into[header.ID] = header
		if !header.Open && header.Lease.Free {
			j.mu.Lock()
			j.final[header.ID] = header
			j.mu.Unlock()
		}
	}
	return nil
}
