package journaltest

import (
	"slices"
	"testing"

	"serin/internal/engine"
)

// ConformShared holds a journal to engine.Shared's contract, beside that of Conform.
func ConformShared(t *testing.T, open func(t *testing.T) engine.Shared) {
	t.Helper()
	t.Run("signs of life of many", func(t *testing.T) { beatAll(t, open(t)) })
	t.Run("mail of many", func(t *testing.T) { addressed(t, open(t)) })
}

func beginMany(t *testing.T, j engine.Journal, ids ...string) []engine.Lease {
	t.Helper()
	leases := make([]engine.Lease, len(ids))
	for i, id := range ids {
		key := Key()
		key.Service = id
		held, err := j.Begin(t.Context(), id, Kim(), Started(id, key, start))
		must(t, err)
		leases[i] = held
	}
	return leases
}

// A lease that is free, another's or of no rollout is lost, and stays as it is.
func beatAll(t *testing.T, j engine.Shared) {
	t.Helper()
	leases := beginMany(t, j, "held", "claimed", "free", "it's")
	claimed, err := j.Claim(t.Context(), leases[1], Build())
	must(t, err)
	must(t, j.Release(t.Context(), leases[2]))
	absent := engine.Lease{Rollout: "absent", Fence: 1}
	lost, err := j.BeatAll(t.Context(), append(slices.Clone(leases), absent))
	must(t, err)
	same(t, lost, []engine.Lease{leases[1], leases[2], absent})
	for _, held := range []engine.Lease{leases[0], leases[3]} {
		now, err := j.Lease(t.Context(), held.Rollout)
		must(t, err)
		held.Beat++
		same(t, now, held)
	}
	now, err := j.Lease(t.Context(), "claimed")
	must(t, err)
	same(t, now, claimed)
	for _, held := range [][]engine.Lease{{claimed}, nil} {
		lost, err = j.BeatAll(t.Context(), held)
		must(t, err)
		if len(lost) > 0 {
			t.Errorf("of %v these are lost: %v", held, lost)
		}
	}
}

func addressed(t *testing.T, j engine.Shared) {
	t.Helper()
	beginMany(t, j, "r1", "r2", "r3")
	look := func(after int64, want ...string) int64 {
		t.Helper()
		rollouts, mark, err := j.Addressed(t.Context(), after)
		must(t, err)
		slices.Sort(rollouts)
		if !slices.Equal(slices.Compact(rollouts), want) {
			t.Fatalf("after %d: %q, want %q", after, rollouts, want)
		}
		return mark
	}
	command := engine.Command{Kind: engine.PauseIt, By: "lee", At: start}
	before := look(0)
	for _, id := range []string{"r2", "r1", "r2"} {
		_, err := j.Post(t.Context(), id, command)
		must(t, err)
	}
	after := look(before, "r1", "r2")
	look(after)
	_, err := j.Post(t.Context(), "r3", command)
	must(t, err)
	look(look(after, "r3"))
	look(0, "r1", "r2", "r3")
}
