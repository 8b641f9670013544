package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Each failure is SQLite's own, made on a real file.
func TestExplainSaysWhatToDo(t *testing.T) {
	for name, test := range map[string]struct {
		query, statement, want string
	}{
		"full":      {"", "PRAGMA max_page_count = 3; WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n LIMIT 99) INSERT INTO t SELECT randomblob(4096) FROM n", "the disk is full"},
		"read-only": {"?mode=ro", "INSERT INTO t VALUES (1)", "it cannot be written"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "journal.db")
			mustExec(t, path, "", "CREATE TABLE t (x)")
			err := explain(path, execute(t, path, test.query, test.statement))
			file, is := errors.AsType[*FileError](err)
			if !is || file.Mend == "" || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error is %v, want one that names the file, has %q and says what to do", err, test.want)
			}
		})
	}
}

func mustExec(t *testing.T, path, query, statement string) {
	t.Helper()
	if err := execute(t, path, query, statement); err != nil {
		t.Fatal(err)
	}
}

func execute(t *testing.T, path, query, statement string) error {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(t.Context(), statement)
	return err
}

func TestExplainLeavesOtherErrorsAsTheyAre(t *testing.T) {
	for _, err := range []error{nil, context.Canceled, fmt.Errorf("wait: %w", context.DeadlineExceeded)} {
		if got := explain("journal.db", err); !errors.Is(got, err) || (got == nil) != (err == nil) {
			t.Errorf("%v became %v", err, got)
		}
	}
}

func TestExplainFile(t *testing.T) {
	for err, want := range map[error]string{
		syscall.ENOSPC: "the disk is full", syscall.EROFS: "it cannot be written", syscall.EACCES: "it cannot be written",
		syscall.ENOTDIR: "not a directory", syscall.EIO: "it cannot be opened",
	} {
		if got := explainFile("journal.db", err); !strings.Contains(got.Error(), want) || !errors.Is(got, err) {
			t.Errorf("%v is explained by %q, want %q", err, got, want)
		}
	}
}
