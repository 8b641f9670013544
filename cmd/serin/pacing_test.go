package main

import (
	"context"
	"strings"
	"testing"

	uiscene "serin/internal/ui/scene"
)

// ordered is a host that notes the settings of what is ordered of it.
type ordered struct {
	uiscene.Host
	set []string
}

func (o *ordered) Propose(_ context.Context, order uiscene.Order) (uiscene.Proposal, error) {
	o.set = order.Set
	return uiscene.Proposal{}, nil
}

func (o *ordered) Deploy(_ context.Context, order uiscene.Order) error {
	o.set = order.Set
	return nil
}

// The broken version of the demo lasts long enough to be looked at, and no other does for
// it; what the operator says stands above that.
func TestTheDemoPacesItsOrders(t *testing.T) {
	const service = "yelb-appserver"
	for name, one := range map[string]struct {
		flags demoFlags
		order uiscene.Order
		want  string
	}{
		"a fix":              {order: uiscene.Order{Service: service, Image: service + ":fixed"}, want: "WaitTime=8 FailureThresholdValue=20"},
		"the broken version": {order: uiscene.Order{Service: service, Image: "1.dkr.example/" + service + ":wrongport"}, want: "WaitTime=40 FailureThresholdValue=100"},
		"by its name": {
			flags: demoFlags{set: []string{"WaitTime=3"}},
			order: uiscene.Order{Service: service, Image: service + ":wrongport", Set: []string{"BakeTime=5"}},
			want:  "WaitTime=40 FailureThresholdValue=100 WaitTime=3 BakeTime=5",
		},
		"in real time": {
			flags: demoFlags{realTime: true}, order: uiscene.Order{Service: service, Image: service + ":wrongport"},
			want: "FailureThresholdValue=100",
		},
		"another service": {order: uiscene.Order{Service: "yelb-ui", Image: "yelb-ui:2", Set: []string{"BakeTime=5"}}, want: "BakeTime=5"},
		"a file":          {order: uiscene.Order{File: "deploy.json", Service: service}},
	} {
		told := &ordered{}
		host := pacing{told, &one.flags}
		if _, err := host.Propose(t.Context(), one.order); err != nil || strings.Join(told.set, " ") != one.want {
			t.Errorf("%s is proposed with %q, %v; want %q", name, told.set, err, one.want)
		}
		told.set = nil
		if err := host.Deploy(t.Context(), one.order); err != nil || strings.Join(told.set, " ") != one.want {
			t.Errorf("%s is deployed with %q, %v; want %q", name, told.set, err, one.want)
		}
	}
}
