package aws

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// calls are what a gathering has called, and when.
type calls struct {
	mu    sync.Mutex
	began time.Time
	made  []string
	// most is how many calls were made at a time.
	now, most int
	// took is how long a call takes; it ends earlier with its context, and says so.
	took time.Duration
	// fail is the error of a call.
	fail func(questions []string) error
}

var (
	errOfOne = errors.New("of one")
	errOfAll = errors.New("of all")
)

func (c *calls) call(ctx context.Context, questions []string) error {
	c.mu.Lock()
	c.made = append(c.made, fmt.Sprintf("%d%v", time.Since(c.began).Milliseconds(), questions))
	c.now++
	c.most = max(c.most, c.now)
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.now--
	}()
	timer := time.NewTimer(c.took)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		c.mu.Lock()
		defer c.mu.Unlock()
		c.made = append(c.made, fmt.Sprintf("%d broken off", time.Since(c.began).Milliseconds()))
		return ctx.Err()
	}
	if c.fail == nil {
		return nil
	}
	return c.fail(questions)
}

// read makes a call for all questions.
func (c *calls) read(ctx context.Context, questions []string, answer answered) {
	at := make([]int, len(questions))
	for i := range at {
		at[i] = i
	}
	answer(c.call(ctx, questions), at...)
}

// crowd asks a gathering at times.
type crowd struct {
	*calls
	t         *testing.T
	gathering *gathering[string]
	asking    sync.WaitGroup
	mu        sync.Mutex
	answers   []string
}

// inCrowd runs a test of a gathering with a window of 400 ms in virtual time.
func inCrowd(t *testing.T, test func(c *crowd)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := &crowd{t: t, calls: &calls{began: time.Now()}}
		c.gathering = &gathering[string]{
			window: 400 * time.Millisecond, read: c.read, shared: func(err error) bool { return errors.Is(err, errOfAll) },
		}
		test(c)
	})
}

// ask asks at a time, in milliseconds, and keeps the answer and when it came.
func (c *crowd) ask(ctx context.Context, who string, at int) {
	c.asking.Go(func() {
		time.Sleep(time.Duration(at) * time.Millisecond)
		err := c.gathering.ask(ctx, who, who)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.answers = append(c.answers, fmt.Sprintf("%d %s %v", time.Since(c.began).Milliseconds(), who, err))
	})
}

// expect asserts what was called, and in whatever order of one moment what was answered.
func (c *crowd) expect(made, answers []string) {
	c.t.Helper()
	c.asking.Wait()
	synctest.Wait()
	if !slices.Equal(c.made, made) {
		c.t.Errorf("called %q, want %q", c.made, made)
	}
	slices.Sort(c.answers)
	slices.Sort(answers)
	if !slices.Equal(c.answers, answers) {
		c.t.Errorf("answered %q, want %q", c.answers, answers)
	}
	if c.gathering.next != nil || c.now != 0 {
		c.t.Errorf("%d calls go on, next %v", c.now, c.gathering.next)
	}
}

func TestOneWhoAsksAloneNeverWaits(t *testing.T) {
	inCrowd(t, func(c *crowd) {
		for _, at := range []int{0, 100, 101, 500, 1700} {
			c.ask(c.t.Context(), "a", at)
		}
		c.expect([]string{"0[a]", "100[a]", "101[a]", "500[a]", "1700[a]"},
			[]string{"0 a <nil>", "100 a <nil>", "101 a <nil>", "500 a <nil>", "1700 a <nil>"})
	})
}

func TestThoseWhoAskWithinAWindowAskTogether(t *testing.T) {
	inCrowd(t, func(c *crowd) {
		c.took = 100 * time.Millisecond
		for who, at := range map[string]int{"a": 0, "b": 50, "c": 399, "d": 401, "e": 2000} {
			c.ask(c.t.Context(), who, at)
		}
		c.expect([]string{"0[a]", "400[b c]", "800[d]", "2000[e]"},
			[]string{"100 a <nil>", "500 b <nil>", "500 c <nil>", "900 d <nil>", "2100 e <nil>"})
	})
}

// A call that takes longer than the window keeps no other waiting for its end.
func TestASlowCallDelaysNoOther(t *testing.T) {
	inCrowd(t, func(c *crowd) {
		c.took = 5 * time.Second
		for who, at := range map[string]int{"a": 0, "b": 50, "c": 450} {
			c.ask(c.t.Context(), who, at)
		}
		c.expect([]string{"0[a]", "400[b]", "800[c]"}, []string{"5000 a <nil>", "5400 b <nil>", "5800 c <nil>"})
	})
}

func TestACrowdAsksOnceAWindow(t *testing.T) {
	inCrowd(t, func(c *crowd) {
		for i := range 1000 {
			c.ask(c.t.Context(), fmt.Sprint("s", i), i*4)
		}
		c.asking.Wait()
		if len(c.made) != 11 || len(c.answers) != 1000 {
			c.t.Errorf("%d calls for %d", len(c.made), len(c.answers))
		}
		for _, answer := range c.answers {
			var at, who int
			if _, err := fmt.Sscanf(answer, "%d s%d <nil>", &at, &who); err != nil || at-who*4 > 400 {
				c.t.Errorf("%q: %v", answer, err)
			}
		}
	})
}

// Who goes takes nothing from the others, before the call and during it.
func TestWhoGoesCancelsNothingForOthers(t *testing.T) {
	inCrowd(t, func(c *crowd) {
		c.took = 300 * time.Millisecond
		early, cancelEarly := context.WithTimeout(c.t.Context(), 200*time.Millisecond)
		defer cancelEarly()
		during, cancelDuring := context.WithTimeout(c.t.Context(), 500*time.Millisecond)
		defer cancelDuring()
		c.ask(c.t.Context(), "a", 0)
		c.ask(early, "b", 50)
		c.ask(during, "c", 60)
		c.ask(c.t.Context(), "d", 70)
		c.expect([]string{"0[a]", "400[c d]"}, []string{
			"300 a <nil>", "200 b context deadline exceeded", "500 c context deadline exceeded", "700 d <nil>",
		})
	})
}

// A call that nobody waits for any more is not made, or is broken off.
func TestACallThatNobodyWaitsForEnds(t *testing.T) {
	inCrowd(t, func(c *crowd) {
		c.took = 300 * time.Millisecond
		before, cancelBefore := context.WithTimeout(c.t.Context(), 200*time.Millisecond)
		defer cancelBefore()
		late, cancelLate := context.WithTimeout(c.t.Context(), time.Second)
		defer cancelLate()
		later, cancelLater := context.WithTimeout(c.t.Context(), 1100*time.Millisecond)
		defer cancelLater()
		c.ask(c.t.Context(), "a", 0)
		c.ask(before, "b", 50)
		c.ask(c.t.Context(), "c", 500)
		c.ask(late, "d", 600)
		c.ask(later, "e", 610)
		c.expect([]string{"0[a]", "500[c]", "900[d e]", "1100 broken off"}, []string{
			"300 a <nil>", "200 b context deadline exceeded", "800 c <nil>", "1000 d context deadline exceeded", "1100 e context deadline exceeded",
		})
	})
}

// What is wrong with one hides no other: a joint call that fails is made in parts, four at
// a time.
func TestWhatIsWrongWithOneHidesNoOther(t *testing.T) {
	inCrowd(t, func(c *crowd) {
		c.took = 10 * time.Millisecond
		c.fail = func(questions []string) error {
			if slices.Contains(questions, "s3") {
				return errOfOne
			}
			return nil
		}
		c.ask(c.t.Context(), "a", 0)
		want := []string{"10 a <nil>"}
		for i := range 10 {
			c.ask(c.t.Context(), fmt.Sprint("s", i), 20+i)
			err := error(nil)
			if i == 3 {
				err = errOfOne
			}
			want = append(want, fmt.Sprintf("%d s%d %v", 420+i/4*10, i, err))
		}
		c.asking.Wait()
		if len(c.made) != 12 || c.most != 4 {
			c.t.Errorf("called %q, %d at a time", c.made, c.most)
		}
		if slices.Sort(c.answers); !slices.Equal(c.answers, want) {
			c.t.Errorf("answered %q, want %q", c.answers, want)
		}
	})
}

// What all would meet is not asked for once each: it is everyone's answer at once, and where
// it is met in the parts, that of those that are left.
func TestWhatAllWouldMeetIsNotMultiplied(t *testing.T) {
	inCrowd(t, func(c *crowd) {
		c.fail = func([]string) error { return errOfAll }
		for who, at := range map[string]int{"a": 0, "b": 50, "c": 60} {
			c.ask(c.t.Context(), who, at)
		}
		c.expect([]string{"0[a]", "400[b c]"}, []string{"0 a of all", "400 b of all", "400 c of all"})
	})
	inCrowd(t, func(c *crowd) {
		c.took = 10 * time.Millisecond
		c.fail = func(questions []string) error {
			if len(questions) > 1 {
				return errOfOne
			}
			return errOfAll
		}
		for i := range 21 {
			c.ask(c.t.Context(), fmt.Sprint("s", i), i)
		}
		c.asking.Wait()
		if len(c.answers) != 21 || len(c.made) > 2+2*besideOne {
			c.t.Errorf("%d calls for %d", len(c.made), len(c.answers))
		}
	})
}

// Who is answered does not wait for those whose requests hang; such a request is broken off
// when none of them waits any more.
func TestWhoIsAnsweredWaitsForNoOther(t *testing.T) {
	inCrowd(t, func(c *crowd) {
		c.gathering.read = func(ctx context.Context, questions []string, answer answered) {
			var reading sync.WaitGroup
			for i, question := range questions {
				reading.Go(func() {
					if question == "slow" || question == "slower" {
						<-ctx.Done()
						c.mu.Lock()
						c.made = append(c.made, fmt.Sprintf("%d broken off", time.Since(c.began).Milliseconds()))
						c.mu.Unlock()
					}
					answer(ctx.Err(), i)
				})
			}
			reading.Wait()
		}
		c.ask(c.t.Context(), "a", 0)
		for i, who := range []string{"b", "c", "slow", "d", "slower"} {
			ctx, cancel := context.WithTimeout(c.t.Context(), time.Duration(1000+100*i)*time.Millisecond)
			defer cancel()
			c.ask(ctx, who, 10+i)
		}
		c.expect([]string{"1400 broken off", "1400 broken off"}, []string{
			"0 a <nil>", "400 b <nil>", "400 c <nil>", "400 d <nil>", "1200 slow context deadline exceeded", "1400 slower context deadline exceeded",
		})
	})
}

// Who meets a common error in a crowd does not come back at the same moment as all others.
func TestACrowdIsToldACommonErrorApart(t *testing.T) {
	inCrowd(t, func(c *crowd) {
		c.fail = func([]string) error { return errOfAll }
		c.ask(c.t.Context(), "a", 0)
		for i := range 399 {
			c.ask(c.t.Context(), fmt.Sprint("s", i), 1+i%300)
		}
		c.asking.Wait()
		at := map[string]int{}
		for _, answer := range c.answers {
			moment, _, _ := strings.Cut(answer, " ")
			at[moment]++
		}
		if len(c.made) != 2 || len(c.answers) != 400 || len(at) != 101 || at["400"] != besideOne || at["2380"] != 3 {
			c.t.Errorf("%d calls; %d answers at %d moments: %v", len(c.made), len(c.answers), len(at), at)
		}
	})
}
