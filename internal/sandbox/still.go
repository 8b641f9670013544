package sandbox

import (
	"math/rand/v2"
	"net"

	"serin/internal/sandbox/ecs"
	"serin/internal/sandbox/mesh"
	"serin/internal/sandbox/visitors"
	"serin/internal/sandbox/yelb"
)

// What Yelb's microservices are called by, as their callers dial them.
const (
	stillAppserver = "yelb-appserver.yelb.local:4567"
	stillRedis     = "yelb-redisserver.yelb.local:6379"
	stillDatabase  = "yelb-db.yelb.local:5432"
)

// still is what runs containers that have no servers.
func (s *Sandbox) still() (ecs.Runtime, func(), []mesh.Option) {
	runtime := yelb.NewStill(s.draw)
	s.containersAnswer = runtime.Answer
	return runtime, func() {}, []mesh.Option{
		mesh.WithScrapeInterval(s.options.ScrapeInterval), mesh.WithRandom(s.draw), mesh.WithoutListeners(),
	}
}

func (s *Sandbox) draw(n int) int {
	if s.options.Random == nil {
		return rand.IntN(n)
	}
	return s.options.Random(n)
}

// visitStill has the visitors' requests counted. Nothing answers on the page's address.
func (s *Sandbox) visitStill(page net.Listener) {
	_ = page.Close()
	s.visitors = visitors.New("", s.options.Rate, visitors.WithPass(s.pass), visitors.WithRandom(s.draw))
	s.visitors.Start()
	s.closers = append(s.closers, s.visitors.Stop)
}

// calls are the stores that yelb-appserver asks for each path of its API.
func calls(path string) string {
	switch path {
	case "/api/hostname":
		return ""
	case "/api/getstats", "/api/pageviews":
		return stillRedis
	default:
		return stillDatabase
	}
}

// pass carries a visitor's request through Yelb.
func (s *Sandbox) pass(path string) int {
	return s.mesh.Pass(frontEnd, path, func(ui string) int {
		if path == "/" {
			return s.answered(ui)
		}
		return s.mesh.Pass(stillAppserver, path, func(app string) int {
			status := s.answered(app)
			if store := calls(path); status == 200 && store != "" && s.mesh.Pass(store, "", s.answered) != 200 {
				return 500
			}
			return status
		})
	})
}

// answered is the status of a container, 0 when it is gone.
func (s *Sandbox) answered(address string) int {
	status, ok := s.containersAnswer(address)
	if !ok {
		return 0
	}
	return status
}
