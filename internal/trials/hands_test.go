package trials

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"serin/internal/engine"
	"serin/internal/journal"
)

// hand is what someone else does to the region.
type hand struct {
	do func(ctx context.Context, w *witness) error
	// outcome is how the unattended driver ends, words what it says then.
	outcome engine.Outcome
	words   string
	// end is how the rollout ends when a person then has it rolled back; empty where it
	// has ended already.
	end engine.Outcome
}

// reroute changes the specification of the route.
func reroute(change func(w *witness, spec *types.RouteSpec)) func(context.Context, *witness) error {
	return func(ctx context.Context, w *witness) error {
		mesh, router, name := &w.service.Environment, aws.String(w.service.Name+"-vr"), aws.String(w.service.Name+"-route")
		found, err := w.region.truth.mesh.DescribeRoute(ctx, &appmesh.DescribeRouteInput{MeshName: mesh, VirtualRouterName: router, RouteName: name})
		if err != nil {
			return err
		}
		change(w, found.Route.Spec)
		_, err = w.region.truth.mesh.UpdateRoute(ctx, &appmesh.UpdateRouteInput{
			MeshName: mesh, VirtualRouterName: router, RouteName: name, Spec: found.Route.Spec,
		})
		return err
	}
}

func deleteRoute(ctx context.Context, w *witness) error {
	_, err := w.region.truth.mesh.DeleteRoute(ctx, &appmesh.DeleteRouteInput{
		MeshName: &w.service.Environment, VirtualRouterName: aws.String(w.service.Name + "-vr"), RouteName: aws.String(w.service.Name + "-route"),
	})
	return err
}

func deleteStack(canary bool) func(context.Context, *witness) error {
	return func(ctx context.Context, w *witness) error {
		_, err := w.region.truth.stack.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: aws.String(w.service.StackName(w.sha(canary)))})
		return err
	}
}

func scale(canary bool, to int32) func(context.Context, *witness) error {
	return func(ctx context.Context, w *witness) error {
		_, err := w.region.truth.ecs.UpdateService(ctx, &ecs.UpdateServiceInput{
			Cluster: &w.service.Environment, Service: aws.String(w.service.VersionName(w.sha(canary))), DesiredCount: &to,
		})
		return err
	}
}

func rewriteRecord(ctx context.Context, w *witness) error {
	_, err := w.region.truth.ssm.PutParameter(ctx, &ssm.PutParameterInput{
		Name:  aws.String(w.service.Environment + "-canary-" + w.service.Name + "-version"),
		Value: aws.String("someone/else:1"), Overwrite: aws.Bool(true),
	})
	return err
}

func (w *witness) sha(canary bool) string {
	if canary {
		return canarySha
	}
	return w.stable
}

// hands are what is done at half of the traffic.
func hands() map[string]hand {
	return map[string]hand{
		"weights": {reroute(func(_ *witness, spec *types.RouteSpec) {
			spec.HttpRoute.Action.WeightedTargets[0].Weight = 95
			spec.HttpRoute.Action.WeightedTargets[1].Weight = 5
		}), engine.Held, "someone else changed the route: expected", engine.RolledBack},
		"match": {
			reroute(func(_ *witness, spec *types.RouteSpec) { spec.HttpRoute.Match.Method = types.HttpMethodGet }),
			engine.Held, "its match, retries, timeouts or priority", engine.RolledBack,
		},
		"retries": {
			reroute(func(_ *witness, spec *types.RouteSpec) { spec.HttpRoute.RetryPolicy.MaxRetries = aws.Int64(9) }),
			engine.Held, "its match, retries, timeouts or priority", engine.RolledBack,
		},
		"canary taken off": {reroute(func(w *witness, spec *types.RouteSpec) {
			spec.HttpRoute.Action.WeightedTargets = []types.WeightedTarget{{VirtualNode: aws.String(w.service.VersionName(w.stable)), Weight: 100}}
		}), engine.Held, "someone else changed the route: expected", engine.RolledBack},
		"route deleted":     {deleteRoute, engine.Held, "someone else deleted the route", engine.RolledBack},
		"canary deleted":    {deleteStack(true), engine.RolledBack, "no healthy task", ""},
		"canary at nothing": {scale(true, 0), engine.RolledBack, "no healthy task", ""},
		"canary doubled":    {scale(true, 2), engine.Succeeded, "has all the traffic", ""},
		"stable at nothing": {scale(false, 0), engine.Succeeded, "has all the traffic", ""},
		"stable deleted":    {deleteStack(false), engine.Succeeded, "has all the traffic", ""},
		"record rewritten":  {rewriteRecord, engine.Succeeded, "recorded as version 3", ""},
	}
}

// TestForeignHands has someone else change the world at half of the traffic: the rollout
// ends in a named state with words, and a version that serves has the traffic.
func TestForeignHands(t *testing.T) {
	for name, h := range hands() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				t.Helper()
				h.interfere(t)
			})
		})
	}
}

func (h hand) interfere(t *testing.T) {
	t.Helper()
	r := openRegion(t, lively(nil))
	defer r.close()
	spec := r.specOf(t, "yelb-appserver", "fixed", "ProgressDeadline=120", "WaitTime=60")
	w := &witness{region: r, service: spec.Service()}
	w.stable = stableOf(w.route())
	log := journal.NewMemory()
	at := r.drive(log, r.begin(t, log, spec, false))
	defer at.kill()
	for w.route().Weight(canarySha) != 50 {
		time.Sleep(time.Second)
	}
	time.Sleep(10 * time.Second)
	if err := h.do(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	ending, err := at.wait(t, log)
	if err != nil || ending.Outcome != h.outcome || !strings.Contains(wordsOf(ending), h.words) {
		t.Errorf("it ends with %s, %q, %v; want %s, %q%s", ending.Outcome, wordsOf(ending), err, h.outcome, h.words, story(events(t, log)))
	}
	if h.end != "" {
		ending = r.rollBack(t, log)
		if ending.Outcome != h.end {
			t.Errorf("rolled back, it ends with %s, %q%s", ending.Outcome, wordsOf(ending), story(events(t, log)))
		}
	}
	route := w.route()
	for _, target := range route.Targets {
		if target.Weight > 0 && !w.serves(t.Context(), target.Sha) {
			t.Errorf("%s has traffic and does not serve%s", target.Name, story(events(t, log)))
		}
	}
	if !route.Exists {
		t.Errorf("there is no route%s", story(events(t, log)))
	}
}

// wordsOf is what the end of a driver says.
func wordsOf(ending engine.Ending) string {
	words := ending.Reason
	if paused := ending.Rollout.Paused; paused != nil {
		words += "; " + paused.Reason
	}
	if stuck := ending.Rollout.Stuck; stuck != nil {
		words += "; " + stuck.Reason + "; " + stuck.Truth + "; " + stuck.Advice
	}
	return words
}

// rollBack has a person take a rollout over and roll it back.
func (r *region) rollBack(t *testing.T, log engine.Journal) engine.Ending {
	t.Helper()
	lease, err := engine.TakeOver(t.Context(), log, headerOf(t, log), engine.Driver{Actor: "lee", Place: "trial 2", Unattended: true}, engine.LeaseTime)
	if err != nil {
		t.Fatal(err)
	}
	at := r.prepare(log, lease)
	at.Post(ask(engine.RollBack))
	at.start()
	defer at.kill()
	ending, err := at.wait(t, log)
	if err != nil {
		t.Fatal(err)
	}
	return ending
}
