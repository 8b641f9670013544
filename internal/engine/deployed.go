package engine

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// lostRecordGrace is how long a write of the record that had no answer is looked for
// before it is repeated. A second one would be a second version of the record, and what
// is read may be of the past; Parameter Store says nowhere for how long.
const lostRecordGrace = 25 * time.Second

// recordsAgain is when a write of the record may be repeated; zero without one that may
// have been done.
func (r *Rollout) recordsAgain() time.Time {
	if r.RecordLostAt.IsZero() {
		return time.Time{}
	}
	return r.RecordLostAt.Add(lostRecordGrace)
}

// unknownOutcome is the failure of a write that may have been done all the same.
type unknownOutcome struct{ error }

// Unwrap is the failure.
func (u *unknownOutcome) Unwrap() error { return u.error }

// recordVersion records an image once: an earlier try whose answer was lost is found in
// the record. What someone else wrote since the rollout began is told, and a roll back
// leaves it as it is.
func (d *DriveLoop) recordVersion(ctx context.Context, service Service, effect RecordVersion) (*Recorded, error) {
	found, err := d.Ports.Versions.Deployed(ctx, service)
	if err != nil {
		return nil, err
	}
	if recorded := effect.settled(found); recorded != nil {
		return recorded, nil
	}
	if d.clock.now().Before(effect.NotBefore) {
		return nil, &Fault{
			Op: "record", Target: effect.Image + " as the deployed version of " + service.Name, Kind: Transient,
			Err: fmt.Errorf("an earlier write had no answer: it is looked for until %s before it is written again",
				effect.NotBefore.UTC().Format(time.TimeOnly)),
		}
	}
	number, err := d.Ports.Versions.Record(ctx, service, effect.Image)
	if fault, is := errors.AsType[*Fault](err); err != nil && (!is || !fault.Refused) {
		return nil, &unknownOutcome{err}
	}
	if err != nil {
		return nil, err
	}
	return &Recorded{Number: number, Image: effect.Image, Note: effect.overwritten(found, number)}, nil
}

// settled is the end of a recording that has nothing to write; nil when there is.
func (e RecordVersion) settled(found Deployed) *Recorded {
	recorded := &Recorded{Number: found.Number, Image: found.Image}
	switch isThere := found.Exists && found.Image == e.Image; {
	case e.Restores != "" && isThere:
		return recorded
	case e.Restores != "" && found.Exists && found.Image == e.Restores:
		return nil
	case e.Restores != "" && found.Exists:
		recorded.Note = "someone else wrote it meanwhile, and it is left so"
		return recorded
	case e.Restores != "":
		recorded.Note = "someone else deleted the record meanwhile, and it is left so"
		return recorded
	case !isThere || found.Number == e.Before.Number:
		return nil
	}
	if found.Number > e.Before.Number+1 {
		recorded.Note = fmt.Sprintf("after other writes than this one: it was version %d when the rollout began", e.Before.Number)
	}
	return recorded
}

// overwritten is what of someone else's was recorded over, in words; empty when the
// record was as the rollout found it.
func (e RecordVersion) overwritten(found Deployed, number int64) string {
	switch {
	case e.Restores != "":
		return ""
	case !found.Exists && e.Before.Exists:
		return "after someone else deleted the record meanwhile"
	case found != e.Before:
		return fmt.Sprintf("over %s, which someone else wrote as version %d meanwhile", found.Image, found.Number)
	case number > found.Number+1:
		return fmt.Sprintf("over version %d, which someone else wrote at the same moment", number-1)
	}
	return ""
}

// recordedWords is how the canary is recorded, as a part of a sentence.
func (r *Rollout) recordedWords() string {
	words := fmt.Sprintf("recorded as version %d", r.Number)
	if r.RecordNote != "" {
		words += " " + r.RecordNote
	}
	return words
}

// rolledBackReason is why the rollout was rolled back, and what someone else did to the
// record meanwhile.
func (r *Rollout) rolledBackReason() string {
	reason := r.Cause.Reason
	if r.RecordNote != "" {
		reason += "; the canary had been " + r.recordedWords()
	}
	if r.RestoreNote != "" {
		reason += "; stable was not recorded again: " + r.RestoreNote
	}
	return reason
}
