package dynamojournal

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/smithy-go"

	"serin/internal/engine"
)

// TableError is a journal's table that cannot be used: which, why, and what to do.
type TableError struct {
	// Table is the table's name, Region where it is looked for.
	Table, Region string
	// Problem says what is wrong, Mend what to do about it; Mend may be empty.
	Problem, Mend string
	// Err is the cause, an *engine.Fault where a call failed; it may be nil.
	Err error
}

// Error is the table, the problem, its cause and what to do.
func (e *TableError) Error() string {
	said := fmt.Sprintf("journal dynamodb:%s in %s: %s", e.Table, e.Region, e.Problem)
	if fault, is := errors.AsType[*engine.Fault](e.Err); is {
		said += fmt.Sprintf(" (%v)", fault.Err)
	} else if e.Err != nil {
		said += fmt.Sprintf(" (%v)", e.Err)
	}
	if e.Mend == "" {
		return said
	}
	return said + ": " + e.Mend
}

// Unwrap is the cause.
func (e *TableError) Unwrap() error { return e.Err }

// tableWords are the codes of DynamoDB that a person can mend (its API reference, "Error
// handling").
var tableWords = map[string]struct{ problem, mend string }{
	"ResourceNotFoundException": {
		"there is no such table", "make it with infra/journal.yaml, as README says, check the region, or give another journal with --journal",
	},
	"ValidationException": {
		"it is not a journal", "give a table that infra/journal.yaml made, or another journal with --journal",
	},
	"ResourceInUseException": {"it is being made or removed", "try again when it is ACTIVE"},
}

// explain is a failed call in words for an operator; what says what was to be done with
// the table ("read", "write"). The end of ctx stays what it is, and so do the words of
// other errors.
func (j *Journal) explain(ctx context.Context, what string, err error) error {
	fault, is := errors.AsType[*engine.Fault](j.where.Fault(ctx, what, "table "+j.table, err))
	if !is {
		return j.where.Fault(ctx, what, "table "+j.table, err)
	}
	told := &TableError{Table: j.table, Region: j.where.Region, Problem: "it cannot be " + past(what), Mend: fault.Hint, Err: fault}
	switch {
	case fault.Kind == engine.Denied && j.where.Endpoint != "":
		told.Mend = "what answers at " + j.where.Endpoint + " in place of AWS may have no DynamoDB: give --journal sqlite:PATH, or set AWS_ENDPOINT_URL_DYNAMODB"
	case fault.Kind == engine.Denied:
		told.Problem += " with these credentials"
	}
	if api, is := errors.AsType[smithy.APIError](err); is {
		if words, known := tableWords[api.ErrorCode()]; known {
			told.Problem, told.Mend = words.problem, words.mend
		}
	}
	fault.Hint = "" // it is said once
	return told
}

func past(what string) string {
	if what == "write" {
		return "written"
	}
	return what
}

// newer is the error of a rollout that a newer serin wrote.
func (j *Journal) newer(id string, found int64) error {
	return &TableError{
		Table: j.table, Region: j.where.Region,
		Problem: fmt.Sprintf("rollout %s was written by a newer serin (its format is %d, this serin knows %d)", id, found, format),
		Mend:    "use that serin, or give another journal with --journal",
	}
}

func (j *Journal) tooLarge(first, last engine.Event, size int) error {
	what := fmt.Sprintf("event %d (%s) has", first.Seq, first.Body.Kind())
	mend := "make the version's template smaller"
	if last.Seq != first.Seq {
		what, mend = fmt.Sprintf("events %d to %d have", first.Seq, last.Seq), "append fewer at once"
	}
	return &TableError{
		Table: j.table, Region: j.where.Region, Mend: mend,
		Problem: fmt.Sprintf("%s %d KB compressed, and DynamoDB takes 400 KB an item and 4 MB at once", what, size>>10),
	}
}
