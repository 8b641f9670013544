package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"serin/internal/aws"
	"serin/internal/engine"
	"serin/internal/headless"
)

// confirmed are the weights of the canary that were confirmed, and the shas of the two
// versions, by the JSON lines of a rollout.
func confirmed(t *testing.T, p *process) (weights []int, stable, canary string) {
	t.Helper()
	for _, text := range p.lines {
		var line struct {
			Event          engine.EventKind
			Stable, Canary struct {
				Sha    string
				Weight int
			}
		}
		if text == "" {
			continue
		}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		stable, canary = line.Stable.Sha, line.Canary.Sha
		if line.Event == engine.KindWeightsConfirmed {
			weights = append(weights, line.Canary.Weight)
		}
	}
	return slices.Compact(weights), stable, canary
}

// run is a verb at the region, with its exports.
func (r *region) run(t *testing.T, code int, args ...string) *process {
	t.Helper()
	p := serinIn(t, r.environment(), args...)
	p.exits(code)
	return p
}

// Who deploys the version that serves is told so in one line, and not to delete its stack.
func TestTheVersionThatServesIsNotDeployed(t *testing.T) {
	t.Parallel()
	r := startRegion(t, "--rate", "0")
	service := engine.Service{Environment: postEnvironment, Name: "yelb-appserver", Protocol: engine.HTTP}
	route, err := aws.NewRouter(r.clients(t).AppMesh, r.clients(t).Where, "").Route(t.Context(), service)
	if err != nil {
		t.Fatal(err)
	}
	stable, file := route.Targets[0].Sha, "../../specfiles/yelb-appserver/deploy.json"
	p := r.run(t, headless.ExitUsage, "deploy", file, "--ci", "--sha", stable, "--image", "yelb-appserver:fixed")
	want := "serin: " + file + ": Sha: " + stable + " is what serves now: there is nothing to deploy; deploy another sha\n"
	if got := p.diagnostics.String(); got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
}

// A service that is not there has no versions at all, and is said not to be there.
func TestNoServiceGoesBack(t *testing.T) {
	t.Parallel()
	r := startRegion(t, "--rate", "0")
	for service, want := range map[string]string{
		"nosuch":        "serin: there is no service nosuch in " + postEnvironment + "\n",
		"yelb-appservr": "serin: there is no service yelb-appservr in " + postEnvironment + ": did you mean yelb-appserver?\n",
	} {
		p := r.run(t, headless.ExitUsage, "deploy", "--previous", service, "--ci")
		if got := p.diagnostics.String(); got != want {
			t.Errorf("it says %q, want %q", got, want)
		}
	}
	service := engine.Service{Environment: postEnvironment, Name: "gone"}
	if _, err := aws.NewVersions(r.clients(t).SSM, r.clients(t).Where).Record(t.Context(), service, "gone:1"); err != nil {
		t.Fatal(err)
	}
	p := r.run(t, headless.ExitUsage, "deploy", "--previous", "gone", "--ci")
	if got := p.diagnostics.String(); !strings.Contains(got, "gone has no version before gone:1") {
		t.Errorf("of one that is recorded it says %q", got)
	}
}

// TestBackToTheVersionBefore deploys the fixed appserver at once, and goes back to the
// planted one in steps.
func TestBackToTheVersionBefore(t *testing.T) {
	t.Parallel()
	r := startRegion(t, "--rate", "0")
	file := "../../specfiles/yelb-appserver/deploy.json"

	p := r.run(t, headless.ExitUsage, "deploy", "--previous", "yelb-appserver", "--ci")
	if !strings.Contains(p.diagnostics.String(), "yelb-appserver:planted, which was the first that is recorded of it (version 1)") {
		t.Errorf("with one version only: %s", p.diagnostics.String())
	}

	fixed := append([]string{
		"deploy", file, "--fast", "--sha", "9bd0417e", "--image", "yelb-appserver:fixed", "--output", "json", "--set", "PercentageStep=50",
	}, tolerant(1)...)
	p = r.run(t, headless.ExitSucceeded, fixed...)
	weights, planted, canary := confirmed(t, p)
	if !slices.Equal(weights, []int{100}) || canary != "9bd0417e" {
		t.Errorf("--fast went to %v with %s, want one step to 100", weights, canary)
	}
	if got := r.votes(t); got != 1 {
		t.Fatalf("after the fixed version a vote adds %d, want 1", got)
	}

	p = r.run(t, headless.ExitSucceeded, "deploy", "--previous", "yelb-appserver", "--output", "json", "--reason", "votes are lost")
	weights, stable, canary := confirmed(t, p)
	if !slices.Equal(weights, []int{50, 100}) || stable != "9bd0417e" || canary != planted {
		t.Errorf("it went from %s to %s by %v, want back to %s in the steps of the last rollout", stable, canary, weights, planted)
	}
	if said := p.diagnostics.String(); !strings.Contains(said, "the version before yelb-appserver:fixed (9bd0417e, version 2) is ") || !strings.Contains(said, "/yelb-appserver:planted, recorded as version 1 at") {
		t.Errorf("it said %q", said)
	}
	if got := r.votes(t); got != 2 {
		t.Errorf("after going back a vote adds %d, want 2", got)
	}
	checkRecords(t, r, "yelb-appserver:planted", "yelb-appserver:fixed", "yelb-appserver:planted")
	if !strings.Contains(p.lines[0], `"reason":"votes are lost (back to what was recorded as version 1)"`) || !strings.Contains(p.lines[0], `"back":1,`) {
		t.Errorf("it began with %s", p.lines[0])
	}

	checkBothWays(t, r, planted)

	p = r.run(t, headless.ExitUsage, "deploy", file, "--previous", "--fast", "--ci")
	if !strings.Contains(p.diagnostics.String(), "since then it also had yelb-appserver:fixed (9bd0417e, version 2), given up for ") {
		t.Errorf("back at the first version: %s", p.diagnostics.String())
	}
}

// checkBothWays looks at what history tells of the way to the fixed version and of the way
// back, and at the route, which is all the planted version's again.
func checkBothWays(t *testing.T, r *region, planted string) {
	t.Helper()
	type version struct {
		Sha    string
		Weight int
	}
	type past struct {
		Outcome        string
		Steps          int `json:"steps_passed"`
		Stable, Canary version
	}
	var told []past
	for line := range strings.Lines(r.run(t, headless.ExitSucceeded, "history", "yelb-appserver", "--output", "json").text()) {
		var one past
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		told = append(told, one)
	}
	want := []past{
		{"succeeded", 2, version{"9bd0417e", 0}, version{planted, 100}},
		{"succeeded", 1, version{planted, 0}, version{"9bd0417e", 100}},
	}
	if !slices.Equal(told, want) {
		t.Errorf("history tells %+v, want %+v", told, want)
	}
	if status := r.run(t, headless.ExitSucceeded, "status", "yelb-appserver").text(); !strings.Contains(status, "yelb-appserver: idle, yelb-appserver-"+planted+" 100\n") {
		t.Errorf("the route is %q", status)
	}
}

// TestBackByTheFileAlone goes back without a journal that knows the service: the file
// says how, and the image's tag names the version.
func TestBackByTheFileAlone(t *testing.T) {
	t.Parallel()
	r := startRegion(t, "--rate", "0")
	service := engine.Service{Environment: postEnvironment, Name: "yelb-appserver"}
	records := aws.NewVersions(r.clients(t).SSM, r.clients(t).Where)
	// The record says that something else serves; what serves is the planted version.
	for _, image := range []string{"yelb-appserver:fixed", "yelb-appserver:elsewhere"} {
		if _, err := records.Record(t.Context(), service, image); err != nil {
			t.Fatal(err)
		}
	}
	p := r.run(t, headless.ExitUsage, "deploy", "--previous", "yelb-appserver", "--ci")
	if !strings.Contains(p.diagnostics.String(), "nobody knows how it is rolled out: name its deploy.json, as in serin deploy FILE --previous") {
		t.Errorf("without a file: %s", p.diagnostics.String())
	}
	p = r.run(t, headless.ExitSucceeded, append([]string{
		"deploy", "../../specfiles/yelb-appserver/deploy.json", "--previous", "--fast", "--output", "json",
	}, tolerant(1)...)...)
	if weights, _, canary := confirmed(t, p); !slices.Equal(weights, []int{100}) || canary != "fixed" {
		t.Errorf("it went to %v with %s, want to 100 with fixed", weights, canary)
	}
	checkRecords(t, r, "yelb-appserver:planted", "yelb-appserver:fixed", "yelb-appserver:elsewhere", "yelb-appserver:fixed")
}

// checkRecords looks at what was recorded of the appserver, oldest first, without the
// registry.
func checkRecords(t *testing.T, r *region, images ...string) {
	t.Helper()
	history, err := aws.NewVersions(r.clients(t).SSM, r.clients(t).Where).History(t.Context(), engine.Service{
		Environment: postEnvironment, Name: "yelb-appserver",
	})
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, record := range slices.Backward(history) {
		got = append(got, fmt.Sprintf("%d %s", record.Number, record.Image[strings.LastIndex(record.Image, "/")+1:]))
	}
	for i, image := range images {
		want = append(want, fmt.Sprintf("%d %s", i+1, image))
	}
	if !slices.Equal(got, want) {
		t.Errorf("recorded are %v, want %v", got, want)
	}
}

// What is before the present version is known of the record that was read alone.
func TestSomethingElseWasRecordedMeanwhile(t *testing.T) {
	t.Parallel()
	d := &deployment{previous: &engine.Previous{Present: engine.PastVersion{Number: 3}}}
	if err := d.isStillPresent(&engine.Started{Record: engine.Deployed{Exists: true, Number: 3}}); err != nil {
		t.Error(err)
	}
	err := d.isStillPresent(&engine.Started{Record: engine.Deployed{Exists: true, Image: "app:4", Number: 4}})
	if err == nil || !strings.Contains(err.Error(), "somebody else recorded app:4 as version 4") {
		t.Error(err)
	}
}
