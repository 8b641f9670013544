//go:build !race

package trials

// everyday is how many random lives are lived, and that every place to die at is taken.
const (
	everydaySeeds = 100
	everydayPlace = 1
)
