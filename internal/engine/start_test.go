package engine

import (
	"slices"
	"testing"
)

// A version that the route names is not deployed again, and is said to be where it is: what
// serves is nothing to mend.
func TestAVersionThatTheRouteNamesIsNotDeployedAgain(t *testing.T) {
	t.Parallel()
	service := Service{Environment: "blog", Name: "app", Protocol: HTTP}
	for name, c := range map[string]struct {
		a, b int
		want string
	}{
		"it serves all":  {100, 0, "Sha: aaaa is what serves now: there is nothing to deploy; deploy another sha"},
		"it is a canary": {10, 90, "Sha: aaaa is on the route already, with weight 10; deploy another sha"},
		"it has nothing": {0, 100, "Sha: aaaa is on the route already, with weight 0; deploy another sha"},
	} {
		route := Route{Exists: true, Targets: []Target{
			{Name: "app-aaaa", Sha: "aaaa", Weight: c.a}, {Name: "app-bbbb", Sha: "bbbb", Weight: c.b},
		}}
		if _, problems := stableOf(service, Version{Sha: "aaaa"}, route); !slices.Equal(problems, []string{c.want}) {
			t.Errorf("%s: %q, want %q", name, problems, c.want)
		}
	}
}
