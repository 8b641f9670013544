package trials

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"serin/internal/engine"
)

// longest is how long, in virtual time, a life may take with all its drivers.
const longest = 3 * time.Hour

// prompt is how soon a driver answers what it is asked: it may be in one call, of which
// none takes longer.
const prompt = time.Minute

// driven is a driver of a life, and what was asked of it.
type driven struct {
	*run
	mu    sync.Mutex
	asked []engine.Command
}

// ask asks something of a driver that has not left.
func (d *driven) ask(kind engine.CommandKind) {
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case <-d.done:
		return
	default:
	}
	command := ask(kind)
	d.asked = append(d.asked, command)
	d.Post(command)
}

// judge asserts that what was asked of a driver that lived on for a while was taken up or
// refused, soon. Resuming alone may wait: for the route, where someone changed that.
func (d *driven) judge(t *testing.T, log engine.Journal, left time.Time) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, command := range d.asked {
		if command.Kind == engine.ResumeIt || left.Sub(command.At) < prompt {
			continue
		}
		if at := answeredAt(events(t, log), command); at.IsZero() || at.Sub(command.At) > prompt {
			t.Errorf("rule 10: %s was asked at %s, and answered at %s", command.Kind, command.At.Format("15:04:05"), at.Format("15:04:05"))
		}
	}
}

// answeredAt is when a command was taken up or refused; zero when it was not.
func answeredAt(all []engine.Event, command engine.Command) time.Time {
	is := func(answered engine.Command) bool {
		return answered.Kind == command.Kind && answered.At.Equal(command.At)
	}
	for _, event := range all {
		switch body := event.Body.(type) {
		case *engine.CommandTaken:
			if is(body.Command) {
				return event.At
			}
		case *engine.CommandRefused:
			if is(body.Command) {
				return event.At
			}
		}
	}
	return time.Time{}
}

// drive drives a rollout with one driver after the other, and a person where one is
// waited for, until it is over.
func (l life) drive(t *testing.T, r *region, log engine.Journal, spec engine.Spec) {
	t.Helper()
	born := time.Now()
	lease := r.eventuallyBegins(t, log, spec, l.attended)
	crashes, resumes := l.crashes, false
	for n := 0; ; n++ {
		reaped := &reaper{Journal: log}
		if len(crashes) > 0 {
			reaped.place, crashes = place{append: crashes[0]}, crashes[1:]
		}
		at := &driven{run: r.prepare(reaped, lease)}
		if resumes {
			at.ask(engine.ResumeIt)
		}
		if n == 0 {
			for _, c := range l.commands {
				timer := time.AfterFunc(c.at, func() { at.ask(c.kind) })
				defer timer.Stop()
			}
		}
		at.start()
		l.attend(t, at, log, spec)
		left := time.Now()
		at.kill()
		<-at.done
		if !reaped.isDead() {
			at.judge(t, log, left)
		}
		header := headerOf(t, log)
		if !header.Open || t.Failed() {
			return
		}
		if time.Since(born) > longest {
			t.Errorf("no end after %s: %v", time.Since(born), at.err)
			return
		}
		time.Sleep(time.Minute)
		driver := engine.Driver{Actor: "lee", Place: fmt.Sprint("trial ", n+2), Unattended: !l.attended}
		next, err := engine.TakeOver(t.Context(), log, header, driver, engine.LeaseTime)
		if err != nil {
			t.Fatalf("rule 9: nobody drives it, and it cannot be taken over: %v", err)
		}
		lease = next
		r.reconnect(t)
		rollout := engine.Fold(events(t, log))
		resumes = rollout.Paused != nil || rollout.Stuck != nil || rollout.LetGo
	}
}

func ask(kind engine.CommandKind) engine.Command {
	return engine.Command{Kind: kind, By: "kim", At: time.Now(), Reason: "trial"}
}

// attend waits for the end of a driver. One that waits for a person gets one, if it is
// attended; what waits for nobody ends, lets go or asks for a person by itself in bounded
// time.
func (l life) attend(t *testing.T, at *driven, log engine.Journal, spec engine.Spec) {
	t.Helper()
	patience := l.patience(t, spec)
	answers := []engine.CommandKind{engine.ResumeIt, engine.RollBack}
	for since := time.Now(); ; {
		select {
		case <-at.done:
			return
		case <-time.After(10 * time.Minute):
		}
		switch rollout := engine.Fold(events(t, log)); {
		case l.attended && (rollout.Paused != nil || rollout.Stuck != nil):
			at.ask(answers[0])
			answers[0], answers[1] = answers[1], answers[0]
			since = time.Now()
		case time.Since(since) > patience:
			t.Errorf("it waits for nobody, and has not ended in %s", time.Since(since))
			return
		}
	}
}

// patience is how long a driver may go on that waits for no person: until the faults of the
// plan are over and what they held up is given up on, and then for as long as a rollout
// takes in which nothing happens, with one deadline to pass.
func (l life) patience(t *testing.T, spec engine.Spec) time.Duration {
	t.Helper()
	plan, err := l.faults()
	if err != nil {
		t.Fatal(err)
	}
	holds := engine.NewPlan(spec, l.empty)
	total := plan.For + errorLimit + holds.Duration(spec) + 2*time.Duration(spec.ProgressDeadline)*time.Second
	for _, step := range holds.Steps {
		total += step.Timeout
	}
	return total
}
