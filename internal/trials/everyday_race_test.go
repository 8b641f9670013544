//go:build race

package trials

// everyday is how much of the trials the race detector, which makes them ten times as
// slow, leaves time for: of random lives, one of so many places to die at, and of rollouts
// whose drivers are killed one after the other.
const (
	everydaySeeds       = 40
	everydayPlace       = 8
	everydaySuccessions = 5
)
