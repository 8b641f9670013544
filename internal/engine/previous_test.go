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

// opened puts an open rollout into a journal; record is what it found.
func opened(t *testing.T, log engine.Journal, id string, spec engine.Spec, stable engine.Version, record engine.Deployed, back int64) {
	t.Helper()
	_, err := log.Begin(t.Context(), id, engine.Driver{Actor: "kim"}, engine.Event{At: time.Now(), Body: &engine.Started{
		ID: id, Key: appKey(), Spec: spec, Plan: engine.NewPlan(spec, false), Stable: &stable, Canary: spec.Canary(), Record: record, Back: back,
	}})
	if err != nil {
		t.Fatal(err)
	}
}

// rolledOut puts a rollout into a journal that is over; number is what its canary was
// recorded as, 0 where it was not.
func rolledOut(
	t *testing.T, log engine.Journal, id string, spec engine.Spec, stable engine.Version, record engine.Deployed, number, back int64, outcome engine.Outcome,
) {
	t.Helper()
	opened(t, log, id, spec, stable, record, back)
	var events []engine.Event
	if number > 0 {
		events = append(events, engine.Event{At: time.Now(), Body: &engine.Recorded{Number: number, Image: spec.ContainerImage}})
	}
	if err := log.Append(t.Context(), id, 1, append(events, engine.Event{At: time.Now(), Body: &engine.Finished{Outcome: outcome}})); err != nil {
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
			"since then it also had app:3 (version 3), given up for app:1 (version 4), and app:2 (version 2), given up for app:1 (version 4): to deploy that, name it with --image",
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
	one, two, three := engine.Version{Sha: "one", Image: "app:one"}, engine.Version{Sha: "two", Image: "app:two"}, engine.Version{Sha: "three", Image: "app:three"}
	rolledOut(t, log, "r1", version("one", 1111, 10), engine.Version{Sha: "zero"}, engine.Deployed{}, 1, 0, engine.Succeeded)
	rolledOut(t, log, "r2", version("two", 2222, 20), one, engine.Deployed{Image: "app:one", Number: 1}, 2, 0, engine.Succeeded)
	rolledOut(t, log, "r3", version("three", 3333, 30), two, engine.Deployed{Image: "app:two", Number: 2}, 3, 0, engine.Succeeded)
	rolledOut(t, log, "r4", version("two", 4444, 40), three, engine.Deployed{Image: "app:three", Number: 3}, 0, 0, engine.RolledBack)
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
	opened(t, log, "r5", version("five", 5555, 50), three, engine.Deployed{}, 0)
	_, err = engine.FindPrevious(t.Context(), records, log, appKey())
	if open, is := errors.AsType[*engine.OpenError](err); !is || open.Header.ID != "r5" {
		t.Errorf("with an open rollout: %v", err)
	}
}

// A version that a rollout found there, and did not deploy, has the name that it had.
func TestTheVersionBeforeHasTheNameThatItHad(t *testing.T) {
	log := journal.NewMemory()
	rolledOut(t, log, "r1", specOf(t, "http"), engine.Version{Sha: stableSha, Image: "app:planted"},
		engine.Deployed{Exists: true, Image: "app:planted", Number: 1}, 2, 0, engine.Succeeded)
	found, err := engine.FindPrevious(t.Context(), archive{"app:planted", "app:2"}, log, appKey())
	if err != nil || found.Sha != stableSha || found.Spec.ContainerImage != "app:2" || found.As != "r1" {
		t.Errorf("found %+v (%v)", found, err)
	}
	if words := found.Grounds(); words != "this is by the record alone, for the journal knows no rollout that deployed it, nor its template and parameters" {
		t.Errorf("it says %q", words)
	}
}

// deployment is a version that a service was given: by a rollout or, without a sha, by
// someone else, of whom the journal does not know.
type deployment struct {
	sha, image string
	// back is the number of the record that it goes back to.
	back   int64
	undone bool
}

// deploys is the archive and the journal after a service was given versions one after the
// other. What serves at first is c0, recorded by someone else.
func deploys(t *testing.T, given []deployment) (archive, engine.Journal) {
	t.Helper()
	log, records := journal.NewMemory(), archive{"app:planted"}
	serves := engine.Version{Sha: "c0"}
	for i, d := range given {
		found := engine.Deployed{Exists: true, Image: records[len(records)-1], Number: int64(len(records))}
		records = append(records, "app:"+d.image)
		if d.sha == "" {
			serves = engine.Version{Sha: fmt.Sprintf("x%d", len(records))}
			continue
		}
		serves.Image = found.Image
		spec, outcome := specOf(t, "http", "Sha="+d.sha, "ContainerImage=app:"+d.image, "TemplateParameters.By="+d.sha), engine.Succeeded
		if d.undone {
			outcome = engine.RolledBack
		}
		rolledOut(t, log, fmt.Sprintf("r%d", i+1), spec, serves, found, found.Number+1, d.back, outcome)
		if d.undone {
			records = append(records, serves.Image)
			continue
		}
		serves = spec.Canary()
	}
	return records, log
}

// It is the version right before that is gone back to, and not the last other image; never
// one that was given up.
func TestTheVersionRightBefore(t *testing.T) {
	for _, c := range []struct {
		name  string
		given []deployment
		// sha and by are what is found and the rollout that deployed it; said is in the
		// words about it or, where nothing is found, in the refusal.
		sha, by, said string
	}{
		{"a release of the configuration alone", []deployment{{sha: "b2", image: "fixed"}, {sha: "c3", image: "fixed"}}, "b2", "r1", "rollout r1 deployed it"},
		{
			"back from it, one further back",
			[]deployment{{sha: "b2", image: "fixed"}, {sha: "c3", image: "fixed"}, {sha: "b2", image: "fixed", back: 2}},
			"c0", "",
			"not gone back to is app:fixed (c3, version 3), given up for app:fixed (b2, version 4), to which rollout r3 went back",
		},
		{
			"the same images again, forwards", []deployment{{sha: "b2", image: "fixed"}, {sha: "a3", image: "planted"}, {sha: "b4", image: "fixed"}}, "a3", "r2", "",
		},
		{
			"there and back",
			[]deployment{{sha: "b2", image: "fixed"}, {sha: "c0", image: "planted", back: 1}},
			"", "",
			"since then it also had app:fixed (b2, version 2), given up for app:planted (c0, version 3), to which rollout r2 went back: to deploy that",
		},
		{
			"there and back under another name", []deployment{{sha: "b2", image: "fixed"}, {sha: "a3", image: "planted", back: 1}}, "", "", "app:fixed (b2, version 2)",
		},
		{
			"back by hand",
			[]deployment{{sha: "b2", image: "fixed"}, {sha: "c3", image: "three"}, {sha: "b2", image: "fixed"}},
			"c0", "",
			"not gone back to is app:three (c3, version 3), given up for app:fixed (b2, version 4)",
		},
		{
			"back and on", []deployment{{sha: "b2", image: "fixed"}, {sha: "c0", image: "planted", back: 1}, {sha: "d4", image: "four"}}, "c0", "r2", "",
		},
		{
			"a rollout that was rolled back after it was recorded",
			[]deployment{{sha: "b2", image: "fixed"}, {sha: "c3", image: "three", undone: true}, {sha: "d5", image: "five"}},
			"b2", "r1", "",
		},
		{
			"one of the configuration that was rolled back", []deployment{{sha: "b2", image: "fixed"}, {sha: "c3", image: "fixed", undone: true}}, "c0", "", "",
		},
		{
			"one that was rolled back is passed over",
			[]deployment{{sha: "b2", image: "fixed"}, {sha: "c3", image: "three", undone: true}},
			"c0", "", "(c3, version 3), which rollout r2 rolled back",
		},
		{
			"someone else's record in between", []deployment{{sha: "b2", image: "fixed"}, {image: "theirs"}, {sha: "c4", image: "fixed"}}, "x3", "", "by the record alone",
		},
		{"someone else's record last", []deployment{{sha: "b2", image: "fixed"}, {image: "theirs"}}, "b2", "r1", ""},
		{"back to a record that is gone", []deployment{{sha: "b2", image: "fixed"}, {sha: "z9", image: "old", back: 77}}, "", "", "app:fixed (b2, version 2)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			records, log := deploys(t, c.given)
			found, err := engine.FindPrevious(t.Context(), records, log, appKey())
			if refusal, is := errors.AsType[*engine.Refusal](err); is && c.sha == "" && strings.Contains(refusal.Error(), c.said) {
				return
			}
			if err != nil || found.Sha != c.sha || found.By != c.by || !strings.Contains(found.Grounds(), c.said) {
				t.Fatalf("found %+v (%v), want %s by %q", found, err, c.sha, c.by)
			}
			if c.by != "" && found.Spec.TemplateParameters["By"] != c.sha {
				t.Errorf("its parameters are %v", found.Spec.TemplateParameters)
			}
		})
	}
}

// The journal goes further back than the records that were kept.
func TestTheVersionBeforeTheOldestRecord(t *testing.T) {
	_, log := deploys(t, []deployment{{sha: "b2", image: "fixed"}, {sha: "c3", image: "three"}})
	found, err := engine.FindPrevious(t.Context(), kept{{Number: 3, Image: "app:three"}}, log, appKey())
	if err != nil || found.Sha != "b2" || found.Before.Number != 2 || found.Before.Image != "app:fixed" {
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
