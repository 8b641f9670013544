//go:build !race

package main

const (
	// instrumented tells whether these tests, and what they run of themselves, look for races.
	instrumented = false
	// everydayPoints is at how many points TestTorture kills the driver of each rollout.
	everydayPoints = 5
	// atOnce is how many tests run at once, if the command line does not say so: most of the
	// time they wait for other processes' timers.
	atOnce = "6"
)
