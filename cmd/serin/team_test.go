package main

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"serin/internal/aws"
	"serin/internal/aws/dynamojournal"
	"serin/internal/conformance/venv"
	"serin/internal/engine"
	"serin/internal/headless"
	"serin/internal/journal"
)

// team is a sandbox whose rollouts are kept in a table, moto's.
type team struct {
	*region
	table string
	moto  *aws.Clients
}

func startTeam(t *testing.T) *team {
	t.Helper()
	front := httptest.NewServer(venv.InTurn(t, venv.StartMoto(t)))
	t.Cleanup(front.Close)
	w := &team{region: startRegion(t), table: "team-serin"}
	const patient = time.Minute // moto imports DynamoDB when it is first asked
	moto, err := aws.Connect(t.Context(), aws.Options{
		Sandbox: front.URL, Region: w.Region,
		Deadlines: aws.Deadlines{Read: patient, ReadAttempt: patient, Write: patient, WriteAttempt: patient},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.moto = moto
	w.Exports["AWS_ENDPOINT_URL_DYNAMODB"] = front.URL
	text := func(name string) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: awssdk.String(name), AttributeType: types.ScalarAttributeTypeS}
	}
	_, err = moto.DynamoDB.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &w.table, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{text("pk"), text("sk")},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: awssdk.String("pk"), KeyType: types.KeyTypeHash}, {AttributeName: awssdk.String("sk"), KeyType: types.KeyTypeRange},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// serin runs a verb with the team's journal.
func (w *team) serin(t *testing.T, args ...string) *process {
	t.Helper()
	return serinIn(t, w.environment(), append(args, "--journal", "dynamodb:"+w.table)...)
}

// held begins a rollout that holds its first step until somebody asks something of it.
func (w *team) held(t *testing.T, flags ...string) *process {
	t.Helper()
	args := []string{"deploy", "../../specfiles/yelb-appserver/deploy.json", "--ci", "--sha", "aaaa", "--image", "yelb-appserver:fixed"}
	p := w.serin(t, slices.Concat(args, tolerant(600), flags)...)
	p.until("weights.confirmed")
	return p
}

// A rollout is seen and steered by whoever has the table, wherever they are, and no
// credential of anybody's is in it.
func TestATeamSharesATable(t *testing.T) {
	t.Parallel()
	w := startTeam(t)
	maps.Copy(w.Exports, planted())
	delete(w.Exports, "a SecureString")
	driver := w.held(t)
	w.state = t.TempDir() // another machine: what the first has on disk is not here
	status := w.serin(t, "status", "yelb-appserver")
	status.exits(headless.ExitSucceeded)
	if said := strings.Join(status.lines, ""); !strings.Contains(said, "aaaa") {
		t.Errorf("status says %s", said)
	}
	asker := w.serin(t, "rollback", "yelb-appserver", "--yes", "--reason", "checkout is slow")
	driver.until("checkout is slow")
	driver.exits(headless.ExitRolledBackByPerson)
	asker.exits(headless.ExitSucceeded)

	written := map[string]string{}
	for name, p := range map[string]*process{"deploy": driver, "status": status, "rollback": asker} {
		written[name] = strings.Join(p.lines, "") + p.diagnostics.String()
	}
	out, err := w.moto.DynamoDB.Scan(t.Context(), &dynamodb.ScanInput{TableName: &w.table})
	if err != nil {
		t.Fatal(err)
	}
	log, err := dynamojournal.Open(t.Context(), w.moto.DynamoDB, w.moto.Where, w.table)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range out.Items {
		written["the table"] += fmt.Sprintf("%+v", items(one))
	}
	headers, err := log.Rollouts(t.Context(), engine.Key{}, 0)
	if err != nil || len(headers) != 1 || headers[0].Open {
		t.Fatalf("the table has the rollouts %+v, %v", headers, err)
	}
	events, err := log.Events(t.Context(), headers[0].ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range events {
		row, err := event.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		written["the events"] += string(row)
	}
	if !strings.Contains(written["the table"], "rollout#"+headers[0].ID) || !strings.Contains(written["the events"], "checkout is slow") {
		t.Fatalf("the table could not be read:\n%s", written["the table"])
	}
	for where, content := range written {
		for what, secret := range planted() {
			if strings.Contains(content, secret) || strings.Contains(content, base64.StdEncoding.EncodeToString([]byte(secret))) {
				t.Errorf("%s has %s", where, what)
			}
		}
	}
}

// items are an item's attributes as text; what is compressed is in the events.
func items(one map[string]types.AttributeValue) map[string]string {
	texts := map[string]string{}
	for name, value := range one {
		if text, is := value.(*types.AttributeValueMemberS); is {
			texts[name] = text.Value
		}
	}
	return texts
}

// TestMeasureCommands measures from the moment in which a command is asked for until it has
// acted: a pause and its end are recorded, the weights of a promote and of a roll back are
// written. The budget is 1 s at the 99th of a hundred, and for the roll back at the end.
func TestMeasureCommands(t *testing.T) {
	if os.Getenv("SERIN_MEASURE") == "" {
		t.Skip("SERIN_MEASURE is not set: make bench sets it, because it measures the machine too")
	}
	steps := []string{"--output", "json", "--set", "PercentageStep=2"}
	t.Run("SQLite", func(t *testing.T) {
		r := startRegion(t)
		p := r.deploy(t, "yelb-appserver", slices.Concat(tolerant(600), []string{"--sha", "aaaa", "--image", "yelb-appserver:fixed"}, steps)...)
		p.until("weights_confirmed")
		log, err := journal.Open(t.Context(), filepath.Join(r.state, "serin", "journal.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = log.Close() }()
		measureCommands(t, log, p)
	})
	t.Run("DynamoDB, moto's", func(t *testing.T) {
		w := startTeam(t)
		p := w.held(t, steps...)
		log, err := dynamojournal.Open(t.Context(), w.moto.DynamoDB, w.moto.Where, w.table)
		if err != nil {
			t.Fatal(err)
		}
		measureCommands(t, log, p)
	})
}

// effects are the events that say that a command has acted.
func effects() map[engine.CommandKind]engine.EventKind {
	return map[engine.CommandKind]engine.EventKind{
		engine.PauseIt: engine.KindPaused, engine.ResumeIt: engine.KindResumed,
		engine.Promote: engine.KindWeightsWritten, engine.RollBack: engine.KindWeightsWritten,
	}
}

func measureCommands(t *testing.T, log engine.Journal, p *process) {
	t.Helper()
	defer func() {
		_ = p.command.Process.Kill()
		_ = p.command.Wait()
	}()
	headers, err := log.Rollouts(t.Context(), engine.Key{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	asked := func(kind engine.CommandKind) time.Duration {
		began := time.Now()
		if _, err := log.Post(t.Context(), headers[0].ID, engine.Command{Kind: kind, By: "kim", At: began}); err != nil {
			t.Fatal(err)
		}
		p.until(`"event":"` + string(effects()[kind]) + `"`)
		return time.Since(began)
	}
	var took []time.Duration
	for n := range 102 {
		kind := []engine.CommandKind{engine.PauseIt, engine.ResumeIt, engine.Promote}[n%3]
		// Somewhere between two looks of the driver.
		time.Sleep(time.Duration(n*37%500) * time.Millisecond)
		took = append(took, asked(kind))
		if kind == engine.Promote {
			p.until("weights_confirmed") // another one is refused before
		}
	}
	slices.Sort(took)
	back := asked(engine.RollBack)
	t.Logf("asked until done: %s at the median, %s at p99 of %d, a roll back %s (budget 1s)", took[len(took)/2], took[len(took)-2], len(took), back)
	within(t, "a command at p99", milliseconds(took[len(took)-2]), 1000, "ms")
	within(t, "a roll back", milliseconds(back), 1000, "ms")
}
