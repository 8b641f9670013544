//go:build !race

package trials

// everyday is how many random lives are lived, that every place to die at is taken, and in
// how many rollouts drivers are killed one after the other.
const (
	everydaySeeds       = 1000
	everydayPlace       = 1
	everydaySuccessions = 70
)
