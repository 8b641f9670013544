package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"serin/internal/engine"
	"serin/internal/engine/analysis"
	"serin/internal/headless"
)

const (
	// lookLimit is how long a plan may look at an account.
	lookLimit = 5 * time.Second
	// trafficWindow is what the traffic of a service is taken from.
	trafficWindow = 15 * time.Minute
	// assumedTraffic is reckoned with when the traffic is not known, a minute.
	assumedTraffic = 1000
)

// planFlags are those of serin plan.
type planFlags struct {
	spec     specFlags
	account  accountFlags
	output   output
	requests float64
}

func newPlan(p *program) *cobra.Command {
	var flags planFlags
	cmd := &cobra.Command{
		Use:   "plan FILE",
		Short: "Say what deploy would do: steps, times, changes, and how many requests could go wrong",
		Long: "Plan changes nothing and needs no account. Where it can look at one, it says whether this would be\n" +
			"the first deployment and how much traffic the service has; otherwise it says what it assumes.",
		Example: "  serin plan deploy.json\n" +
			"  serin plan deploy.json --set PercentageStep=20 --requests 600\n" +
			"  serin plan deploy.json --output json | jq .exposure",
		Args: files(1),
		RunE: func(cmd *cobra.Command, args []string) error { return p.plan(cmd.Context(), args[0], &flags) },
	}
	flags.spec.register(cmd)
	flags.account.register(cmd)
	flags.output.register(cmd)
	cmd.Flags().Float64Var(&flags.requests, "requests", 0, "requests a minute to reckon with (default: the service's, or 1000)")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if flags.requests < 0 {
			return usage(cmd, "--requests %g is negative: write how many requests come in a minute", flags.requests)
		}
		return nil
	}
	return cmd
}

func (p *program) plan(ctx context.Context, file string, flags *planFlags) error {
	spec, err := flags.spec.load(file)
	if err != nil {
		return err
	}
	report := headless.NewPlanReport(spec, look(ctx, spec, flags))
	if flags.output.json() {
		return report.JSON(p.out)
	}
	return report.Text(p.out)
}

// look finds out about a service what it can; what it cannot, it assumes.
func look(ctx context.Context, spec engine.Spec, flags *planFlags) headless.World {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	world := headless.World{RequestsPerMinute: assumedTraffic}
	there, err := connect(ctx, flags.account, "")
	if err == nil {
		err = lookAt(ctx, &world, there.ports, spec)
	}
	if err != nil {
		world.Assumed = "a later deployment, because no account could be asked: " + err.Error()
	}
	if flags.requests > 0 {
		world.RequestsPerMinute = flags.requests
	}
	return world
}

// lookAt reads which version serves, and how much traffic it has.
func lookAt(ctx context.Context, world *headless.World, ports engine.Ports, spec engine.Spec) error {
	route, err := ports.Router.Route(ctx, spec.Service())
	if err != nil {
		return err
	}
	world.First = !route.Exists
	for _, target := range route.Targets {
		if target.Weight > 0 {
			world.Stable = target.Sha
		}
	}
	if world.Stable == "" || !spec.Protocol.HasResponses() {
		return nil
	}
	now := time.Now()
	answers, err := ports.Metrics.Responses(ctx, []engine.ResponseQuery{{
		Service: spec.Service(), Sha: world.Stable, Source: spec.Metric,
		From: now.Add(-trafficWindow), To: now, Period: time.Duration(spec.MetricPeriod) * time.Second,
	}})
	if err != nil || len(answers) == 0 {
		return nil //nolint:nilerr // the traffic is a nicety: without it the plan says what it reckons with
	}
	buckets := answers[0].Buckets
	if total := analysis.Sum(buckets).Total(); total > 0 {
		world.RequestsPerMinute = total / float64(len(buckets)*spec.MetricPeriod) * 60
	}
	return nil
}
