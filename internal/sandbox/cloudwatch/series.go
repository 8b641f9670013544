package cloudwatch

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"
)

// How long data are kept: AWS keeps those of less than a minute's resolution for three
// hours (CloudWatch concepts, metrics retention) and a minute's for 15 days; a sandbox
// does not live as long, so a day bounds its memory.
const (
	fineRetention   = 3 * time.Hour
	coarseRetention = 24 * time.Hour
)

// series is the data of one metric with one set of dimensions.
type series struct {
	delay             time.Duration
	namespace, metric string
	dimensions        map[string]string

	mu sync.Mutex
	// lastAdded is when the last datum arrived.
	lastAdded time.Time
	// pending are data that are not visible yet, in the order that they arrived.
	pending []arrival
	// minutes are the visible data, by ascending start.
	minutes []minute
}

// arrival is what one second of data gained in one second.
type arrival struct {
	arrived, at int64 // seconds since 1970
	unit        string
	statistics  statistics
}

// minute is one minute of visible data, with its seconds as long as they are kept.
type minute struct {
	start   int64
	units   []unitStatistics
	seconds []second
}

// unitStatistics are statistics of the values that were given in one unit.
type unitStatistics struct {
	unit string
	statistics
}

type second struct {
	at int64
	unitStatistics
}

// add records statistics that arrive now for a moment.
func (s *series) add(now, at time.Time, unit string, gained statistics) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastAdded = now
	arrived, second := now.Unix(), at.Unix()
	if last := len(s.pending) - 1; last >= 0 {
		p := &s.pending[last]
		if p.arrived == arrived && p.at == second && p.unit == unit {
			p.statistics.merge(gained)
			return
		}
	}
	s.pending = append(s.pending, arrival{arrived, second, unit, gained})
	s.publish(now)
}

// silentSince reports whether nothing has arrived since a time.
func (s *series) silentSince(at time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lastAdded.Before(at)
}

// publish makes visible what arrived the delay or longer ago. What arrives within one
// second becomes visible together, when the delay has passed for the end of it.
func (s *series) publish(now time.Time) {
	due := 0
	for due < len(s.pending) && !time.Unix(s.pending[due].arrived, 0).Add(s.hiddenFor()).After(now) {
		s.show(s.pending[due])
		due++
	}
	s.pending = slices.Delete(s.pending, 0, due)
	s.forget(now)
}

// hiddenFor is how long after the beginning of its second an arrival is not seen.
func (s *series) hiddenFor() time.Duration {
	if s.delay == 0 {
		return 0
	}
	return s.delay + time.Second
}

func (s *series) show(a arrival) {
	start := a.at - a.at%60
	at, found := slices.BinarySearchFunc(s.minutes, start, func(m minute, start int64) int {
		return cmp.Compare(m.start, start)
	})
	if !found {
		s.minutes = slices.Insert(s.minutes, at, minute{start: start})
	}
	s.minutes[at].gain(a)
}

func (m *minute) gain(a arrival) {
	whole := slices.IndexFunc(m.units, func(u unitStatistics) bool { return u.unit == a.unit })
	if whole < 0 {
		m.units = append(m.units, unitStatistics{unit: a.unit})
		whole = len(m.units) - 1
	}
	m.units[whole].merge(a.statistics)
	at, found := slices.BinarySearchFunc(m.seconds, a, func(s second, a arrival) int {
		return cmp.Or(cmp.Compare(s.at, a.at), cmp.Compare(s.unit, a.unit))
	})
	if !found {
		m.seconds = slices.Insert(m.seconds, at, second{at: a.at, unitStatistics: unitStatistics{unit: a.unit}})
	}
	m.seconds[at].merge(a.statistics)
}

// forget drops what is older than it is kept. It looks no further than the first
// minute that is young enough, so it costs next to nothing when there is nothing to do.
func (s *series) forget(now time.Time) {
	oldest := now.Add(-coarseRetention).Unix()
	drop := 0
	for drop < len(s.minutes) && s.minutes[drop].start+60 <= oldest {
		drop++
	}
	s.minutes = slices.Delete(s.minutes, 0, drop)
	coarse := now.Add(-fineRetention).Unix()
	from, _ := slices.BinarySearchFunc(s.minutes, coarse-60, func(m minute, start int64) int {
		return cmp.Compare(m.start, start)
	})
	for i := from - 1; i >= 0 && s.minutes[i].seconds != nil; i-- {
		s.minutes[i].seconds = nil
	}
}

// point is the statistics of one period.
type point struct {
	at         int64
	unit       string
	statistics statistics
}

// window asks for the points of a stretch of time: from start, to end but without it,
// both in seconds since 1970, each of a period's seconds and aligned to it. Unit may be
// empty for every unit together.
type window struct {
	start, end, period int64
	unit               string
}

// points are what is visible of a window, ascending; periods without data have none.
func (s *series) points(now time.Time, w window) []point {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.publish(now)
	var points []point
	gain := func(at int64, u unitStatistics) {
		if at < w.start || at >= w.end || w.unit != "" && w.unit != u.unit {
			return
		}
		at -= at % w.period
		if last := len(points) - 1; last < 0 || points[last].at != at {
			points = append(points, point{at: at, unit: u.unit})
		}
		points[len(points)-1].statistics.merge(u.statistics)
	}
	from, _ := slices.BinarySearchFunc(s.minutes, w.start-60, func(m minute, start int64) int {
		return cmp.Compare(m.start, start)
	})
	for _, m := range s.minutes[from:] {
		if m.start >= w.end {
			break
		}
		m.each(w.period, gain)
	}
	return points
}

// each calls for the minute's data: its seconds when the period needs them and they
// are kept, the minute as a whole otherwise.
func (m minute) each(period int64, gain func(int64, unitStatistics)) {
	if m.seconds == nil && period >= 60 {
		for _, whole := range m.units {
			gain(m.start, whole)
		}
		return
	}
	for _, second := range m.seconds {
		gain(second.at, second.unitStatistics)
	}
}

// visible reports whether any datum can be seen, and when the newest was measured.
func (s *series) visible(now time.Time) (newest time.Time, found bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.publish(now)
	if len(s.minutes) == 0 {
		return time.Time{}, false
	}
	return time.Unix(s.minutes[len(s.minutes)-1].start+59, 0), true
}

// sortedPairs are the dimensions as a list that can be compared.
func (s *series) sortedPairs() []string {
	pairs := make([]string, 0, 2*len(s.dimensions))
	for _, name := range slices.Sorted(maps.Keys(s.dimensions)) {
		pairs = append(pairs, name, s.dimensions[name])
	}
	return pairs
}
