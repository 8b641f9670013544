//go:build race

package trials

// everyday is how much of the trials the race detector, which makes them ten times as
// slow, leaves time for: of random lives, and one of so many places to die at.
const (
	everydaySeeds = 40
	everydayPlace = 8
)
