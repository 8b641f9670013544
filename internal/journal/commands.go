package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"serin/internal/engine"
)

var _ engine.Paced = (*SQLite)(nil)

// MailboxEvery implements engine.Paced: a look costs a read of this machine's memory.
func (s *SQLite) MailboxEvery() time.Duration { return 200 * time.Millisecond }

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

// Commands implements engine.Journal. A row that is missing, or that cannot be read, is
// a *RowError.
func (s *SQLite) Commands(ctx context.Context, id string, after int64) ([]engine.Command, error) {
	var commands []engine.Command
	err := s.view(ctx, func(tx *sql.Tx) error {
		if _, err := s.header(ctx, tx, id); err != nil {
			return err
		}
		read := func(number int64, row []byte) error {
			command, err := DecodeCommand(number, after+1+int64(len(commands)), row)
			commands = append(commands, command)
			return err
		}
		return s.rows(ctx, tx, "command", id, "SELECT number, command FROM commands WHERE rollout = ? AND number > ? ORDER BY number", after, read)
	})
	if err != nil {
		return nil, fmt.Errorf("read the commands to rollout %s: %w", id, err)
	}
	return commands, nil
}

// DecodeCommand reads one row of a journal, which must be the next one.
func DecodeCommand(number, next int64, row []byte) (engine.Command, error) {
	var command engine.Command
	if number != next {
		return command, fmt.Errorf("command %d is missing before it", next)
	}
	if err := json.Unmarshal(row, &command); err != nil {
		return engine.Command{}, err
	}
	if command.Number != number {
		return command, fmt.Errorf("it says that it is command %d", command.Number)
	}
	return command, nil
}
