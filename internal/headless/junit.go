package headless

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"serin/internal/engine"
)

// JUnit tells a rollout as a JUnit report: a case for the deployment, one for each step
// and gate, one for the promotion and one for the removal of the version that is left
// over. A step that ended badly is a failure with the reason and the verdict's numbers;
// steps that were not reached are skipped. The file appears at the end, whole or not at
// all.
type JUnit struct {
	path    string
	rollout *engine.Rollout
	cases   []*testCase
	present *testCase
	// ended is when the last event was.
	ended time.Time
}

var _ Printer = (*JUnit)(nil)

// testCase is one part of a rollout.
type testCase struct {
	name           string
	started, ended time.Time
	state          caseState
	// kind, message and text say why, where it did not pass.
	kind, message, text string
}

// caseState is how far a case has come.
type caseState int

const (
	notReached caseState = iota
	underWay
	passed
	failed
	broken
)

// NewJUnit will write the report to path, whose directory must be there.
func NewJUnit(path string) (*JUnit, error) {
	info, err := os.Stat(filepath.Dir(path))
	switch {
	case err != nil:
		return nil, fmt.Errorf("--junit %s: %w: make the directory first", path, err)
	case !info.IsDir():
		return nil, fmt.Errorf("--junit %s: %s is not a directory", path, filepath.Dir(path))
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("--junit %s: is not a file: give the name of one", path)
	}
	return &JUnit{path: path}, nil
}

// Event implements Printer. Events of an earlier driver are given first, so that the
// report is of the whole rollout.
func (j *JUnit) Event(event engine.Event, after *engine.Rollout) {
	j.rollout, j.ended = after, event.At
	switch body := event.Body.(type) {
	case *engine.Started:
		j.cases = casesOf(body.Plan)
	case *engine.RollbackStarted:
		j.fail(failed, string(body.Cause.Kind), body.Cause.Reason, numbers(after))
	case *engine.StuckNow:
		j.fail(broken, "stuck", body.Stuck.Reason, "What is true: "+body.Stuck.Truth+"\nWhat to do: "+body.Stuck.Advice+"\n")
	case *engine.Resumed:
		j.goOn()
	case *engine.StepPassed:
		if body.Fully {
			j.skip(body.Step, "promoted fully by "+body.By)
		}
	}
	j.move(after, event.At)
	if finished, over := event.Body.(*engine.Finished); over {
		j.finish(finished)
	}
}

func casesOf(plan engine.Plan) []*testCase {
	cases := []*testCase{{name: "deployment"}}
	for i, step := range plan.Steps {
		name := fmt.Sprintf("step %02d: %d %%", i+1, step.Weight)
		switch {
		case step.Bake:
			name = "bake at 100 %"
		case step.Gate != "":
			name = fmt.Sprintf("step %02d: gate: %s", i+1, Clean(step.Gate))
		}
		cases = append(cases, &testCase{name: name})
	}
	return append(cases, &testCase{name: "promotion"}, &testCase{name: "removal"})
}

// place is the case that a rollout is in.
func (j *JUnit) place(r *engine.Rollout) *testCase {
	if len(j.cases) == 0 {
		return nil
	}
	last := len(j.cases) - 1
	index, known := map[engine.Phase]int{
		engine.Starting: 0, engine.Deploying: 0, engine.Waiting: 0,
		engine.Promoting: last - 1, engine.Recording: last - 1,
		engine.Retiring: last, engine.RollingBack: last, engine.Removing: last, engine.Over: last,
	}[r.Phase]
	if !known {
		index = min(1+r.Step, last-2)
	}
	return j.cases[index]
}

// move ends the present case where the rollout has gone to another one.
func (j *JUnit) move(r *engine.Rollout, at time.Time) {
	next := j.place(r)
	if next == nil || next == j.present {
		return
	}
	if j.present != nil {
		j.present.ended = at
		if j.present.state == underWay {
			j.present.state = passed
		}
	}
	j.present = next
	if next.state == notReached {
		next.state, next.started = underWay, at
	}
}

func (j *JUnit) fail(state caseState, kind, message, text string) {
	if at := j.present; at != nil && at.state != failed {
		at.state, at.kind, at.message, at.text = state, kind, message, text
	}
}

// goOn takes back that the rollout is stuck.
func (j *JUnit) goOn() {
	if at := j.present; at != nil && at.state == broken {
		at.state, at.kind, at.message, at.text = underWay, "", "", ""
	}
}

// skip says why the steps between one, an index of the plan, and the bake are skipped.
func (j *JUnit) skip(after int, why string) {
	for i := after + 2; i < len(j.cases)-3; i++ {
		j.cases[i].message = why
	}
}

// finish ends the last case: what could not be removed is its failure.
func (j *JUnit) finish(body *engine.Finished) {
	if j.present == nil {
		return
	}
	j.present.ended = j.ended
	switch {
	case body.Leftover != "":
		j.fail(failed, "leftover", body.Leftover, "")
	case j.present.state == underWay:
		j.present.state = passed
	}
}

// numbers are those that the last verdict was reached on.
func numbers(r *engine.Rollout) string {
	v := r.Verdict
	if v.Result == "" {
		return ""
	}
	text := fmt.Sprintf("Verdict: %s: %s\nCanary: %.0f of %.0f requests failed (%.2f %%)\n",
		v.Result, v.Reason, v.Canary.Errors, v.Canary.Requests, 100*v.Canary.Rate())
	if !r.First() {
		text += fmt.Sprintf("Stable: %.0f of %.0f requests failed (%.2f %%)\n", v.Stable.Errors, v.Stable.Requests, 100*v.Stable.Rate())
	}
	if !v.EvidenceTo.IsZero() {
		text += "Evidence to: " + v.EvidenceTo.UTC().Format(time.RFC3339) + "\n"
	}
	return text
}

// End implements Printer: it writes the file. A rollout that never started leaves none.
func (j *JUnit) End(ending engine.Ending) error {
	if j.rollout == nil {
		return nil
	}
	switch {
	case ending.Outcome == "":
		j.fail(broken, "left", ending.Reason, "")
	case ending.Outcome == engine.Held && j.present != nil && j.present.state == underWay:
		j.present.state, j.present.message = notReached, "held: "+ending.Reason
	}
	if err := writeWhole(j.path, j.report(ending)); err != nil {
		return fmt.Errorf("--junit %s: %w", j.path, err)
	}
	return nil
}

// unreached says why a case was not reached.
func unreached(c *testCase, ending engine.Ending) string {
	words := map[engine.Outcome]string{
		engine.RolledBack: "not reached: the rollout was rolled back", engine.Held: "not reached: the rollout is held",
		engine.StuckOutcome: "not reached: the rollout is stuck", engine.Succeeded: "not needed",
	}
	return cmp.Or(c.message, words[ending.Outcome], "not reached: the driver left")
}

// writeWhole writes a file so that whoever reads it finds all of it or none.
func writeWhole(path string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	// Reports are read by others, such as the agent of a build server.
	err = errors.Join(err, file.Chmod(0o644), file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}
