package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"serin/internal/aws"
	"serin/internal/console"
	"serin/internal/engine"
	"serin/internal/headless"
	"serin/internal/ui"
)

// session is the console, and what follows when it is left.
type session struct {
	*program
	// host is what the console is attached to. With attach it is nil until it has been
	// made, while the console shows opening.
	host    *console.Host
	opening *console.Opening
	// attach makes the host. It ends soon after its context, which means nothing to the
	// host that it has made. Nil when the host is there from the beginning.
	attach func(context.Context) (*console.Host, error)
	// settled is closed when host does not change any more; it is nil then when it could
	// not be made.
	settled chan struct{}
	// shows is what the console is opened with; without an Input it has the terminal's
	// keys.
	shows ui.Options
	// again is the command that goes on with a rollout of a service that is left open; nil
	// where it is said elsewhere, or nothing is left of it.
	again func(service string) string
	// onInterrupt is what an interrupt does to rollouts that are driven: rollback or hold.
	onInterrupt string
	signals     <-chan os.Signal
	narrator    *narrator
	// asking asks what an interrupt asks, once; letsGo is true once that was to let go.
	asking sync.Once
	letsGo atomic.Bool
}

// newSession is a session of a console that is drawn as flags say, without a host.
func newSession(p *program, flags viewFlags, onInterrupt string, signals <-chan os.Signal, told *narrator) *session {
	return &session{
		program: p, settled: make(chan struct{}), shows: flags.options(),
		onInterrupt: onInterrupt, signals: signals, narrator: told,
	}
}

// on attaches the console to a host.
func (s *session) on(host *console.Host) *session {
	s.host, s.shows.Host = host, host
	return s
}

// onceThere attaches the console to the host that attach makes, and shows the opening
// until then.
func (s *session) onceThere(opening *console.Opening, attach func(context.Context) (*console.Host, error)) *session {
	s.opening, s.attach = opening, attach
	s.shows.Host = opening
	return s
}

// hostOptions are those of a host on an account.
func (a *account) hostOptions(p *program, environment string, log engine.Journal, told *narrator) console.Options {
	driver := a.driver(p.lookup, true)
	return console.Options{
		Ports: a.ports, Journal: log, Catalogue: a.clients.Catalogue(""),
		Registry:  aws.NewImages(a.clients.ECR, a.clients.Where),
		Archive:   a.archive(),
		Preflight: a.preflight,
		Where:     engine.Key{Account: a.caller.Account, Region: a.caller.Region, Environment: environment},
		Driver:    driver, Actor: a.actor(p.lookup), ErrorLimit: errorLimit, OnEvent: told.event,
		Endpoint: a.clients.Where.Endpoint,
		Gone:     func(other engine.Driver) bool { return isGone(other, driver) },
		Runs:     func(other engine.Driver) bool { return runsHere(other, driver) },
		Driven:   func() (over func()) { return undelayed(func() { told.remark(notSuspended) }) },
	}
}

// run shows the console until it is left, or shown ends, and then waits for the rollouts
// that this process still drives. A terminal that is gone or hangs delays none of them. A
// host that cannot be made ends the console, and why is the error; who leaves before it is
// there does not wait for it. ctx ends everything.
func (s *session) run(ctx, shown context.Context) error {
	s.beSmall()
	shown, hide := context.WithCancel(shown)
	defer hide()
	drawn, draw := context.WithCancel(ctx)
	defer draw()
	watched := s.shows.Drawn
	s.shows.Drawn = func(frame string) {
		draw()
		if watched != nil {
			watched(frame)
		}
	}
	attaching, giveUp := context.WithCancel(ctx)
	observing, stop := context.WithCancel(ctx)
	var failed error
	var observer sync.WaitGroup
	observer.Go(func() {
		// Until then the processor is the first frame's.
		<-drawn.Done()
		if failed = s.attachHost(attaching); failed != nil {
			hide()
			return
		}
		s.host.Observe(observing)
	})
	over := make(chan struct{})
	continued, stopListening := continuations(s.in)
	defer stopListening()
	s.shows.Continued = continued
	var obeying sync.WaitGroup
	obeying.Go(func() { s.obey(hide, over) })
	result, err := ui.Run(shown, s.opened())
	early := !s.isSettled()
	giveUp()
	draw()
	<-s.settled
	if s.host != nil {
		if result.Leaving == ui.Interrupted {
			s.interrupt("the console ended")
		}
		s.finish(ctx)
	}
	close(over)
	obeying.Wait()
	if s.host != nil {
		s.host.Close()
	}
	stop()
	observer.Wait()
	if err != nil || early {
		return err
	}
	return failed
}

// beSmall trades processor time, of which a console that watches needs little, for
// memory: garbage is collected when the heap has grown by a quarter. $GOGC has the last word.
func (s *session) beSmall() {
	if _, chosen := s.lookup("GOGC"); !chosen {
		debug.SetGCPercent(25)
	}
}

// attachHost makes the host, unless it is there from the beginning, and shows it.
func (s *session) attachHost(ctx context.Context) error {
	defer close(s.settled)
	if s.attach == nil {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	host, err := s.attach(ctx)
	if err != nil {
		return err
	}
	s.host = host
	s.opening.Attach(host)
	return nil
}

// isSettled tells whether it is known what the host is, or that there is none.
func (s *session) isSettled() bool {
	select {
	case <-s.settled:
		return true
	default:
		return false
	}
}

func (s *session) opened() ui.Options {
	options := s.shows
	options.Output, options.Environment = s.out, os.Environ()
	if options.Input == nil {
		options.Input = s.in
	}
	return options
}

// obey does at the first signal what interrupts are to do, and ends the console; when
// another insists it leaves everything at once.
func (s *session) obey(hide func(), over <-chan struct{}) {
	select {
	case received := <-s.signals:
		s.interrupt(received.String())
		hide()
	case <-over:
		return
	}
	if isInsistent(s.signals, over) && s.isSettled() && s.host != nil {
		s.host.Close()
	}
}

// interrupt asks of every rollout that is driven what an interrupt is to do. Without a
// host nothing is driven.
func (s *session) interrupt(reason string) {
	if !s.isSettled() || s.host == nil {
		return
	}
	kind := engine.RollBack
	if s.onInterrupt == "hold" {
		kind = engine.LetGoOfIt
	}
	s.asking.Do(func() {
		s.letsGo.Store(kind == engine.LetGoOfIt)
		s.host.Ask(engine.Command{Kind: kind, At: time.Now(), Reason: reason, Interrupt: true})
	})
}

// summarise says how the rollouts ended that were driven, or that they did not, on one
// line each.
func (s *session) summarise() {
	if s.host == nil {
		return
	}
	endings := s.host.Endings()
	ids := make([]string, 0, len(endings))
	for id := range endings {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		ending := endings[id]
		if ending.Rollout == nil {
			continue
		}
		how := "was left open, and this process does not drive it any more"
		if ending.Outcome != "" {
			how = ending.Outcome.Past() + ": " + ending.Reason
		}
		if missing := ending.Missing(); missing != "" {
			how += "; " + missing
		}
		if s.again != nil && (ending.Outcome == "" || ending.Outcome == engine.Held || ending.Outcome == engine.StuckOutcome) {
			how += "; go on with: " + s.again(ending.Rollout.Key.Service)
		}
		line := fmt.Sprintf("%s %s %s", ending.Rollout.Key.Service, ending.Rollout.Canary.Sha, how)
		// A terminal that is gone cannot be told.
		_, _ = fmt.Fprintln(s.out, headless.Clean(line))
	}
}

// narrator tells what happens to rollouts when there is no console that shows it. It is
// safe for concurrent use.
type narrator struct {
	mu sync.Mutex
	// listening notes what happens from now on in heard; with a queue it is told.
	listening bool
	heard     bytes.Buffer
	queue     *headless.Queue
	// texts are by rollout.
	texts map[string]*headless.Text
	// also are told every event, console or not.
	also []headless.Printer
}

func newNarrator(also ...headless.Printer) *narrator {
	return &narrator{texts: map[string]*headless.Text{}, also: also}
}

// event tells an event, if nobody else does.
func (n *narrator) event(event engine.Event, after *engine.Rollout) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, printer := range n.also {
		printer.Event(event, after)
	}
	n.tell(event, after)
}

// recall tells an event that came before anybody listened, and that no console showed.
func (n *narrator) recall(event engine.Event, after *engine.Rollout) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.tell(event, after)
}

// tell tells an event in words, if anybody listens. The lock is held.
func (n *narrator) tell(event engine.Event, after *engine.Rollout) {
	if !n.listening {
		return
	}
	if n.texts[after.ID] == nil {
		n.texts[after.ID] = headless.NewText(told{n}, false)
	}
	n.texts[after.ID].Event(event, after)
}

// remark tells a line that is not of a rollout, if no console is shown.
func (n *narrator) remark(line string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listening {
		_, _ = fmt.Fprintln(told{n}, "serin: "+line) // a Queue takes everything
	}
}

// told is where the texts of a narrator go, which holds its lock.
type told struct{ *narrator }

var _ io.Writer = told{}

// Write tells, or keeps for later what is not to be told yet.
func (t told) Write(line []byte) (int, error) {
	if t.queue == nil {
		return t.heard.Write(line)
	}
	return t.queue.Write(line)
}

// listen notes what happens from now on.
func (n *narrator) listen() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.listening = true
}

// speak tells what it has heard, and everything from now on.
func (n *narrator) speak(out io.Writer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.queue = headless.NewQueue(out)
	_, _ = n.queue.Write(n.heard.Bytes()) // a Queue takes everything
	n.heard.Reset()
}

// hush waits until what was told is written; the error says why not everything was.
func (n *narrator) hush() error {
	n.mu.Lock()
	queue := n.queue
	n.queue, n.listening = nil, false
	n.mu.Unlock()
	if queue == nil {
		return nil
	}
	return queue.Close(drainLimit)
}

// end tells the other printers how the driving ended.
func (n *narrator) end(ending engine.Ending) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	var problems []error
	for _, printer := range n.also {
		problems = append(problems, printer.End(ending))
	}
	return errors.Join(problems...)
}
