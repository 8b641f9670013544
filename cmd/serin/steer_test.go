package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"serin/internal/engine"
	"serin/internal/headless"
)

// verb runs a verb in a process of its own, with the exports of the region.
func (r *region) verb(t *testing.T, args ...string) *process {
	t.Helper()
	environment := []string{"XDG_STATE_HOME=" + r.state, "PATH=" + os.Getenv("PATH"), "HOME=" + r.state}
	for name, value := range r.Exports {
		environment = append(environment, name+"="+value)
	}
	return serinIn(t, environment, args...)
}

// says runs a verb to its end, checks its exit code, and answers what it has written.
func (r *region) says(t *testing.T, code int, args ...string) string {
	t.Helper()
	p := r.verb(t, args...)
	p.exits(code)
	return strings.Join(p.lines, "") + p.diagnostics.String()
}

func wants(t *testing.T, got string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(got, word) {
			t.Errorf("%q is missing in:\n%s", word, got)
		}
	}
}

// inAHold deploys a version that holds 50 % until somebody asks for something.
func inAHold(t *testing.T, r *region, sha string, flags ...string) *process {
	t.Helper()
	flags = append([]string{"--set", "PercentageStep=50", "--sha", sha, "--image", "yelb-appserver:fixed"}, flags...)
	p := r.deploy(t, "yelb-appserver", append(tolerant(600), flags...)...)
	p.until(shared)
	return p
}

// inABuild is inAHold in a build of CodeBuild.
func inABuild(t *testing.T, r *region, sha, id string) *process {
	t.Helper()
	args := append([]string{"deploy", "../../specfiles/yelb-appserver/deploy.json", "--ci"}, tolerant(600)...)
	args = append(args, "--set", "PercentageStep=50", "--sha", sha, "--image", "yelb-appserver:fixed")
	p := serinIn(t, append(r.environment(), "CODEBUILD_BUILD_ID="+id), args...)
	p.until(shared)
	return p
}

// TestARolloutIsSteeredFromOtherProcesses is the rollout of a build that people look at
// and steer from their own terminals: the build prints who asked and why, rolls back and
// exits 4.
func TestARolloutIsSteeredFromOtherProcesses(t *testing.T) {
	t.Parallel()
	r := startRegion(t)
	build := inABuild(t, r, "11111111", "yelb-appserver-deploy:77")
	driver := fmt.Sprintf("codebuild yelb-appserver-deploy:77, pid %d (arn:", build.command.Process.Pid)
	watcher := r.verb(t, "watch", "yelb-appserver")
	watcher.until(shared)
	wants(t, r.says(t, 0, "status"), "yelb-appserver: holding, step 1 of 2", driver, "stable 50, canary 50", "yelb-db: idle")
	wants(t, r.says(t, 0, "pause", "yelb-appserver", "--reason", "looking into it"), "taken up by", driver, "paused by")
	wants(t, r.says(t, 0, "pause", "yelb-appserver"), "nothing to do", "paused already, since", "looking into it")
	var status struct {
		State, Rollout, Life string
		Paused               struct{ Reason string }
	}
	if err := json.Unmarshal([]byte(r.says(t, 0, "status", "yelb-appserver", "--output", "json")), &status); err != nil {
		t.Fatal(err)
	}
	if status.State != "paused" || status.Life != "alive" || status.Paused.Reason != "looking into it" {
		t.Errorf("the status is %+v", status)
	}
	var answer struct{ Answer, By, Reason string }
	if err := json.Unmarshal([]byte(r.says(t, 0, "resume", "yelb-appserver", "--output", "json")), &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Answer != "taken" || !strings.Contains(answer.By, "@") || !strings.Contains(answer.By, "arn:") {
		t.Errorf("the answer is %+v", answer)
	}
	wants(t, r.says(t, 0, "promote", "yelb-appserver", "--reason", "QA signed off"), "step 1 of 2 passed at 50 %, promoted by")
	refused := r.says(t, 1, "takeover", "yelb-appserver")
	wants(t, refused, "has an open rollout", driver, "gives signs of life", "serin rollback yelb-appserver")
	if strings.Contains(refused, "serin takeover") {
		t.Errorf("to what it refused just now it advises: %s", refused)
	}
	wants(t, r.says(t, 0, "rollback", "yelb-appserver", "--reason", "checkout is slow"), "taken up by", driver, "checkout is slow")
	build.exits(headless.ExitRolledBackByPerson)
	watcher.exits(headless.ExitRolledBackByPerson)
	printed := strings.Join(build.lines, "")
	wants(t, printed, "; the rollout is paused already", "asked to roll back by", "checkout is slow", "traffic is back: stable 100, canary 0")
	if watched := strings.Join(watcher.lines, ""); watched != printed {
		t.Errorf("the watcher printed\n%s, the build\n%s", watched, printed)
	}
	wants(t, r.says(t, 1, "rollback", "yelb-appserver"), "no open rollout", status.Rollout, "was rolled back")
	wants(t, r.says(t, 4, "watch", "yelb-appserver", status.Rollout[:10]), "rolled back after")
	auditOf(t, r, status.Rollout)
}

// pastRollout is a rollout as history tells it.
type pastRollout struct {
	Rollout, Outcome, Cause string
	StartedBy               string `json:"started_by"`
	Seconds                 map[string]float64
	Requests                float64
	Drivers                 []struct{ Place string }
}

// history is the one rollout of the appserver.
func (r *region) history(t *testing.T) pastRollout {
	t.Helper()
	var past pastRollout
	if err := json.Unmarshal([]byte(r.says(t, 0, "history", "yelb-appserver", "--output", "json")), &past); err != nil {
		t.Fatal(err)
	}
	return past
}

// auditOf reads what is known of the steered rollout a month later.
func auditOf(t *testing.T, r *region, id string) {
	t.Helper()
	past := r.history(t)
	parts := past.Seconds["working"] + past.Seconds["holding"] + past.Seconds["waiting"] + past.Seconds["driverless"]
	if past.Rollout != id || past.Outcome != "rolled_back" || past.Cause != "person" || len(past.Drivers) != 1 ||
		!strings.HasPrefix(past.StartedBy, "codebuild yelb-appserver-deploy:77") || past.Seconds["waiting"] <= 0 || past.Seconds["driverless"] != 0 || parts-past.Seconds["total"] > 1e-6 || past.Seconds["total"]-parts > 1e-6 {
		t.Errorf("the history is %+v", past)
	}
	wants(t, r.says(t, 0, "history", "yelb-appserver", id),
		"asked to pause by", "looking into it", "; the rollout is paused already", "QA signed off", "evidence: canary", "checkout is slow",
		"started by codebuild yelb-appserver-deploy:77, pid")
	for i, line := range strings.Split(strings.TrimSpace(r.says(t, 0, "history", "yelb-appserver", id, "--output", "json")), "\n") {
		var event struct {
			Rollout, Kind, Actor string
			Seq                  int
			Body                 map[string]any
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil || event.Rollout != id || event.Seq != i+1 || event.Kind == "" || event.Body == nil {
			t.Fatalf("line %d of the journal is %s (%v)", i+1, line, err)
		}
		from := "codebuild yelb-appserver-deploy:77, pid"
		if event.Kind == string(engine.KindCommandTaken) {
			from = "@" // somebody's terminal
		}
		if !strings.Contains(event.Actor, from) || !strings.Contains(event.Actor, " (arn:") {
			t.Errorf("event %d, %s, is by %q, want an ARN and %q", event.Seq, event.Kind, event.Actor, from)
		}
	}
}

// TestARolloutThatNobodyDrives: a driver is killed, and one lets go.
func TestARolloutThatNobodyDrives(t *testing.T) {
	t.Parallel()
	r := startRegion(t)
	killed := inAHold(t, r, "11111111")
	killed.signal(syscall.SIGKILL)
	_ = killed.command.Wait()
	wants(t, r.says(t, 1, "pause", "yelb-appserver"), "nobody drives the rollout", "serin takeover yelb-appserver")
	wants(t, r.says(t, 0, "status", "yelb-appserver"), "driver lost while holding", "LOST")
	watcher := r.verb(t, "watch", "yelb-appserver")
	watcher.until(shared)
	wants(t, r.says(t, 4, "rollback", "yelb-appserver", "--reason", "nobody is there"), "nobody is there", "traffic is back", "rolled back after")
	watcher.exits(headless.ExitRolledBackByPerson)
	wants(t, watcher.diagnostics.String(), "driver lost", "serin takeover yelb-appserver")
	if past := r.history(t); len(past.Drivers) != 2 || past.Seconds["driverless"] <= 0 {
		t.Errorf("the history of a rollout that was without a driver is %+v", past)
	}

	held := inAHold(t, r, "22222222", "--on-interrupt", "hold")
	held.signal(syscall.SIGTERM)
	held.exits(headless.ExitHeld)
	wants(t, r.says(t, 1, "resume", "yelb-appserver"), "has let go of it", "serin takeover yelb-appserver")
	next := r.verb(t, "takeover", "yelb-appserver", "--reason", "the build was cancelled")
	next.until("driven by ")
	wants(t, next.lines[len(next.lines)-1], ": the build was cancelled")
	next.until("resumed by")
	wants(t, r.says(t, 0, "promote", "yelb-appserver"), fmt.Sprintf("pid %d", next.command.Process.Pid))
	next.until("weights confirmed: stable 0, canary 100")
	r.says(t, 0, "promote", "yelb-appserver")
	next.exits(headless.ExitSucceeded)
	wants(t, r.says(t, 0, "history", "yelb-appserver", "--limit", "1"), ") because the build was cancelled\n")
}

// TestARollBackThatTheJournalDoesNotTake: who cannot be asked by the journal is named, and
// what is left to do.
func TestARollBackThatTheJournalDoesNotTake(t *testing.T) {
	t.Parallel()
	r := startRegion(t)
	build := inAHold(t, r, "11111111")
	r.onJournal(t, "CREATE TRIGGER full BEFORE INSERT ON commands BEGIN SELECT RAISE(FAIL, 'no room'); END")
	wants(t, r.says(t, 1, "rollback", "yelb-appserver"), "no room", "Nobody was asked", fmt.Sprintf("pid %d", build.command.Process.Pid), "SIGTERM")
	if said := r.says(t, 1, "pause", "yelb-appserver"); !strings.Contains(said, "no room") || strings.Contains(said, "SIGTERM") {
		t.Errorf("of a pause it is said %q", said)
	}
	build.signal(syscall.SIGTERM)
	build.exits(headless.ExitRolledBackByPerson)
}

// TestWhatIsAskedOfNothing: names that mean nothing are said to, with what may be meant.
func TestWhatIsAskedOfNothing(t *testing.T) {
	t.Parallel()
	r := startRegion(t, "--rate", "0")
	for verb, words := range map[string]string{
		"promote yelb-appserver":        "the journal knows no rollout of yelb-appserver",
		"watch yelb-appserver":          "the journal knows no rollout of yelb-appserver",
		"history yelb-appserver":        "the journal knows no rollout of yelb-appserver",
		"history yelb-appserver abc":    "knows no rollout abc",
		"status yelb-appservr":          "did you mean yelb-appserver?",
		"status --env elsewhere":        "elsewhere",
		"takeover yelb-db --env nobody": "no rollout of yelb-db in nobody",
	} {
		if got := r.says(t, headless.ExitFailed, strings.Fields(verb)...); !strings.Contains(got, words) {
			t.Errorf("%s says %q, want %q in it", verb, got, words)
		}
	}
	for _, output := range []string{"text", "json"} {
		empty := r.run(t, 0, "history", "--output", output)
		if got := empty.text(); got != "" || !strings.HasPrefix(empty.diagnostics.String(), "serin: the journal knows no rollout in ecs-blogpost, account ") {
			t.Errorf("an empty history is %q, and it says %q", got, empty.diagnostics.String())
		}
	}
}

// TestStatusWithoutTheMesh: where the services cannot be listed, what is under way is told
// all the same, and what is not known is said.
func TestStatusWithoutTheMesh(t *testing.T) {
	t.Parallel()
	r := startRegion(t, "--fault", "appmesh:ListVirtualRouters=500")
	build := inAHold(t, r, "11111111")
	wants(t, r.says(t, headless.ExitFailed, "status"), "yelb-appserver: holding", "stable 50, canary 50", "list the services of mesh")
	build.signal(syscall.SIGTERM)
	build.exits(headless.ExitRolledBackByPerson)
}
