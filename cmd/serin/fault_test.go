package main

import (
	"strings"
	"testing"

	"serin/internal/headless"
)

// A plan of faults reaches the private sandbox: answers that are lost and calls that
// are refused delay a rollout, a stack that fails ends it.
func TestDeployThroughFaults(t *testing.T) {
	t.Parallel()
	p := deploy(t, "fixed", append(quick(), "--fault", "appmesh:UpdateRoute#1=lose,ecs:*#3-5=throttle,ssm:PutParameter#1=503,seed=7")...)
	p.exits(headless.ExitSucceeded)
}

func TestDeployOfAStackThatIsMadeToFail(t *testing.T) {
	t.Parallel()
	p := deploy(t, "fixed", append(quick(), "--fault", "stack:*-yelb-appserver-canary=fail")...)
	p.exits(headless.ExitRolledBack)
	if text := strings.Join(p.lines, ""); !strings.Contains(text, "Circuit Breaker was triggered") {
		t.Errorf("it says\n%s", text)
	}
}
