package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"serin/internal/console"
	"serin/internal/engine"
	"serin/internal/journal"
	"serin/internal/sandbox"
	"serin/internal/ui/guide"
)

// demoFlags are those of serin demo.
type demoFlags struct {
	view     viewFlags
	rate     float64
	realTime bool
	set      []string
	script   choice
}

func newDemo(p *program) *cobra.Command {
	flags := demoFlags{script: choice{"", []string{"tour"}}}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Open the console on a sandbox with Yelb in it, and a guide: no account, no set-up",
		Long: "Demo runs a region of AWS on this machine, with Yelb and its visitors in it, and opens the console on both.\n" +
			"A guide leads through a fix, a version that is rolled back, and a version that is paused and rolled back\n" +
			"by hand; it shows the address of Yelb's page. Times are short, so that all of it takes minutes. Nothing\n" +
			"of it is left when it ends.\n\n" +
			"With --script tour it plays by itself, and exits with 0 when every step of the guide was done.",
		Example: "  serin demo\n" +
			"  serin demo --real-time                   with the post's times: ten minutes a rollout\n" +
			"  serin demo --script tour --no-motion",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.demo(cmd, &flags) },
	}
	flags.view.register(cmd)
	cmd.Flags().Float64Var(&flags.rate, "rate", sandbox.Defaults().Rate, "how many requests a second the visitors send")
	cmd.Flags().BoolVar(&flags.realTime, "real-time", false, "keep the post's times: a minute a step")
	cmd.Flags().StringArrayVar(&flags.set, "set", nil, "`Field=Value` over the demo's deploy.json; may be repeated")
	cmd.Flags().Var(&flags.script, "script", "play this by itself")
	flags.script.completes(cmd, "script")
	return cmd
}

// settings lay the demo's times over those of the carried specfiles. The health check of
// containers is off, as in the post, so that a version on the wrong port gets traffic.
func (f *demoFlags) settings() []string {
	times := []string{"MetricPeriod=1", "MetricDelay=2", "FailureThresholdTime=60"}
	if f.realTime {
		times = []string{"MetricPeriod=10", "MetricDelay=10"}
	}
	return slices.Concat([]string{"TemplateParameters.ContainerHealthCheck=off"}, times, usualPace.settings(f.realTime), f.set)
}

func (f *demoFlags) sandbox() sandbox.Options {
	options := sandbox.Defaults()
	options.Rate = f.rate
	if !f.realTime {
		options.MetricDelay = time.Second
	}
	return options
}

// demo runs the sandbox and the console on it. It prints nothing before the console has
// been left.
func (p *program) demo(cmd *cobra.Command, flags *demoFlags) error {
	if !(flags.rate >= 0) { // not a number is not, either
		return usage(cmd, "--rate %g: write 0 or more", flags.rate)
	}
	for _, setting := range flags.set {
		if _, err := engine.ParseSetting(setting); err != nil {
			return badInput(err)
		}
	}
	if !p.hasTerminal() {
		return usage(cmd, "the demo needs a terminal on both ends: use `serin sandbox`, and `serin deploy FILE --sandbox --ci`")
	}
	signals := interrupts()
	defer signal.Stop(signals)
	d := &demonstration{program: p, flags: flags, told: newNarrator()}
	s := newSession(p, flags.view, "hold", signals, d.told).onceThere(d.opening(), d.attach)
	s.shows.Guide, s.shows.Host = guide.Follow(), pacing{s.opening, flags}
	var err error
	if flags.script.value == "" {
		err = s.run(cmd.Context(), cmd.Context())
	} else {
		err = s.tour(cmd.Context(), flags.realTime)
	}
	s.summarise()
	return errors.Join(err, d.close())
}

// demonstration is the sandbox of a demo, and the journal that goes with it.
type demonstration struct {
	*program
	flags     *demoFlags
	told      *narrator
	region    *sandbox.Sandbox
	directory string
	log       *journal.SQLite
}

// opening is what is shown while the sandbox is started.
func (d *demonstration) opening() *console.Opening {
	return console.NewOpening(console.Options{Where: engine.Key{Environment: postEnvironment}}, "starting the sandbox")
}

// attach starts the sandbox and makes the host of a console on it.
func (d *demonstration) attach(ctx context.Context) (_ *console.Host, err error) {
	if d.region, err = sandbox.Start(ctx, d.flags.sandbox()); err != nil {
		return nil, err
	}
	there, err := connect(ctx, accountFlags{region: d.region.Region()}, d.region.Endpoint())
	if err != nil {
		return nil, err
	}
	if d.directory, err = os.MkdirTemp("", "serin-demo-"); err != nil {
		return nil, err
	}
	if d.log, err = journal.Open(ctx, filepath.Join(d.directory, "journal.db")); err != nil {
		return nil, err
	}
	options := there.hostOptions(d.program, d.region.Environment(), d.log, d.told)
	options.Page, options.Settings = d.region.Page(), d.flags.settings()
	return console.New(options), nil
}

// close ends what was started, however far attach came.
func (d *demonstration) close() error {
	var problems []error
	if d.log != nil {
		problems = append(problems, d.log.Close())
	}
	if d.directory != "" {
		problems = append(problems, os.RemoveAll(d.directory))
	}
	if d.region != nil {
		d.region.Close()
	}
	return errors.Join(problems...)
}

// tour plays the guide's steps by itself, on the console's own keys.
func (s *session) tour(ctx context.Context, realTime bool) error {
	keys, press := io.Pipe()
	s.shows.Input = keys
	player := guide.Player{
		Host: s.opening, Between: 400 * time.Millisecond, Again: 3 * time.Second, Limit: 2 * time.Minute,
		Press: func(key string) error {
			_, err := io.WriteString(press, key)
			return err
		},
	}
	if realTime {
		player.Limit = 20 * time.Minute
	}
	playing, stop := context.WithCancel(ctx)
	defer stop()
	shown, hide := context.WithCancel(ctx)
	defer hide()
	type end struct {
		progress guide.Progress
		err      error
	}
	ended := make(chan end, 1)
	go func() {
		progress, err := player.Play(playing)
		ended <- end{progress, err}
		hide()
	}()
	err := s.run(ctx, shown)
	stop()
	_ = keys.Close() // never fails
	how := <-ended
	switch missing := how.progress.Missing(); {
	case err != nil:
		return err
	case len(missing) > 0:
		return errors.Join(fmt.Errorf("the tour did not do: %s", strings.Join(missing, ", ")), how.err)
	}
	return nil
}
