package moto

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"serin/internal/aws"
	"serin/internal/engine"
	"serin/internal/journal"
)

func versionBehaviours() []behaviour {
	return []behaviour{
		{"a service that was never deployed has no record", func(ctx context.Context, w world) error {
			deployed, err := w.ports.Versions.Deployed(ctx, w.service)
			if err == nil && deployed != (engine.Deployed{}) {
				err = fmt.Errorf("it has %+v", deployed)
			}
			return err
		}},
		{"a service that was never deployed has no history", func(ctx context.Context, w world) error {
			history, err := aws.NewVersions(w.clients.SSM, w.clients.Where).History(ctx, w.service)
			if err == nil && len(history) > 0 {
				err = fmt.Errorf("it has %+v", history)
			}
			return err
		}},
		{"records are counted from one on, and the last is read", recordsAreCounted},
		{"the history has all records, the newest first", historyIsWhole},
		{"the version before is that of the image before", versionBefore},
	}
}

func (w world) record(ctx context.Context, times int) error {
	for number := 1; number <= times; number++ {
		got, err := w.ports.Versions.Record(ctx, w.service, fmt.Sprintf("app:%d", number))
		if err != nil || got != int64(number) {
			return errors.Join(err, fmt.Errorf("record %d has number %d", number, got))
		}
	}
	return nil
}

func recordsAreCounted(ctx context.Context, w world) error {
	if err := w.record(ctx, 2); err != nil {
		return err
	}
	deployed, err := w.ports.Versions.Deployed(ctx, w.service)
	if want := (engine.Deployed{Exists: true, Image: "app:2", Number: 2}); err == nil && deployed != want {
		err = fmt.Errorf("read %+v, want %+v", deployed, want)
	}
	return err
}

// historyIsWhole has more records than one page of them.
func historyIsWhole(ctx context.Context, w world) error {
	const records = 60
	if err := w.record(ctx, records); err != nil {
		return err
	}
	history, err := aws.NewVersions(w.clients.SSM, w.clients.Where).History(ctx, w.service)
	if err != nil || len(history) != records {
		return errors.Join(err, fmt.Errorf("read %d records of %d", len(history), records))
	}
	for i, record := range history {
		number := records - i
		if record.Number != int64(number) || !strings.HasSuffix(record.Image, fmt.Sprintf(":%d", number)) || record.At.IsZero() {
			return fmt.Errorf("record %d is %+v", number, record)
		}
	}
	return nil
}

// versionBefore has the present image recorded twice, and one that was given up for it.
func versionBefore(ctx context.Context, w world) error {
	for _, image := range []string{"app:1", "app:2", "app:2", "app:3", "app:2"} {
		if _, err := w.ports.Versions.Record(ctx, w.service, image); err != nil {
			return err
		}
	}
	key := engine.Key{Environment: w.service.Environment, Service: w.service.Name}
	found, err := engine.FindPrevious(ctx, aws.NewVersions(w.clients.SSM, w.clients.Where), journal.NewMemory(), key)
	if err == nil && (found.Before.Number != 1 || !strings.HasSuffix(found.Before.Image, "app:1") || found.Present.Number != 5) {
		err = fmt.Errorf("found %+v", found)
	}
	return err
}
