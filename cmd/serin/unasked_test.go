package main

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"serin/internal/headless"
	"serin/internal/journal"
)

// onJournal does something to the journal of everybody in the region.
func (r *region) onJournal(t *testing.T, statement string) {
	t.Helper()
	path, err := journal.DefaultPath(func(name string) (string, bool) { return r.state, name == "XDG_STATE_HOME" })
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for _, one := range []string{"PRAGMA busy_timeout = 10000", statement} {
		if _, err := db.ExecContext(t.Context(), one); err != nil {
			t.Fatal(err)
		}
	}
}

// TestARollBackWithoutADriverAndAJournal: the driver is dead, and the journal takes nothing:
// the rollout is rolled back all the same, and what is not recorded is said. When the
// journal can be written again, another roll back ends it there.
func TestARollBackWithoutADriverAndAJournal(t *testing.T) {
	t.Parallel()
	r := startRegion(t)
	killed := inAHold(t, r, "11111111")
	killed.signal(syscall.SIGKILL)
	_ = killed.command.Wait()
	r.onJournal(t, "CREATE TRIGGER full BEFORE UPDATE ON rollouts BEGIN SELECT RAISE(FAIL, 'no room'); END")
	said := r.says(t, headless.ExitRolledBackByPerson, "rollback", "yelb-appserver", "--reason", "enough")
	wants(t, said, "no room", "traffic is back", "version 11111111 is removed", "rolled back after",
		"not recorded: command_taken", "not recorded: finished", "roll it back again when the journal can be written: serin rollback yelb-appserver")
	if strings.Contains(said, "SIGTERM") {
		t.Errorf("it names a driver that is dead:\n%s", said)
	}
	r.onJournal(t, "DROP TRIGGER full")
	wants(t, r.says(t, 0, "status", "yelb-appserver"), "driver lost while holding")
	wants(t, r.says(t, headless.ExitRolledBackByPerson, "rollback", "yelb-appserver", "--reason", "enough"), "rolled back after")
	wants(t, r.says(t, 0, "history", "yelb-appserver"), "rolled back")
}

// TestARollBackOfWhatCannotBeRead: nobody knows whether somebody drives, so the route is left
// as it is, and it is said what it is and how to give it back; a driver that still runs rolls
// back when it is interrupted.
func TestARollBackOfWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	r := startRegion(t)
	build := inAHold(t, r, "11111111")
	spoilt, empty := filepath.Join(t.TempDir(), "journal.db"), filepath.Join(t.TempDir(), "another.db")
	if err := os.WriteFile(spoilt, []byte(strings.Repeat("not a journal\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	route := []string{
		"yelb-appserver-c046a66a 50, yelb-appserver-11111111 50", "yelb-appserver:planted", "that is yelb-appserver-c046a66a",
		"to give all of it to yelb-appserver-c046a66a: aws appmesh update-route --mesh-name ecs-blogpost", `"virtualNode":"yelb-appserver-c046a66a","weight":100`,
	}
	wants(t, r.says(t, 1, "rollback", "yelb-appserver", "--journal", "sqlite:"+spoilt), append(route, "it is not a journal", "a driver that still runs")...)
	wants(t, r.says(t, 1, "rollback", "yelb-appserver", "--journal", "sqlite:"+empty), append(route, "knows no rollout", "another journal may have the rollout")...)
	r.onJournal(t, "PRAGMA foreign_keys = 0; DROP TABLE events")
	wants(t, r.says(t, 1, "rollback", "yelb-appserver"), append(route, "it is damaged", "no such table")...)
	build.signal(syscall.SIGTERM)
	build.exits(headless.ExitRolledBackByPerson)
	if said := r.says(t, 1, "rollback", "yelb-db", "--journal", "sqlite:"+empty); strings.Contains(said, "aws appmesh") {
		t.Errorf("of a service that nobody deploys it is said:\n%s", said)
	}
}
