package journal

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"serin/internal/engine"
)

// Memory is a journal that ends with its process: for tests, and for runs of many
// rollouts at once. It is safe for concurrent use. The bodies of events are shared with
// those who append and read them; nobody changes them.
type Memory struct {
	mutex    sync.Mutex
	rollouts map[string]*record
	begun    int
	// addressed are the rollouts of all commands, in the order of their posting.
	addressed []string
}

// record is one rollout in memory.
type record struct {
	engine.Header
	number   int
	events   []engine.Event
	commands []engine.Command
}

var _ engine.Journal = (*Memory)(nil)

// NewMemory is an empty journal.
func NewMemory() *Memory { return &Memory{rollouts: map[string]*record{}} }

// with runs do on a rollout, alone.
func (m *Memory) with(ctx context.Context, what, id string, do func(r *record) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	found, ok := m.rollouts[id]
	if !ok {
		return fmt.Errorf("%s rollout %s: %w", what, id, engine.ErrNoRollout)
	}
	if err := do(found); err != nil {
		return fmt.Errorf("%s rollout %s: %w", what, id, err)
	}
	return nil
}

// Begin implements engine.Journal.
func (m *Memory) Begin(ctx context.Context, id string, driver engine.Driver, first engine.Event) (engine.Lease, error) {
	if err := ctx.Err(); err != nil {
		return engine.Lease{}, err
	}
	body, err := FirstBody(id, first)
	if err != nil {
		return engine.Lease{}, err
	}
	events, _, err := Numbered(0, []engine.Event{first})
	if err != nil {
		return engine.Lease{}, fmt.Errorf("begin rollout %s: %w", id, err)
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if open := m.open(body.Key); open != nil {
		return engine.Lease{}, fmt.Errorf("begin rollout %s: %w", id, &engine.OpenError{Header: open.Header})
	}
	if m.rollouts[id] != nil {
		return engine.Lease{}, fmt.Errorf("begin rollout %s: there is a rollout with this ID", id)
	}
	m.begun++
	lease := engine.Lease{Rollout: id, Driver: driver, Fence: 1, Beat: 1}
	m.rollouts[id] = &record{number: m.begun, events: events, Header: engine.Header{
		ID: id, Key: body.Key, Open: true, StartedAt: events[0].At, LastSeq: 1, Lease: lease,
	}}
	return lease, nil
}

func (m *Memory) open(key engine.Key) *record {
	for _, rollout := range m.rollouts {
		if rollout.Open && rollout.Key == key {
			return rollout
		}
	}
	return nil
}

// Append implements engine.Journal. Appending to a finished rollout fails with ErrOver.
func (m *Memory) Append(ctx context.Context, id string, after int64, events []engine.Event) error {
	recorded, closes, err := Numbered(after, events)
	if err != nil {
		return fmt.Errorf("append to rollout %s: %w", id, err)
	}
	return m.with(ctx, "append to", id, func(r *record) error {
		if r.LastSeq != after {
			return engine.ErrStale
		}
		if !r.Open {
			return ErrOver
		}
		r.events = append(r.events, recorded...)
		r.LastSeq += int64(len(recorded))
		r.Open = !closes
		return nil
	})
}

// Events implements engine.Journal.
func (m *Memory) Events(ctx context.Context, id string, after int64) (events []engine.Event, err error) {
	err = m.with(ctx, "read the events of", id, func(r *record) error {
		events = slices.Clone(above(r.events, after))
		return nil
	})
	return events, err
}

// Post implements engine.Journal.
func (m *Memory) Post(ctx context.Context, id string, command engine.Command) (number int64, err error) {
	command.At = command.At.Round(0).UTC()
	err = m.with(ctx, "post "+string(command.Kind)+" to", id, func(r *record) error {
		number = int64(len(r.commands)) + 1
		command.Number = number
		r.commands = append(r.commands, command)
		m.addressed = append(m.addressed, id)
		return nil
	})
	return number, err
}

// Commands implements engine.Journal.
func (m *Memory) Commands(ctx context.Context, id string, after int64) (commands []engine.Command, err error) {
	err = m.with(ctx, "read the commands to", id, func(r *record) error {
		commands = slices.Clone(above(r.commands, after))
		return nil
	})
	return commands, err
}

// above are the items with numbers above after, of items that are numbered from 1 on.
func above[T any](items []T, after int64) []T {
	return items[min(max(after, 0), int64(len(items))):]
}

// Current implements engine.Journal.
func (m *Memory) Current(ctx context.Context, key engine.Key) (engine.Header, error) {
	if err := ctx.Err(); err != nil {
		return engine.Header{}, err
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if open := m.open(key); open != nil {
		return open.Header, nil
	}
	return engine.Header{}, fmt.Errorf("read the open rollout of %s: %w", key, engine.ErrNoRollout)
}

// Rollouts implements engine.Journal. An empty field of the key stands for every value.
func (m *Memory) Rollouts(ctx context.Context, key engine.Key, limit int) ([]engine.Header, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	var found []*record
	for _, rollout := range m.rollouts {
		if matches(key, rollout.Key) {
			found = append(found, rollout)
		}
	}
	slices.SortFunc(found, func(a, b *record) int {
		return cmp.Or(b.StartedAt.Compare(a.StartedAt), cmp.Compare(b.number, a.number))
	})
	if limit > 0 && limit < len(found) {
		found = found[:limit]
	}
	var headers []engine.Header
	for _, rollout := range found {
		headers = append(headers, rollout.Header)
	}
	return headers, nil
}

// matches tells whether a key is one that was asked for.
func matches(asked, key engine.Key) bool {
	for _, field := range [][2]string{
		{asked.Account, key.Account},
		{asked.Region, key.Region},
		{asked.Environment, key.Environment},
		{asked.Service, key.Service},
	} {
		if field[0] != "" && field[0] != field[1] {
			return false
		}
	}
	return true
}

// Lease implements engine.Journal.
func (m *Memory) Lease(ctx context.Context, id string) (lease engine.Lease, err error) {
	err = m.with(ctx, "read the lease of", id, func(r *record) error {
		lease = r.Lease
		return nil
	})
	return lease, err
}

// Claim implements engine.Journal.
func (m *Memory) Claim(ctx context.Context, seen engine.Lease, driver engine.Driver) (lease engine.Lease, err error) {
	err = m.with(ctx, "claim", seen.Rollout, func(r *record) error {
		held := &r.Lease
		if !held.Free && (held.Fence != seen.Fence || held.Beat != seen.Beat) {
			return engine.ErrLeaseLost
		}
		*held = engine.Lease{Rollout: r.ID, Driver: driver, Fence: held.Fence + 1, Beat: held.Beat + 1}
		lease = *held
		return nil
	})
	return lease, err
}

// Beat implements engine.Journal.
func (m *Memory) Beat(ctx context.Context, lease engine.Lease) (beaten engine.Lease, err error) {
	err = m.with(ctx, "give a sign of life for", lease.Rollout, func(r *record) error {
		held := &r.Lease
		if held.Free || held.Fence != lease.Fence {
			return engine.ErrLeaseLost
		}
		held.Beat++
		beaten = *held
		return nil
	})
	return beaten, err
}

// Release implements engine.Journal.
func (m *Memory) Release(ctx context.Context, lease engine.Lease) error {
	return m.with(ctx, "let go of", lease.Rollout, func(r *record) error {
		if r.Lease.Fence == lease.Fence {
			r.Lease.Free = true
		}
		return nil
	})
}
