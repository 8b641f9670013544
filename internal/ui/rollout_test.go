package ui

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"serin/internal/engine"
	"serin/internal/engine/analysis"
	"serin/internal/ui/scene"
)

// teller tells a rollout to a host, event by event.
type teller struct {
	host   *host
	events []engine.Event
}

func (s *teller) tell(bodies ...engine.Body) {
	for _, body := range bodies {
		s.events = append(s.events, engine.Event{Seq: int64(len(s.events) + 1), At: time.Now(), Actor: "kim", Body: body})
	}
	rollout := replayOf(s.events)
	rollout.Mine = true
	s.host.show(idle("yelb-ui"), scene.Service{
		Name: "yelb-appserver", Protocol: engine.HTTP, Rollout: rollout, Responses: rollout.Rollout.Responses, Period: time.Second,
	})
}

// observe tells what both versions answered in the last second, uneven as it is.
func (s *teller) observe(i int) {
	at := time.Now().Truncate(time.Second)
	bucket := func(requests, errors int) []analysis.Bucket {
		return []analysis.Bucket{{Start: at, Counts: [analysis.Classes]float64{1: float64(requests), 4: float64(errors)}}}
	}
	verdict := analysis.Verdict{Result: analysis.Pass, Reason: "as before", EvidenceTo: at, Canary: analysis.Numbers{Requests: float64(i * 40)}}
	s.tell(&engine.Observed{Responses: []engine.Responses{
		{Sha: "3f2a91c0", Buckets: bucket(70+i*37%23, i%3)}, {Sha: "9bd0417e", Buckets: bucket(30+i*29%17, i%5/4)},
	}}, &engine.Judged{Verdict: verdict})
}

// A real program shows a rollout of ten steps from its first event to its last, in
// virtual time: the terminal is told each weight in the title and the progress bar, and
// the end as the program's status. It counts the seconds in between, and stops when it is
// over.
func TestTenSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hostOf(idle("yelb-appserver"), idle("yelb-ui"))
		s := begin(t, h)
		told := &teller{host: h}
		time.Sleep(time.Second)
		plan := engine.Plan{}
		for weight := 10; weight < 100; weight += 10 {
			plan.Steps = append(plan.Steps, engine.Step{Weight: weight, Hold: time.Minute})
		}
		plan.Steps = append(plan.Steps, engine.Step{Weight: 100, Hold: time.Minute, Bake: true})
		told.tell(&engine.Started{
			ID: "1", Key: engine.Key{Service: "yelb-appserver"}, Plan: plan,
			Stable: &engine.Version{Sha: "3f2a91c0"}, Canary: engine.Version{Sha: "9bd0417e"},
		}, &engine.DriverTook{Driver: engine.Driver{Actor: "kim"}})
		told.tell(&engine.StackRequested{ID: "stack"})
		time.Sleep(time.Minute)
		told.tell(&engine.StackBecameReady{}, &engine.TasksBecameHealthy{})
		for i, step := range plan.Steps {
			before := s.out.length()
			told.tell(
				&engine.WeightsIntended{Step: i, Stable: 100 - step.Weight, Canary: step.Weight}, &engine.WeightsWritten{},
				&engine.WeightsConfirmed{Stable: 100 - step.Weight, Canary: step.Weight})
			time.Sleep(step.Hold)
			drawn := s.out.text()[before:]
			title := fmt.Sprintf("serin: yelb-appserver %d %%", step.Weight)
			if !strings.Contains(drawn, title) || !strings.Contains(drawn, fmt.Sprintf("\x1b]9;4;1;%d", step.Weight)) {
				t.Errorf("step %d: neither title nor progress bar say %d %%", i, step.Weight)
			}
			told.tell(&engine.StepPassed{Step: i, Weight: step.Weight})
		}
		told.tell(&engine.PromotedNow{}, &engine.Recorded{Number: 2}, &engine.Finished{Outcome: engine.Succeeded, Reason: "every step passed"})
		time.Sleep(time.Second)
		before := s.out.length()
		time.Sleep(10 * time.Second)
		if after := s.out.length(); after != before {
			t.Errorf("%d bytes were written in the 10 s after the end", after-before)
		}
		s.press(t, "q")
		s.end()
		if s.result.Leaving != Idle || s.err != nil {
			t.Errorf("left as %q, %v", s.result.Leaving, s.err)
		}
		if text := s.out.text(); !strings.Contains(text, "\x1b]7501;state=done") {
			t.Error("the terminal was not told that it succeeded")
		}
	})
}
