package engine

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// Shared is a journal that keeps up many rollouts in one go.
type Shared interface {
	Journal
	// BeatAll gives a sign of life for every one of the leases, as Beat does for one, and
	// returns those that are another's. It fails as a whole.
	BeatAll(ctx context.Context, leases []Lease) (lost []Lease, err error)
	// Addressed are the rollouts that commands were posted to after a mark, and the mark
	// after them. The first mark is 0.
	Addressed(ctx context.Context, after int64) (rollouts []string, mark int64, err error)
}

// Upkeep gives the signs of life of all drivers of a process, and reads their mailboxes,
// together: a thousand of them cost one write every third of LeaseTime, and one read a
// look at the mailboxes. It is safe for concurrent use. Nothing of it runs while nobody
// drives.
type Upkeep struct {
	journal Shared
	mailbox time.Duration
	wake    chan struct{}

	mu    sync.Mutex
	kept  map[*DriveLoop]*letters
	stop  context.CancelFunc
	loops *sync.WaitGroup
}

// NewUpkeep is the upkeep of the drivers of a process with rollouts in a journal; nil, with
// which each driver keeps itself up, where the journal cannot do it for many at once.
func NewUpkeep(journal Journal) *Upkeep {
	shared, can := journal.(Shared)
	if !can {
		return nil
	}
	return &Upkeep{
		journal: shared, mailbox: MailboxEvery(journal),
		wake: make(chan struct{}, 1), kept: map[*DriveLoop]*letters{},
	}
}

// drivers are how many there are.
func (u *Upkeep) drivers() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.kept)
}

// keep gives a driver's signs of life until it leaves.
func (u *Upkeep) keep(ctx context.Context, d *DriveLoop) (leave func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.kept) == 0 {
		u.start(context.WithoutCancel(ctx))
	}
	u.kept[d] = nil
	return func() { u.leave(d) }
}

func (u *Upkeep) start(ctx context.Context) {
	ctx, u.stop = context.WithCancel(ctx)
	u.loops = &sync.WaitGroup{}
	u.loops.Go(func() { u.keepLeases(ctx) })
	u.loops.Go(func() { u.readMailboxes(ctx) })
}

// leave ends the upkeep of a driver. The last one waits until nothing of it runs any more.
func (u *Upkeep) leave(d *DriveLoop) {
	u.mu.Lock()
	delete(u.kept, d)
	loops, last := u.loops, len(u.kept) == 0
	if last {
		u.stop()
	}
	u.mu.Unlock()
	if last {
		loops.Wait()
	}
}

// listen reads a driver's mailbox from now on, after the commands that it has taken.
func (u *Upkeep) listen(d *DriveLoop, taken int64) {
	u.mu.Lock()
	u.kept[d] = &letters{after: taken, unread: true}
	u.mu.Unlock()
	select {
	case u.wake <- struct{}{}:
	default:
	}
}

// keepLeases gives signs of life; a driver whose lease is lost is told.
func (u *Upkeep) keepLeases(ctx context.Context) {
	ticker := time.NewTicker(LeaseTime / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		u.beat(ctx)
	}
}

// beat gives one sign of life for everybody. One that hangs is given up, for the next one.
func (u *Upkeep) beat(ctx context.Context) {
	u.mu.Lock()
	drivers := slices.Collect(maps.Keys(u.kept))
	u.mu.Unlock()
	leases := make([]Lease, len(drivers))
	for i, d := range drivers {
		leases[i] = d.Lease
	}
	ctx, cancel := limited(ctx, LeaseTime/3)
	defer cancel()
	lost, err := within(ctx, func() ([]Lease, error) { return u.journal.BeatAll(ctx, leases) })
	for i, d := range drivers {
		d.noteBroken(bySign, err)
		if err == nil && slices.Contains(lost, leases[i]) {
			d.replaced()
		}
	}
}

// readMailboxes hands what is posted to the drivers that listen.
func (u *Upkeep) readMailboxes(ctx context.Context) {
	ticker := time.NewTicker(u.mailbox)
	defer ticker.Stop()
	for mark := int64(0); ; {
		mark = u.sortMail(ctx, mark)
		for d, box := range u.unread() {
			if d.collect(ctx, box) == nil {
				box.unread = false
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-u.wake:
		}
	}
}

// sortMail finds out whose mailboxes have something new, and returns the next mark.
func (u *Upkeep) sortMail(ctx context.Context, after int64) (mark int64) {
	type mail struct {
		rollouts []string
		mark     int64
	}
	looking, cancel := limited(ctx, recordTimeout)
	defer cancel()
	posted, err := within(looking, func() (found mail, err error) {
		found.rollouts, found.mark, err = u.journal.Addressed(looking, after)
		return found, err
	})
	if ctx.Err() != nil {
		return after
	}
	for d, box := range u.listening() {
		switch {
		case err != nil:
			d.noteMail(err)
		case slices.Contains(posted.rollouts, d.ID):
			box.unread = true
		case !box.unread:
			d.noteMail(nil)
		}
	}
	if err != nil {
		return after
	}
	return posted.mark
}

// listening are the drivers that read their mailboxes. What is in the boxes belongs to
// the goroutine that reads them.
func (u *Upkeep) listening() map[*DriveLoop]*letters {
	u.mu.Lock()
	defer u.mu.Unlock()
	listening := make(map[*DriveLoop]*letters, len(u.kept))
	for d, box := range u.kept {
		if box != nil {
			listening[d] = box
		}
	}
	return listening
}

// unread are the drivers with something new in their mailboxes.
func (u *Upkeep) unread() map[*DriveLoop]*letters {
	unread := u.listening()
	maps.DeleteFunc(unread, func(_ *DriveLoop, box *letters) bool { return !box.unread })
	return unread
}
