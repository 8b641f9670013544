package main

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"

	"serin/internal/aws/dynamojournal"
	"serin/internal/engine"
	"serin/internal/journal"
)

// journalUsage describes --journal, wherever it is.
const journalUsage = "sqlite:PATH, PATH or dynamodb:TABLE (default the table ENVIRONMENT-serin where there is one, else $XDG_STATE_HOME/serin/journal.db)"

// tableScheme is what --journal has before the name of a table.
const tableScheme = "dynamodb:"

// tableName is the name or the ARN of a table (DynamoDB, API reference, TableName).
var tableName = regexp.MustCompile(`^([a-zA-Z0-9_.-]{3,255}|arn:[^\s]+:table/[a-zA-Z0-9_.-]{3,255})$`)

// openLog is a journal that is open, and closed after use.
type openLog interface {
	engine.Journal
	io.Closer
	// alone says why nobody else can see what is in it; it is empty when others can, and
	// when that was asked for.
	alone() string
}

// fileLog is a journal in a file of this machine.
type fileLog struct {
	*journal.SQLite
	why string
}

func (l fileLog) alone() string { return l.why }

// teamLog is a journal in a table.
type teamLog struct{ *dynamojournal.Journal }

func (teamLog) alone() string { return "" }

var (
	_ openLog      = fileLog{}
	_ openLog      = teamLog{}
	_ engine.Paced = fileLog{}
	_ engine.Paced = teamLog{}
)

// journalChoice is a journal that is not open yet: what --journal names, or what stands
// in its place when it is empty.
type journalChoice struct {
	// table is the table that was named, path the file that was, or that is the journal when
	// nothing was and the environment has no table.
	table, path string
	// unnamed is true when nothing was named.
	unnamed bool
	// reads is true where a file will do that can be read only.
	reads bool
	// tell says a line about what was opened; nil keeps it.
	tell func(line string)
}

// chooseJournal reads --journal without asking anybody. What is wrong with it is bad
// input.
func (p *program) chooseJournal(flag string) (journalChoice, error) {
	if flag == "" {
		path, err := journal.DefaultPath(p.lookup)
		return journalChoice{path: path, unnamed: true, tell: p.warn}, err
	}
	if table, is := strings.CutPrefix(flag, tableScheme); is {
		if !tableName.MatchString(table) {
			return journalChoice{}, badInput(fmt.Errorf("--journal %s: %q is no name of a table: write dynamodb:TABLE", flag, table))
		}
		return journalChoice{table: table}, nil
	}
	path, err := journal.ParsePath(flag)
	return journalChoice{path: path}, badInput(err)
}

// open opens the journal for the rollouts of an environment of an account.
func (c journalChoice) open(ctx context.Context, there *account, environment string) (openLog, error) {
	why := ""
	if table := c.tableFor(environment, c.unnamed && there.hasTables()); table != "" {
		team, err := dynamojournal.Open(ctx, there.clients.DynamoDB, there.clients.Where, table)
		if err == nil {
			return teamLog{team}, nil
		}
		if why = c.whyAlone(err, table, there); why == "" {
			return nil, err
		}
	}
	openFile := journal.Open
	if c.reads {
		openFile = journal.OpenToRead
	}
	file, err := openFile(ctx, c.path)
	if err != nil {
		return nil, err
	}
	if why != "" && c.tell != nil {
		c.tell(why)
	}
	return fileLog{file, why}, nil
}

// hasTables tells whether there can be tables of a team. What answers in place of AWS has
// the one user who started it, unless DynamoDB has an endpoint of its own beside it.
func (a *account) hasTables() bool {
	own := a.clients.DynamoDB.Options().BaseEndpoint
	return a.clients.Where.Endpoint == "" || own != nil && *own != a.clients.Where.Endpoint
}

// tableFor is the table to open; empty for none.
func (c journalChoice) tableFor(environment string, shared bool) string {
	if shared {
		return environment + "-serin"
	}
	return c.table
}

// whyAlone says why the journal is a file although there could be a table; it is empty
// for errors after which a file must not stand in its place: others may be writing to
// the table.
func (c journalChoice) whyAlone(err error, table string, there *account) string {
	if !c.unnamed {
		return ""
	}
	said := map[engine.FaultKind]string{
		engine.NotFound: fmt.Sprintf("there is no table %s in %s", table, there.caller.Region),
		engine.Denied:   fmt.Sprintf("these credentials may not read a table %s in %s", table, there.caller.Region),
	}[engine.KindOf(err)]
	if said == "" {
		return ""
	}
	return fmt.Sprintf("nobody else can see or stop these rollouts: %s, so the journal is %s on this machine", said, c.path)
}
