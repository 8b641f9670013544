package yelb

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	// The driver registers itself under the name "sqlite".
	_ "modernc.org/sqlite"

	"serin/internal/sandbox/server"
)

// The protocol of yelb-db stands in for PostgreSQL's. A client sends any number of
// requests on a connection, one after the other, and gets an answer to each:
//
//	request = ( "PING" / "LIST" / vote ) LF
//	vote    = "VOTE" SP name SP number      ; add number to the count of name
//
//	answer  = pong / list / count / failure
//	pong    = "OK" LF                       ; to PING
//	list    = "OK" SP number LF             ; to LIST: how many lines follow
//	          *( name SP number LF )        ; a restaurant and its count
//	count   = "OK" SP number LF             ; to VOTE: the new count
//	failure = "ERR" SP text LF              ; to anything: nothing has changed
//
//	name    = 1*( %x61-7A )                 ; a to z
//	number  = 1*DIGIT                       ; decimal, below 2^31 in a vote
//
// A request line longer than maxRequest bytes ends the connection.
const maxRequest = 256

const schema = `CREATE TABLE restaurants (name TEXT PRIMARY KEY, count INTEGER NOT NULL)`

// tally is a restaurant and its votes.
type tally struct {
	Name  string `json:"name"`
	Value int64  `json:"value"`
}

// ballot is the database of the votes. It is safe for concurrent use: it has one
// connection, because every connection to SQLite's memory is a database of its own.
type ballot struct {
	db *sql.DB
}

func openBallot(ctx context.Context) (*ballot, error) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, fmt.Errorf("open the votes: %w", err)
	}
	db.SetMaxOpenConns(1)
	b := &ballot{db: db}
	if err := b.create(ctx); err != nil {
		b.close()
		return nil, fmt.Errorf("create the votes: %w", err)
	}
	return b, nil
}

func (b *ballot) create(ctx context.Context) error {
	if _, err := b.db.ExecContext(ctx, schema); err != nil {
		return err
	}
	for _, name := range restaurants {
		if _, err := b.db.ExecContext(ctx, `INSERT INTO restaurants VALUES (?, 0)`, name); err != nil {
			return err
		}
	}
	return nil
}

func (b *ballot) close() { _ = b.db.Close() }

// vote adds to a restaurant's count and returns the new one.
func (b *ballot) vote(ctx context.Context, name string, by int64) (int64, error) {
	var count int64
	row := b.db.QueryRowContext(ctx, `UPDATE restaurants SET count = count + ? WHERE name = ? RETURNING count`, by, name)
	err := row.Scan(&count)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("no restaurant %s", name)
	}
	return count, err
}

// list is every restaurant in the order of the table.
func (b *ballot) list(ctx context.Context) ([]tally, error) {
	rows, err := b.db.QueryContext(ctx, `SELECT name, count FROM restaurants ORDER BY rowid`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var tallies []tally
	for rows.Next() {
		var t tally
		if err := rows.Scan(&t.Name, &t.Value); err != nil {
			return nil, err
		}
		tallies = append(tallies, t)
	}
	return tallies, rows.Err()
}

func startDatabase(ctx context.Context, p *process) error {
	votes, err := p.runtime.ballot(ctx)
	if err != nil {
		return err
	}
	return p.listen(ctx, databasePort, func(l net.Listener) *server.Server { return server.TCP(l, votes.serve) })
}

// serve answers the requests of one connection.
func (b *ballot) serve(ctx context.Context, conn net.Conn) {
	requests := bufio.NewReaderSize(conn, maxRequest)
	for {
		line, err := requests.ReadSlice('\n')
		if err != nil {
			return
		}
		answer, err := b.answer(ctx, strings.Fields(string(line)))
		if err != nil {
			answer = "ERR " + strings.ReplaceAll(err.Error(), "\n", " ") + "\n"
		}
		if _, err := io.WriteString(conn, answer); err != nil {
			return
		}
	}
}

func (b *ballot) answer(ctx context.Context, request []string) (string, error) {
	switch {
	case len(request) == 1 && request[0] == "PING":
		return "OK\n", nil
	case len(request) == 1 && request[0] == "LIST":
		tallies, err := b.list(ctx)
		if err != nil {
			return "", err
		}
		var answer strings.Builder
		_, _ = fmt.Fprintf(&answer, "OK %d\n", len(tallies))
		for _, t := range tallies {
			_, _ = fmt.Fprintf(&answer, "%s %d\n", t.Name, t.Value)
		}
		return answer.String(), nil
	case len(request) == 3 && request[0] == "VOTE":
		by, err := strconv.ParseUint(request[2], 10, 31)
		if err != nil {
			return "", fmt.Errorf("a vote adds a number: %w", err)
		}
		count, err := b.vote(ctx, request[1], int64(by))
		return fmt.Sprintf("OK %d\n", count), err
	default:
		return "", errors.New("the requests are PING, LIST and VOTE name number")
	}
}

// converse sets the context's deadline on a connection, closes it when the context or
// the conversation ends, and runs the conversation.
func converse(ctx context.Context, conn net.Conn, talk func(r *bufio.Reader) error) error {
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	err := talk(bufio.NewReader(conn))
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// ask sends one request to yelb-db and returns what follows OK in the first line of
// the answer.
func ask(conn net.Conn, r *bufio.Reader, request string) (string, error) {
	if _, err := io.WriteString(conn, request+"\n"); err != nil {
		return "", err
	}
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	verdict, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
	if verdict != "OK" {
		return "", errors.New(rest)
	}
	return rest, nil
}

// askVote votes over a new connection, which it closes.
func askVote(ctx context.Context, conn net.Conn, name string, by int) (int64, error) {
	var count int64
	err := converse(ctx, conn, func(r *bufio.Reader) error {
		text, err := ask(conn, r, fmt.Sprintf("VOTE %s %d", name, by))
		if err != nil {
			return err
		}
		count, err = strconv.ParseInt(text, 10, 64)
		return err
	})
	return count, err
}

// askTallies lists the votes over a new connection, which it closes.
func askTallies(ctx context.Context, conn net.Conn) ([]tally, error) {
	var tallies []tally
	err := converse(ctx, conn, func(r *bufio.Reader) error {
		text, err := ask(conn, r, "LIST")
		if err != nil {
			return err
		}
		lines, err := strconv.Atoi(text)
		if err != nil {
			return err
		}
		for range lines {
			var t tally
			if _, err := fmt.Fscanf(r, "%s %d\n", &t.Name, &t.Value); err != nil {
				return err
			}
			tallies = append(tallies, t)
		}
		return nil
	})
	return tallies, err
}

// askPing asks yelb-db whether it is there over a new connection, which it closes.
func askPing(ctx context.Context, conn net.Conn) error {
	return converse(ctx, conn, func(r *bufio.Reader) error {
		_, err := ask(conn, r, "PING")
		return err
	})
}
