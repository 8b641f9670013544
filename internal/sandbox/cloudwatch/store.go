package cloudwatch

import (
	"cmp"
	"hash/maphash"
	"maps"
	"slices"
	"sync"
	"time"
)

// AWS keeps metrics for 15 months after their last datum. Here every version that was
// ever tried has its own, so those of versions that are gone make room for others.
const (
	// fewSeries is how many series are kept whatever they hold.
	fewSeries = 1000
	// silence is how long a series beyond them is kept after its last datum.
	silence = 15 * time.Minute
)

// store holds the series that were recorded.
type store struct {
	delay time.Duration
	seed  maphash.Seed

	mu    sync.RWMutex
	index map[uint64][]*series
	all   []*series
	// crowd is how many series are looked through for silent ones.
	crowd int
}

func newStore(delay time.Duration) *store {
	return &store{delay: delay, seed: maphash.MakeSeed(), index: make(map[uint64][]*series), crowd: fewSeries}
}

// series is the series of exactly these dimensions; it is made when there is none.
func (s *store) series(namespace, metric string, dimensions map[string]string) *series {
	key := s.hash(namespace, metric, dimensions)
	s.mu.RLock()
	found := s.find(key, namespace, metric, dimensions)
	s.mu.RUnlock()
	if found != nil {
		return found
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.find(key, namespace, metric, dimensions); found != nil {
		return found
	}
	if len(s.all) >= s.crowd {
		s.forgetSilent(time.Now())
	}
	made := &series{
		delay: s.delay, namespace: namespace, metric: metric, dimensions: maps.Clone(dimensions),
		lastAdded: time.Now(),
	}
	s.index[key] = append(s.index[key], made)
	s.all = append(s.all, made)
	return made
}

// forgetSilent drops series without a recent datum; s.mu is held. It is not done again
// before there are twice as many as are left.
func (s *store) forgetSilent(now time.Time) {
	silent := func(series *series) bool { return series.silentSince(now.Add(-silence)) }
	s.all = slices.DeleteFunc(s.all, silent)
	s.index = make(map[uint64][]*series, len(s.all))
	for _, kept := range s.all {
		key := s.hash(kept.namespace, kept.metric, kept.dimensions)
		s.index[key] = append(s.index[key], kept)
	}
	s.crowd = max(2*len(s.all), fewSeries)
}

// lookup is the series of exactly these dimensions, or nil.
func (s *store) lookup(namespace, metric string, dimensions map[string]string) *series {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.find(s.hash(namespace, metric, dimensions), namespace, metric, dimensions)
}

// list is every series, by namespace, metric and dimensions.
func (s *store) list() []*series {
	s.mu.RLock()
	all := slices.Clone(s.all)
	s.mu.RUnlock()
	slices.SortFunc(all, func(a, b *series) int {
		return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.metric, b.metric),
			slices.Compare(a.sortedPairs(), b.sortedPairs()))
	})
	return all
}

func (s *store) find(key uint64, namespace, metric string, dimensions map[string]string) *series {
	for _, candidate := range s.index[key] {
		if candidate.metric == metric && candidate.namespace == namespace &&
			maps.Equal(candidate.dimensions, dimensions) {
			return candidate
		}
	}
	return nil
}

// hash does not depend on the order of the dimensions, and allocates nothing: it is
// most of the cost of a Record.
func (s *store) hash(namespace, metric string, dimensions map[string]string) uint64 {
	key := maphash.String(s.seed, namespace) + 31*maphash.String(s.seed, metric)
	for name, value := range dimensions {
		key ^= 17*maphash.String(s.seed, name) + maphash.String(s.seed, value)
	}
	return key
}
