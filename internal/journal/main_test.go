package journal_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// racer is the environment variable that makes this test binary one of the processes
// of TestProcessesRace; its value is the journal's path.
const racer = "SERIN_TEST_JOURNAL_RACER"

func TestMain(m *testing.M) {
	if path := os.Getenv(racer); path != "" {
		os.Exit(runRacer(path))
	}
	goleak.VerifyTestMain(m)
}
