package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// LeaseTime is how long a driver may give no sign of life; it gives one every third of
// it.
const LeaseTime = 9 * time.Second

// recordTimeout bounds one write to the journal, urgentTimeout one that a roll back
// waits for: past it the traffic is moved unrecorded. readTimeout bounds reading all of a
// rollout's events.
const (
	recordTimeout = 5 * time.Second
	urgentTimeout = time.Second
	readTimeout   = 30 * time.Second
)

// unrecordedRest is the pause before a reading is tried again whose failure the journal
// did not take: how often it failed is not known then.
const unrecordedRest = 4 * time.Second

// DriverOptions are what a Driver works with.
type DriverOptions struct {
	Journal Journal
	Ports   Ports
	// ID is the rollout's, Driver who drives it, Lease the lease that is held on it.
	ID     string
	Driver Driver
	Lease  Lease
	// Reason is why it is driven from here on, in the words of whoever took it over; it may
	// be empty.
	Reason string
	// OnEvent is told every new event, in order, with a copy of the rollout after it. It
	// must not wait for anything. It may be nil.
	OnEvent func(Event, *Rollout)
	// Latest gets a snapshot after every change. It may be nil.
	Latest *Latest[Snapshot]
	// Mailbox is how often the journal's mailbox is read for commands that other processes
	// posted; 0 is never.
	Mailbox time.Duration
	// Upkeep is what the drivers of this process share, on the same journal; nil is a
	// driver that gives its signs of life itself. Its mailbox is read with the others' then,
	// as often as the journal says.
	Upkeep *Upkeep
	// Unclaimed has the driver roll back without a claim to the lease, which is the last
	// driver's then; nil is one that has claimed it.
	Unclaimed *Unclaimed
	// Warn is told what an operator must know and what no event says. It may be nil.
	Warn func(string)
	// Now is the wall clock of the machine; nil is time.Now. It may jump: the driver goes
	// by the time that passes, and pauses when the two part.
	Now func() time.Time
}

// DriveLoop drives one rollout: it performs what is decided, records it, and repeats.
// Its loop has no tick: it sleeps until a reading is due, a deadline is reached, or a
// command comes.
type DriveLoop struct {
	DriverOptions
	rollout  *Rollout
	evidence Evidence
	cadence  Cadence
	clock    wallClock

	results chan reading
	reading map[Activity]bool
	// rests are until when what could not be read is left alone, where the journal could
	// not take that it failed.
	rests map[Activity]time.Time
	// readingsOf counts the clocks that readings are timed by.
	readingsOf int
	wake       chan struct{}
	readers    sync.WaitGroup

	// leave ends the driving, with a cause.
	leave context.CancelCauseFunc

	mu    sync.Mutex
	inbox []Command
	// mailed are the numbers of the commands of the mailbox that were posted; those up to
	// inherited lay there before this driver read it first.
	mailed    map[int64]bool
	inherited int64
	preempt   context.CancelCauseFunc
	// answered are commands that the journal was found to have already.
	answered []Command
	// mailFault says why the mailbox cannot be read; empty when it can.
	mailFault string
	// broken is how calls of the journal have found it broken.
	broken [finders]error

	// took is true once the journal has that this driver drives.
	took bool
	// unrecorded are events of a roll back that the journal would not take.
	unrecorded []Event
	// journalRetry is when a journal that failed is tried again, journalFailed when it did,
	// journalFault why; it is empty when it was written.
	journalRetry    time.Time
	journalFailed   instant
	journalFailures int
	journalFault    string
	// wasBroken is true while the journal rests because it was found broken.
	wasBroken bool
	// unsure is true while the journal may have what forbids a roll back, and does not say:
	// another driver's events, or the removal of the old version.
	unsure bool
	// shown are the troubles that were published last.
	shown Trouble
}

// errPreempted ends a call that a roll back does not wait for.
var errPreempted = errors.New("interrupted by a roll back")

// NewDriver is a driver of an existing rollout. Run starts it.
func NewDriver(options DriverOptions) *DriveLoop {
	if options.OnEvent == nil {
		options.OnEvent = func(Event, *Rollout) {}
	}
	if options.Warn == nil {
		options.Warn = func(string) {}
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	return &DriveLoop{
		DriverOptions: options,
		results:       make(chan reading), reading: map[Activity]bool{}, rests: map[Activity]time.Time{}, wake: make(chan struct{}, 1),
		mailed: map[int64]bool{},
	}
}

// Post hands a command to the driver. It never waits for what the driver is doing; a
// roll back interrupts every call but the router's. One of the mailbox, which has a
// number, is taken once, however often it is posted. It is safe for concurrent use.
func (d *DriveLoop) Post(command Command) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if command.Number > 0 && d.mailed[command.Number] {
		return
	}
	d.mailed[command.Number] = true
	d.inbox = append(d.inbox, command)
	if command.Kind == RollBack && d.preempt != nil {
		d.preempt(errPreempted)
	}
	d.nudge()
}

func (d *DriveLoop) nudge() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// Run drives until the rollout is over, is let go of, or is stuck with nobody
// attending. When ctx ends it leaves at once, with ctx's error: the journal is whole,
// and the rollout open. It returns ErrStale or ErrLeaseLost when another driver acts.
// Run is called once.
func (d *DriveLoop) Run(ctx context.Context) (ending Ending, err error) {
	ctx, d.leave = context.WithCancelCause(ctx)
	defer d.readers.Wait()
	defer d.leave(nil)
	if d.Unclaimed == nil {
		defer func() { ending.Kept = d.release() }()
		defer d.keepUp(ctx)()
	}
	events, err := d.begun(ctx)
	if err != nil {
		return Ending{}, fmt.Errorf("read the journal of rollout %s: %w", d.ID, err)
	}
	d.rollout, d.clock = Fold(events), newWallClock(d.Now)
	d.cadence = CadenceOf(d.rollout.Spec)
	if len(events) == 0 {
		return Ending{}, fmt.Errorf("%w: %s", ErrNoRollout, d.ID)
	}
	if len(events) == 1 {
		d.OnEvent(events[0], d.rollout.clone())
	}
	if err := d.takeOn(ctx); err != nil {
		return Ending{}, err
	}
	d.listen(ctx, d.rollout.CommandsTaken)
	err = d.loop(ctx)
	ending = endingOf(d.rollout)
	ending.Unrecorded = len(d.unrecorded)
	return ending, err
}

func (d *DriveLoop) readEvents(ctx context.Context) ([]Event, error) {
	ctx, cancel := limited(ctx, readTimeout)
	defer cancel()
	return within(ctx, func() ([]Event, error) { return d.Journal.Events(ctx, d.ID, 0) })
}

// takeOn records that this driver drives. One with a lower fence than the last that did
// has been replaced already.
func (d *DriveLoop) takeOn(ctx context.Context) error {
	for {
		if d.rollout.Fence > d.Lease.Fence {
			return d.survivable(ErrLeaseLost)
		}
		took := []Body{&DriverTook{Driver: d.Driver, Fence: d.Lease.Fence, Reason: d.Reason}}
		took = append(took, fromTheFuture(d.rollout, d.clock.now())...)
		if d.Unclaimed != nil {
			return d.goUnclaimed(ctx, took)
		}
		err := d.record(ctx, took...)
		if !errors.Is(err, errCaughtUp) {
			d.took = err == nil
			return err
		}
	}
}

func (d *DriveLoop) loop(ctx context.Context) error {
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		d.heedBroken()
		if d.trouble() != d.shown {
			d.publish()
		}
		if err := d.followClock(ctx); err != nil {
			return err
		}
		if err := d.takeCommands(ctx); err != nil {
			return err
		}
		action := Decide(d.rollout, d.evidence, d.clock.now())
		if action.Leave {
			return d.settle(ctx)
		}
		moved, err := d.act(ctx, action)
		if err != nil {
			return err
		}
		if moved {
			continue
		}
		d.startReadings(ctx)
		if err := d.wait(ctx); err != nil {
			return err
		}
	}
}

// act records and performs an action; it tells whether there was anything to do.
func (d *DriveLoop) act(ctx context.Context, action Action) (bool, error) {
	if len(action.Record) == 0 && action.Perform == nil {
		return false, nil
	}
	if time.Now().Before(d.journalRetry) && !d.mayGoUnrecorded(action.Record) {
		return false, nil
	}
	if err := d.record(ctx, action.Record...); err != nil {
		return false, d.survivable(err)
	}
	if action.Perform == nil || ctx.Err() != nil {
		return true, nil
	}
	result, err := d.perform(ctx, action.Perform)
	if errors.Is(err, errPreempted) || ctx.Err() != nil {
		return true, nil
	}
	now := d.clock.now()
	if change := d.rollout.Change; errors.Is(err, ErrDrift) && change != nil && !d.rollout.RollingBack() {
		d.evidence.Refused, d.evidence.RefusedAt = change.Split.Token, now
		return true, nil
	}
	err = d.record(ctx, afterEffect(moment{d.rollout, d.evidence, now}, action.Perform, result, err)...)
	return true, d.survivable(err)
}

// survivable keeps a driver alive that could not record: it tries again later. Another
// driver's hand in the journal ends it.
func (d *DriveLoop) survivable(err error) error {
	if errors.Is(err, ErrStale) || errors.Is(err, ErrLeaseLost) {
		return fmt.Errorf("rollout %s: %w; this driver leaves", d.ID, err)
	}
	return nil
}

// takeCommands takes up what was posted to this driver and to the journal's mailbox, in
// order, but for a roll back: it does not wait for what was asked before it, which may wait
// for the journal or for the route.
func (d *DriveLoop) takeCommands(ctx context.Context) error {
	d.mu.Lock()
	commands := d.inbox
	d.inbox = nil
	d.mu.Unlock()
	slices.SortStableFunc(commands, rollBackFirst)
	for i, command := range commands {
		if d.isAnswered(command) {
			continue
		}
		if d.needsRoute(command) {
			d.putBack(commands[i:])
			return nil
		}
		bodies := d.takeOrRefuse(command)
		if err := d.record(ctx, bodies...); err != nil {
			d.putBack(commands[i:])
			return d.survivable(err)
		}
	}
	return nil
}

func rollBackFirst(a, b Command) int {
	switch {
	case a.Kind == b.Kind:
	case a.Kind == RollBack:
		return -1
	case b.Kind == RollBack:
		return 1
	}
	return 0
}

// needsRoute tells whether a command must wait until the route is read: a rollout that
// was paused by drift goes on from the route as it is now.
func (d *DriveLoop) needsRoute(command Command) bool {
	pause := d.rollout.Paused
	if command.Kind != ResumeIt || pause == nil || pause.Kind != PausedByDrift {
		return false
	}
	return d.evidence.Route == nil || d.evidence.Route.ReadAt.Before(later(pause.At, d.rollout.AttendedAt))
}

func (d *DriveLoop) putBack(commands []Command) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inbox = append(append([]Command(nil), commands...), d.inbox...)
}

// wait ends when something was read, was asked, is due or is over.
func (d *DriveLoop) wait(ctx context.Context) error {
	timer := time.NewTimer(max(d.untilNextLook(), 0))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-d.wake:
	case <-timer.C:
	case got := <-d.results:
		delete(d.reading, got.activity)
		if ctx.Err() != nil || got.clock != d.readingsOf {
			return nil
		}
		if got.err != nil {
			got.at = d.clock.now()
		}
		err := d.record(ctx, absorb(d.rollout, &d.evidence, got)...)
		if _, known := d.rollout.Faults[got.activity]; got.err != nil && (err != nil || !known) {
			d.rests[got.activity] = got.at.Add(unrecordedRest)
		}
		if err := d.survivable(err); err != nil {
			return err
		}
		d.publish()
	}
	return nil
}

// untilNextLook is how long there is nothing to do, if nothing happens before.
func (d *DriveLoop) untilNextLook() time.Duration {
	now := d.clock.now()
	next := now.Add(time.Minute)
	consider := func(at time.Time) {
		if !at.IsZero() && at.Before(next) {
			next = at
		}
	}
	consider(NextDeadline(d.rollout, now))
	for activity, at := range d.due() {
		if !d.reading[activity] {
			consider(at)
		}
	}
	if rest := time.Until(d.journalRetry); rest > 0 {
		consider(now.Add(rest))
	}
	return next.Sub(now)
}

// publish shows the newest state to whoever looks.
func (d *DriveLoop) publish() {
	d.shown = d.trouble()
	if d.Latest != nil {
		shown := snapshot(d.rollout, d.evidence, d.clock.now())
		shown.Trouble = d.shown
		d.Latest.Put(shown)
	}
}

// keepUp gives signs of life until it is ended, or the lease is lost.
func (d *DriveLoop) keepUp(ctx context.Context) (end func()) {
	if d.Upkeep != nil {
		return d.Upkeep.keep(ctx, d)
	}
	d.readers.Go(func() { d.keepLease(ctx) })
	return func() {}
}

// listen takes commands from the journal's mailbox, after those that were taken.
func (d *DriveLoop) listen(ctx context.Context, taken int64) {
	switch {
	case d.Mailbox == 0, d.Unclaimed != nil:
	case d.Upkeep != nil:
		d.Upkeep.listen(d, taken)
	default:
		d.readers.Go(func() { d.readMailbox(ctx, taken) })
	}
}

// keepLease gives signs of life until the lease is lost.
func (d *DriveLoop) keepLease(ctx context.Context) {
	ticker := time.NewTicker(LeaseTime / 3)
	defer ticker.Stop()
	lease := d.Lease
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		beaten, err := d.beat(ctx, lease)
		switch {
		case err == nil:
			lease = beaten
		case errors.Is(err, ErrLeaseLost):
			d.replaced()
			return
		}
	}
}

// replaced ends the driving: the lease is another driver's.
func (d *DriveLoop) replaced() {
	d.leave(fmt.Errorf("rollout %s: %w; this driver leaves", d.ID, ErrLeaseLost))
}

// beat gives a sign of life. One that hangs is given up, for the next one.
func (d *DriveLoop) beat(ctx context.Context, lease Lease) (Lease, error) {
	ctx, cancel := limited(ctx, LeaseTime/3)
	defer cancel()
	beaten, err := within(ctx, func() (Lease, error) { return d.Journal.Beat(ctx, lease) })
	d.noteBroken(bySign, err)
	return beaten, err
}

// release lets go of the lease, although the driver's context may have ended; it says why
// it could not.
func (d *DriveLoop) release() error {
	ctx, cancel := limited(context.Background(), urgentTimeout)
	defer cancel()
	_, err := within(ctx, func() (struct{}, error) { return struct{}{}, d.Journal.Release(ctx, d.Lease) })
	if err == nil || errors.Is(err, ErrLeaseLost) {
		return nil
	}
	d.Warn(fmt.Sprintf("could not let go of rollout %s: %v", d.ID, err))
	return err
}
