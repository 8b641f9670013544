package journal

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"serin/internal/engine"
)

var _ engine.Paced = (*SQLite)(nil)

// MailboxEvery implements engine.Paced: a look costs a read of this machine's memory, and
// 40 µs of a processor.
func (s *SQLite) MailboxEvery() time.Duration { return 400 * time.Millisecond }

// Post implements engine.Journal.
func (s *SQLite) Post(ctx context.Context, id string, command engine.Command) (int64, error) {
	command.At = command.At.Round(0).UTC()
	err := s.change(ctx, func(tx *sql.Tx) error {
		if _, err := s.header(ctx, tx, id); err != nil {
			return err
		}
		err := tx.QueryRowContext(ctx, "SELECT coalesce(max(number), 0) + 1 FROM commands WHERE rollout = ?", id).Scan(&command.Number)
		if err != nil {
			return err
		}
		row, err := json.Marshal(command)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO commands (rollout, number, command) VALUES (?, ?, ?)", id, command.Number, string(row))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("post %s to rollout %s: %w", command.Kind, id, err)
	}
	return command.Number, nil
}

// commandsOf are the commands of a rollout above a number, ascending: no row where there is
// no such rollout, and one without a command where there is none. A driver asks so often
// that it is one statement.
const commandsOf = "SELECT c.number, c.command FROM rollouts r LEFT JOIN commands c ON c.rollout = r.id AND c.number > ?2 WHERE r.id = ?1 ORDER BY c.number"

// Commands implements engine.Journal. A row that is missing, or that cannot be read, is
// a *RowError.
func (s *SQLite) Commands(ctx context.Context, id string, after int64) ([]engine.Command, error) {
	commands, err := s.commands(ctx, id, after)
	if err = cmp.Or(s.isAsItWas(), err); err != nil {
		return nil, fmt.Errorf("read the commands to rollout %s: %w", id, s.pass(err))
	}
	return commands, nil
}

func (s *SQLite) commands(ctx context.Context, id string, after int64) ([]engine.Command, error) {
	rows, err := s.often[commandsOf].QueryContext(ctx, id, after)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // rows.Err has the error
	exists := false
	var commands []engine.Command
	for rows.Next() {
		exists = true
		var number sql.NullInt64
		var row sql.RawBytes
		if err := rows.Scan(&number, &row); err != nil {
			return nil, err
		}
		if !number.Valid {
			continue
		}
		command, err := DecodeCommand(number.Int64, after+1+int64(len(commands)), row)
		if err != nil {
			return nil, s.rowError(id, "command", number.Int64, err)
		}
		commands = append(commands, command)
	}
	if err := rows.Err(); err != nil || exists {
		return commands, err
	}
	return nil, engine.ErrNoRollout
}

// DecodeCommand reads one row of a journal, which must be the next one. What a newer serin
// wrote in it that this one does not know is in the command's Unknown.
func DecodeCommand(number, next int64, row []byte) (engine.Command, error) {
	if number != next {
		return engine.Command{}, fmt.Errorf("command %d is missing before it", next)
	}
	command, err := engine.ParseCommand(row)
	if err != nil {
		return engine.Command{}, err
	}
	if command.Number != number {
		return command, fmt.Errorf("it says that it is command %d", command.Number)
	}
	return command, nil
}
