//go:build !race

package trials

// everyday is how many random lives are lived, and that every place to die at is taken.
const (
	everydaySeeds = 1000
	everydayPlace = 1
)
