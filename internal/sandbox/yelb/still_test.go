package yelb_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"serin/internal/sandbox/ecs"
	"serin/internal/sandbox/pipenet"
	"serin/internal/sandbox/yelb"
)

// checks are the health checks of Yelb's templates.
var checks = map[string][]string{
	"yelb-appserver":    {"CMD-SHELL", "curl -fsS http://localhost:4567/api/hostname || exit 1"},
	"yelb-ui":           {"CMD-SHELL", "curl -fsS http://localhost:80/ || exit 1"},
	"yelb-redisserver":  {"CMD-SHELL", "redis-cli -p 6379 ping | grep PONG"},
	"yelb-db":           {"CMD-SHELL", "pg_isready -h localhost -p 5432"},
	"aws-appmesh-envoy": {"CMD-SHELL", "curl -s http://localhost:9901/server_info | grep state | grep -q LIVE"},
}

// seen is what ECS sees of a container.
type seen struct {
	healthy [2]bool
	listens [4]bool
	exited  bool
	code    int
	reason  string
}

func observe(ctx context.Context, p ecs.Process, check []string) seen {
	var s seen
	s.healthy[0] = p.Exec(ctx, check) == nil
	for i, port := range []int{80, 4567, 6379, 5432} {
		_, s.listens[i] = p.Address(port)
	}
	// Longer than any image that exits on its own lives.
	select {
	case <-p.Done():
		s.exited, s.code, s.reason = true, p.ExitCode(), p.Reason()
	case <-time.After(time.Minute):
	}
	s.healthy[1] = p.Exec(ctx, check) == nil
	p.Stop()
	<-p.Done()
	return s
}

func TestAStillContainerIsToECSWhatARealOneIs(t *testing.T) {
	images := append(yelb.Images(), yelb.Image{Repository: "aws-appmesh-envoy", Tag: "v1"})
	for _, image := range images {
		name := image.Repository + ":" + image.Tag
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTown(t, pipenet.New())
				actual := observe(t.Context(), w.start(name), checks[image.Repository])
				w.runtime.Close()
				process, err := yelb.NewStill(func(int) int { return 0 }).Start(t.Context(), ecs.Container{Image: name})
				if err != nil {
					t.Fatal(err)
				}
				if still := observe(t.Context(), process, checks[image.Repository]); still != actual {
					t.Errorf("still %+v, in earnest %+v", still, actual)
				}
			})
		})
	}
}

func TestAStillRuntimePullsWhatIsInTheCatalogue(t *testing.T) {
	s := yelb.NewStill(func(int) int { return 0 })
	if err := s.Pull(t.Context(), "yelb-appserver:fixed"); err != nil {
		t.Error(err)
	}
	if err := s.Pull(t.Context(), "yelb-appserver:broken"); err == nil {
		t.Error("an image that does not exist was pulled")
	}
	if _, err := s.Start(t.Context(), ecs.Container{Image: "yelb-appserver:broken"}); err == nil {
		t.Error("an image that does not exist was started")
	}
}

func TestStillContainersAnswerAsTheirVersionsDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		drawn := 0
		s := yelb.NewStill(func(n int) int { drawn++; return drawn % n })
		address := func(image string, port int) string {
			p, err := s.Start(t.Context(), ecs.Container{Image: image})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(p.Stop)
			where, _ := p.Address(port)
			return where
		}
		fixed, flaky, late := address("yelb-appserver:fixed", 4567), address("yelb-appserver:flaky", 4567), address("yelb-appserver:late", 4567)
		failed := map[string]int{}
		for range 200 {
			for _, at := range []string{fixed, flaky} {
				if status, ok := s.Answer(at); !ok || status >= 500 {
					failed[at]++
				}
			}
		}
		if failed[fixed] != 0 || failed[flaky] != 10 {
			t.Errorf("of 200 requests fixed failed %d and flaky %d, want 0 and 10", failed[fixed], failed[flaky])
		}
		for _, want := range []int{200, 500} {
			if status, ok := s.Answer(late); status != want || !ok {
				t.Errorf("late answers %d, %v, want %d", status, ok, want)
			}
			time.Sleep(10 * time.Second)
		}
		if _, ok := s.Answer("still.test:99"); ok {
			t.Error("nobody answers")
		}
	})
}
