package sandbox

import (
	"cmp"
	"time"

	"serin/internal/sandbox/fault"
	"serin/internal/sandbox/region"
	"serin/internal/sandbox/wire"
)

// Options say what sandbox to start. Defaults gives the usual ones; where a field says
// so, its zero value stands for the usual one too.
type Options struct {
	// Address is where AWS's APIs are served, such as 127.0.0.1:8470. Empty is a free
	// port of the network, which for the usual network is one of 127.0.0.1.
	Address string
	// PageAddress is where Yelb's page is served; empty as with Address.
	PageAddress string
	// Environment is the name of the environment; empty is ecs-blogpost.
	Environment string
	// Region is the region that the sandbox pretends to be; empty is us-west-2.
	Region string
	// Empty leaves the environment without a deployed service.
	Empty bool
	// Rate is how many requests a second Yelb's visitors send; 0 is none.
	Rate float64
	// MetricDelay is how long metrics take to become visible; 0 is no time.
	MetricDelay time.Duration
	// ScrapeInterval is the time between two readings of the mesh's counters; 0 is a
	// second.
	ScrapeInterval time.Duration
	// Pace is the factor by which AWS's durations are multiplied once the sandbox has
	// started: 1 is as slow as AWS, 0 without any wait.
	Pace float64
	// Still has no server run behind the APIs: containers, the mesh and the visitors only
	// count what would pass between them. Everything that the APIs say is as otherwise.
	Still bool
	// Random, when it is not nil, is what a still region draws from: a number in [0, n).
	// It is called by one goroutine at a time.
	Random func(n int) int
	// Network is where everything listens; nil is 127.0.0.1.
	Network region.Network
	// Around, when it is not nil, wraps every call of an API: faults are made of it. The
	// seed does not pass it.
	Around wire.Around
	// Faults, when it is not nil, is what goes wrong, inside of Around. It begins after
	// the seed.
	Faults *fault.Plan
}

// Defaults are the options of a sandbox to look at: control planes about twenty times
// as fast as AWS's, metrics that are seconds late instead of minutes, and enough
// visitors for a canary to be judged by.
func Defaults() Options {
	return Options{Rate: 20, MetricDelay: 6 * time.Second, Pace: 0.05}.completed()
}

// completed has the usual values where the zero value stands for them.
func (o Options) completed() Options {
	o.Environment = cmp.Or(o.Environment, "ecs-blogpost")
	o.Region = cmp.Or(o.Region, "us-west-2")
	o.ScrapeInterval = cmp.Or(o.ScrapeInterval, time.Second)
	if o.Network == nil {
		o.Network = region.Loopback{}
	}
	return o
}
