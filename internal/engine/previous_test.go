package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"serin/internal/engine"
	"serin/internal/journal"
)

// archive is what was recorded, oldest first.
type archive []string

func (a archive) History(context.Context, engine.Service) ([]engine.PastVersion, error) {
	var records []engine.PastVersion
	for i, image := range slices.Backward(a) {
		records = append(records, engine.PastVersion{Number: int64(i + 1), Image: image})
	}
	return records, nil
}

func appKey() engine.Key {
	return engine.Key{Account: "1", Region: "us-west-2", Environment: "blog", Service: "app"}
}

// rolledOut puts a rollout into a journal; without an outcome it stays open.
func rolledOut(t *testing.T, log engine.Journal, id string, spec engine.Spec, stable engine.Version, outcome engine.Outcome) {
	t.Helper()
	driver := engine.Driver{Actor: "kim"}
	_, err := log.Begin(t.Context(), id, driver, engine.Event{At: time.Now(), Body: &engine.Started{
		ID: id, Key: appKey(), Spec: spec, Plan: engine.NewPlan(spec, false), Stable: &stable, Canary: spec.Canary(),
	}})
	if err == nil && outcome != "" {
		err = log.Append(t.Context(), id, 1, []engine.Event{{At: time.Now(), Body: &engine.Finished{Outcome: outcome}}})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheVersionBefore(t *testing.T) {
	digest := "registry.example:5000/app@sha256:" + strings.Repeat("0a1b", 16)
	for _, c := range []struct {
		name    string
		records archive
		// image and sha are what is found; refused is in the refusal, where nothing is.
		image, sha, refused string
	}{
		{"never deployed", nil, "", "", "nothing is recorded as deployed in blog"},
		{"one version only", archive{"app:1"}, "", "", "no version before app:1, which was the first that is recorded of it (version 1)"},
		{"one version, written again", archive{"app:1", "app:1"}, "", "", "no version before app:1"},
		{"two versions", archive{"app:1", "app:2"}, "app:1", "1", ""},
		{"the present one written twice", archive{"app:1", "app:2", "app:2"}, "app:1", "1", ""},
		{"the one before written twice", archive{"app:1", "app:2", "app:2", "app:3"}, "app:2", "2", ""},
		{"after going back, one further back", archive{"app:1", "app:2", "app:3", "app:2"}, "app:1", "1", ""},
		{"never what was given up", archive{"app:1", "app:2", "app:3", "app:2", "app:3"}, "app:2", "2", ""},
		{
			"back at the first",
			archive{"app:1", "app:2", "app:3", "app:1"},
			"", "",
			"since then it also had app:3 (version 3), app:2 (version 2): to deploy that, name it with --image",
		},
		{"a tag that cannot name a version", archive{"app:v1.2", "app:2"}, "app:v1.2", "", ""},
		{"no tag", archive{"localhost:5000/app", "app:2"}, "localhost:5000/app", "", ""},
		{"a digest", archive{digest, "app:2"}, digest, "0a1b0a1b", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			found, err := engine.FindPrevious(t.Context(), c.records, journal.NewMemory(), appKey())
			if c.refused != "" {
				if refusal, is := errors.AsType[*engine.Refusal](err); !is || !strings.Contains(refusal.Error(), c.refused) {
					t.Errorf("%v, want a refusal with %q", err, c.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if found.Before.Image != c.image || found.Sha != c.sha || found.Spec != nil {
				t.Errorf("found %+v, want %s as %q without a spec", found, c.image, c.sha)
			}
			if want := int64(len(c.records)); found.Present.Number != want {
				t.Errorf("the present one is %+v, want version %d", found.Present, want)
			}
		})
	}
}

// Parameter Store keeps a hundred records; that there were others is said.
func TestTheRecordHasAnEnd(t *testing.T) {
	records := kept{{Number: 141, Image: "app:9"}, {Number: 140, Image: "app:9"}}
	_, err := engine.FindPrevious(t.Context(), records, journal.NewMemory(), appKey())
	if err == nil || !strings.Contains(err.Error(), "(version 140); older records are gone") {
		t.Errorf("%v", err)
	}
}

type kept []engine.PastVersion

func (k kept) History(context.Context, engine.Service) ([]engine.PastVersion, error) { return k, nil }

// What the version before was deployed with is its own; how it is rolled out is as the
// service last was.
func TestTheVersionBeforeIsRemembered(t *testing.T) {
	version := func(sha string, port, wait int) engine.Spec {
		return specOf(t, "http", "Sha="+sha, "ContainerImage=app:"+sha, fmt.Sprintf("Port=%d", port),
			fmt.Sprintf("WaitTime=%d", wait), "TemplateParameters.Memory="+sha)
	}
	log := journal.NewMemory()
	records := archive{"app:one", "app:two", "app:three"}
	rolledOut(t, log, "r1", version("one", 1111, 10), engine.Version{Sha: "zero"}, engine.Succeeded)
	rolledOut(t, log, "r2", version("two", 2222, 20), engine.Version{Sha: "one", Image: "app:one"}, engine.Succeeded)
	rolledOut(t, log, "r3", version("three", 3333, 30), engine.Version{Sha: "two", Image: "app:two"}, engine.Succeeded)
	rolledOut(t, log, "r4", version("two", 4444, 40), engine.Version{Sha: "three", Image: "app:three"}, engine.RolledBack)
	found, err := engine.FindPrevious(t.Context(), records, log, appKey())
	if err != nil {
		t.Fatal(err)
	}
	if found.Sha != "two" || found.Of != "r4" || found.As != "r2" {
		t.Errorf("found %s of %s as %s", found.Sha, found.Of, found.As)
	}
	if s := found.Spec; s.WaitTime != 40 || s.Port != 2222 || s.TemplateParameters["Memory"] != "two" {
		t.Errorf("the spec is %+v", s)
	}
	rolledOut(t, log, "r5", version("five", 5555, 50), engine.Version{Sha: "three"}, "")
	_, err = engine.FindPrevious(t.Context(), records, log, appKey())
	if open, is := errors.AsType[*engine.OpenError](err); !is || open.Header.ID != "r5" {
		t.Errorf("with an open rollout: %v", err)
	}
}

// A version that a rollout found there, and did not deploy, has the name that it had.
func TestTheVersionBeforeHasTheNameThatItHad(t *testing.T) {
	log := journal.NewMemory()
	rolledOut(t, log, "r1", specOf(t, "http"), engine.Version{Sha: stableSha, Image: "app:planted"}, engine.Succeeded)
	found, err := engine.FindPrevious(t.Context(), archive{"app:planted", "app:2"}, log, appKey())
	if err != nil || found.Sha != stableSha || found.Spec.ContainerImage != "app:2" || found.As != "r1" {
		t.Errorf("found %+v (%v)", found, err)
	}
}

func TestFastGoesTo100AtOnce(t *testing.T) {
	for _, c := range []struct {
		set  []string
		want time.Duration
	}{
		{nil, time.Minute},
		{[]string{"BakeTime=300"}, 5 * time.Minute},
		{[]string{"BakeTime=0"}, time.Minute},
		{[]string{`Steps=[{"Weight":10,"Hold":30},{"Gate":"QA"}]`, "BakeTime=7"}, 7 * time.Second},
	} {
		spec := specOf(t, "http", c.set...)
		started, err := engine.Prepare(t.Context(), newWorld(spec, build{}, false).ports(), engine.Opening{
			ID: "r1", Key: appKey(), Spec: spec, Fast: true, Reason: "back", Conduct: engine.Conduct{Unattended: true},
		})
		if err != nil {
			t.Fatal(err)
		}
		steps := started.Plan.Steps
		if len(steps) != 1 || steps[0] != (engine.Step{Weight: 100, Hold: c.want, Bake: true}) {
			t.Errorf("%v: the plan is %+v, want one step and a bake of %s", c.set, steps, c.want)
		}
		if r := engine.Fold([]engine.Event{{Seq: 1, Body: started}}); r.StartedWhy != "back" {
			t.Errorf("it was started because of %q", r.StartedWhy)
		}
	}
}
