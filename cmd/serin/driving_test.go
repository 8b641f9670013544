package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"serin/internal/console"
	"serin/internal/engine"
	"serin/internal/journal"
)

var _ openLog = forgotten{}

// forgotten is a journal whose events cannot be read.
type forgotten struct{ *journal.Memory }

func (forgotten) Events(context.Context, string, int64) ([]engine.Event, error) {
	return nil, errors.New("a row is missing")
}

func (forgotten) Close() error { return nil }

func (forgotten) alone() string { return "" }

// What was claimed and cannot be read is let go of, with a console and without.
func TestARolloutWhosePastCannotBeReadIsLetGoOf(t *testing.T) {
	for name, begin := range map[string]func(d *deployment, lease engine.Lease) error{
		"headless": func(d *deployment, lease engine.Lease) error {
			driver := engine.NewDriver(engine.DriverOptions{Journal: d.journal, ID: lease.Rollout, Lease: lease})
			return d.goOnFrom(t.Context(), driver, lease)
		},
		"attended": func(d *deployment, lease engine.Lease) error {
			host := console.New(console.Options{Journal: d.journal})
			defer host.Close()
			return d.beginAttended(t.Context(), host, newNarrator(), lease)
		},
	} {
		log := forgotten{journal.NewMemory()}
		started := engine.Event{At: time.Now(), Body: &engine.Started{ID: "r1", Key: engine.Key{Service: "cart"}}}
		lease, err := log.Begin(t.Context(), "r1", engine.Driver{Actor: "kim"}, started)
		if err != nil {
			t.Fatal(err)
		}
		d := &deployment{journal: log, flags: &deployFlags{resume: true}, again: "serin takeover cart"}
		err = begin(d, lease)
		if err == nil || !strings.Contains(err.Error(), "a row is missing") || !strings.Contains(err.Error(), "nobody drives it; go on with: serin takeover cart") {
			t.Errorf("%s: it says %v", name, err)
		}
		if now, err := log.Lease(t.Context(), "r1"); err != nil || !now.Free {
			t.Errorf("%s: the lease is %+v, %v", name, now, err)
		}
	}
}
