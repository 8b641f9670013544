package headless_test

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"serin/internal/headless"
)

func TestQueueWritesEverythingInOrder(t *testing.T) {
	var out bytes.Buffer
	queue := headless.NewQueue(&out)
	var want bytes.Buffer
	for i := range 1000 {
		_, _ = fmt.Fprintln(queue, "line", i)
		_, _ = fmt.Fprintln(&want, "line", i)
	}
	if err := queue.Close(time.Minute); err != nil {
		t.Fatal(err)
	}
	if out.String() != want.String() {
		t.Error("lines are lost or out of order")
	}
}

func TestQueueIsSafeForManyWriters(t *testing.T) {
	var out bytes.Buffer
	queue := headless.NewQueue(&out)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 100 {
				_, _ = io.WriteString(queue, "a whole line\n")
			}
		})
	}
	group.Wait()
	if err := queue.Close(time.Minute); err != nil {
		t.Fatal(err)
	}
	if got := bytes.Count(out.Bytes(), []byte("a whole line\n")); got != 800 || out.Len() != 800*len("a whole line\n") {
		t.Errorf("%d whole lines in %d bytes, want 800", got, out.Len())
	}
}

// Nobody reads the pipe: writing does not wait, and closing waits no longer than it
// may.
func TestQueueNeverWaitsForItsReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader, writer := io.Pipe()
		queue := headless.NewQueue(writer)
		before := time.Now()
		for range 10_000 {
			_, _ = io.WriteString(queue, "a line that nobody reads\n")
		}
		if waited := time.Since(before); waited != 0 {
			t.Errorf("writing waited for %s", waited)
		}
		if err := queue.Close(2 * time.Second); err == nil {
			t.Error("what was not written is not told")
		}
		if waited := time.Since(before); waited != 2*time.Second {
			t.Errorf("closing took %s, want 2s", waited)
		}
		_ = reader.Close() // ends the goroutine that waits for the pipe
		synctest.Wait()
	})
}

func TestQueueDropsWhatAClosedReaderCannotTake(t *testing.T) {
	reader, writer := io.Pipe()
	_ = reader.CloseWithError(io.ErrClosedPipe)
	queue := headless.NewQueue(writer)
	for range 100 {
		if n, err := io.WriteString(queue, "a line\n"); n != len("a line\n") || err != nil {
			t.Fatalf("a write gave %d, %v", n, err)
		}
	}
	if err := queue.Close(time.Minute); err == nil {
		t.Error("what was not written is not told")
	}
}
