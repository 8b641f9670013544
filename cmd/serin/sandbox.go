package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"serin/internal/sandbox"
	"serin/internal/sandbox/fault"
)

// sandboxFlags are those of serin sandbox.
type sandboxFlags struct {
	options sandbox.Options
	fault   string
	output  output
}

func newSandbox(p *program) *cobra.Command {
	flags := sandboxFlags{options: sandbox.Defaults()}
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Run a region of AWS on this machine, with Yelb in it, until it is interrupted",
		Long: "Sandbox serves the APIs that serin uses on loopback, runs Yelb behind them and sends it visitors. It\n" +
			"prints the exports that point serin and the AWS CLI at it, and the address of Yelb's page. Nothing of\n" +
			"it is left when it ends.\n" +
			"\n" + faultHelp,
		Example: "  serin sandbox\n" +
			"  serin sandbox --empty --address 127.0.0.1:8470\n" +
			"  serin sandbox --rate 200 --metric-delay 2m --output json\n" +
			"  serin sandbox --fault 'appmesh:UpdateRoute#2=throttle,cloudwatch:*@0.2=500,seed=7'",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.sandbox(cmd, &flags) },
	}
	flags.register(cmd)
	return cmd
}

func (f *sandboxFlags) register(cmd *cobra.Command) {
	flags, o := cmd.Flags(), &f.options
	flags.BoolVar(&o.Empty, "empty", false, "leave Yelb out: an environment without a deployed service")
	flags.Float64Var(&o.Rate, "rate", o.Rate, "how many requests a second the visitors send")
	flags.DurationVar(&o.MetricDelay, "metric-delay", o.MetricDelay, "how late metrics are")
	flags.Float64Var(&o.Pace, "pace", o.Pace, "how long the control planes take, relative to AWS's: 1 is as long, 0 no time")
	flags.StringVar(&o.Address, "address", "", "`host:port` of the APIs (default a free port of 127.0.0.1)")
	flags.StringVar(&o.PageAddress, "page-address", "", "`host:port` of Yelb's page (default a free port of 127.0.0.1)")
	flags.StringVar(&o.Environment, "env", o.Environment, "name of the environment")
	flags.StringVar(&o.Region, "region", o.Region, "region to pretend to be")
	flags.StringVar(&f.fault, "fault", "", faultUsage)
	f.output.register(cmd)
}

// faultUsage describes --fault, wherever it is.
const faultUsage = "what goes wrong: a `plan` such as appmesh:UpdateRoute#2=throttle,stack:*=fail,seed=7, or a file with one (serin help sandbox)"

// faultHelp is all that a plan may say: in a text, in a file of such texts, or in one of JSON.
const faultHelp = `A plan of --fault is rules and settings: TARGET[#CALLS][@PROBABILITY]=FAULT[:BY], seed=NUMBER, for=DURATION.
In a file, which --fault may name, white space parts them as well as commas; or it holds them as JSON, as
here the plan appmesh:DescribeRoute#2-4@0.2=stale:5s,seed=7,for=10m:

  {
    "seed": 7, "for": "10m",
    "rules": [{"on": "appmesh:DescribeRoute", "calls": "2-4", "probability": 0.2, "fault": "stale", "by": "5s"}]
  }

A target is service:operation, stack:name or metric:name, with * for any. Calls are 2, 2-4 or 2-. By is how
old a stale answer is, in time or in calls (3), or how late a metric. A rule needs "on" and "fault" only.`

// faults reads the plan of --fault; nil without one.
func faults(plan string) (*fault.Plan, error) {
	if plan == "" {
		return nil, nil
	}
	return fault.Load(plan)
}

// problem is what is wrong with the values of the flags.
func (f *sandboxFlags) problem() error {
	for _, flag := range []struct {
		name  string
		value float64
	}{{"rate", f.options.Rate}, {"metric-delay", f.options.MetricDelay.Seconds()}, {"pace", f.options.Pace}} {
		if !(flag.value >= 0) { // not a number is not, either
			return fmt.Errorf("--%s %g: write 0 or more", flag.name, flag.value)
		}
	}
	for name, address := range map[string]string{"address": f.options.Address, "page-address": f.options.PageAddress} {
		if _, _, err := net.SplitHostPort(address); address != "" && err != nil {
			return fmt.Errorf("--%s %s: write host:port, such as 127.0.0.1:8470", name, address)
		}
	}
	return nil
}

func (p *program) sandbox(cmd *cobra.Command, flags *sandboxFlags) error {
	if err := flags.problem(); err != nil {
		return usage(cmd, "%w", err)
	}
	plan, err := faults(flags.fault)
	if err != nil {
		return usage(cmd, "%w", err)
	}
	flags.options.Faults = plan
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	region, err := sandbox.Start(ctx, flags.options)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer region.Close()
	if err := p.introduce(region, flags.output.json()); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// introduce prints how to reach a sandbox.
func (p *program) introduce(region *sandbox.Sandbox, asJSON bool) error {
	if asJSON {
		variables := map[string]string{}
		for _, export := range region.Exports() {
			name, value, _ := strings.Cut(export, "=")
			variables[name] = value
		}
		return json.NewEncoder(p.out).Encode(map[string]any{
			"endpoint": region.Endpoint(), "page": region.Page(), "account": region.Account(),
			"region": region.Region(), "environment": region.Environment(), "exports": variables,
		})
	}
	var text strings.Builder
	for _, export := range region.Exports() {
		text.WriteString("export " + export + "\n")
	}
	fmt.Fprintf(&text, "# Yelb: %s\n# environment %s, account %s; interrupt to end it\n", region.Page(), region.Environment(), region.Account())
	_, err := fmt.Fprint(p.out, text.String())
	return err
}

// private is a sandbox for one deployment.
type private struct {
	endpoint, region, page string
	// directory is for what shall not outlive the sandbox.
	directory string
	close     func()
}

// startPrivate starts a sandbox with the environment of the post, or with the one that
// --env names: another name in the specfile is a mistake here as it is in an account.
// Its metrics are no later than the spec says that metrics are.
func (d *deployment) startPrivate(ctx context.Context) (*private, error) {
	directory, err := os.MkdirTemp("", "serin-sandbox-")
	if err != nil {
		return nil, err
	}
	options := sandbox.Defaults()
	options.Faults = d.faults
	if d.flags.spec.environment != "" {
		options.Environment = d.flags.spec.environment
	}
	options.MetricDelay = min(options.MetricDelay, time.Duration(d.spec.MetricDelay)*time.Second)
	if d.flags.account.region != "" {
		options.Region = d.flags.account.region
	}
	region, err := sandbox.Start(ctx, options)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(directory))
	}
	return &private{
		endpoint: region.Endpoint(), region: region.Region(), page: region.Page(), directory: directory,
		close: func() {
			region.Close()
			if err := os.RemoveAll(directory); err != nil {
				d.say(err)
			}
		},
	}, nil
}
