package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"serin/internal/aws"
	"serin/internal/engine"
	"serin/internal/specfile"
)

// backFlags say that a service goes back to the version before, how fast, and why.
type backFlags struct {
	previous, fast bool
	reason         string
}

func (f *backFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.previous, "previous", false, "deploy the version before the present one: of SERVICE, as it was last rolled out, or as FILE says")
	flags.BoolVar(&f.fast, "fast", false, "go to 100 in one step, then bake; everything else holds")
	flags.StringVar(&f.reason, "reason", "", "why, for the journal")
}

// refusal says which other flags make no sense beside these; nil when all do.
func (f *backFlags) refusal(all *deployFlags) error {
	switch {
	case all.resume && (f.previous || f.fast || f.reason != ""):
		return errors.New("--resume goes on with a rollout as it was begun: leave --previous, --fast and --reason out")
	case f.previous && all.sandbox:
		return errors.New("--sandbox makes a new sandbox, where no service has a --previous version")
	case f.previous && all.spec.image != "":
		return errors.New("--previous finds the image: leave --image out, or --previous")
	}
	return nil
}

// fileOrService takes the name of a deploy.json or, with --previous, of a service.
func fileOrService(flags *deployFlags) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if flags.back.previous && len(args) == 0 {
			return usage(cmd, "give a service, such as yelb-appserver, or its deploy.json")
		}
		return files(1)(cmd, args)
	}
}

// namesService tells whether an argument is a service's name and no file's: a dot or a
// slash can be in no service's name.
func namesService(argument string) bool { return !strings.ContainsAny(argument, `./\`) }

// nameService is read of a service whose deploy.json is the journal's: nothing more is
// known of it yet.
func (d *deployment) nameService() {
	d.spec = engine.Spec{
		EnvironmentName: cmp.Or(d.flags.spec.environment, postEnvironment), MicroserviceName: d.file,
	}
	d.again = "serin takeover " + d.file
	if d.spec.EnvironmentName != postEnvironment {
		d.again += " --env " + d.spec.EnvironmentName
	}
	d.file = ""
}

// chooseVersion settles what is deployed: the version that the file names or, with
// --previous, the one before the present one.
func (d *deployment) chooseVersion(ctx context.Context) error {
	if !d.flags.back.previous {
		return nil
	}
	found, err := engine.FindPrevious(ctx, d.account.archive(), d.journal, d.account.key(d.spec))
	if refusal, is := errors.AsType[*engine.Refusal](err); is {
		return badInput(cmp.Or(d.unheardOf(ctx), error(refusal)))
	}
	if err != nil {
		return err
	}
	d.previous = found
	if d.spec, err = d.previousSpec(found); err != nil {
		return badInput(err)
	}
	d.warn(fmt.Sprintf("the version before %s is %s, recorded as version %d at %s by %s: deploying it as %s, the way %s says; %s",
		found.PresentWords(), found.Before.Image, found.Before.Number, found.Before.At.UTC().Format(time.RFC3339), found.Before.By,
		d.spec.Sha, d.file, found.Grounds()))
	return nil
}

// unheardOf says that there is no such service, where nothing is recorded of it and the
// mesh has no router for it; nil where there is one, or that cannot be found out.
func (d *deployment) unheardOf(ctx context.Context) error {
	key := d.account.key(d.spec)
	records, err := d.account.archive().History(ctx, engine.Service{Environment: key.Environment, Name: key.Service})
	if err != nil || len(records) > 0 {
		return nil //nolint:nilerr // what is known already is said then
	}
	services, err := d.account.clients.Catalogue("").Services(ctx, key.Environment)
	if err != nil {
		return nil //nolint:nilerr // as above
	}
	var names []string
	for _, service := range services {
		names = append(names, service.Name)
	}
	if slices.Contains(names, key.Service) {
		return nil
	}
	return fmt.Errorf("there is no service %s in %s%s", key.Service, key.Environment, meant("", key.Service, names))
}

// previousSpec is how the version before is deployed: as the file says or, without one,
// as the service was last rolled out.
func (d *deployment) previousSpec(found *engine.Previous) (engine.Spec, error) {
	version := specFlags{
		sha: cmp.Or(d.flags.spec.sha, found.Sha), image: found.Before.Image,
		environment: d.flags.spec.environment, template: d.flags.spec.template, set: d.flags.spec.set,
	}
	if version.sha == "" {
		return engine.Spec{}, fmt.Errorf("the image before the present one, %s, does not tell the name of its version: give it with --sha", found.Before.Image)
	}
	key := d.account.key(d.spec)
	var spec engine.Spec
	var err error
	switch {
	case d.file != "":
		spec, err = version.load(d.file)
	case found.Spec == nil:
		return spec, fmt.Errorf("the journal knows no rollout of %s in %s, so nobody knows how it is rolled out: name its deploy.json, as in serin deploy FILE --previous",
			key.Service, key.Environment)
	default:
		d.file = recalled(found)
		spec, err = specfile.Again(d.file, *found.Spec, version.options())
	}
	if err == nil && d.account.key(spec) != key {
		err = errors.New("--set: the environment and the service of a --previous version cannot be others: name them with --env and as the argument")
	}
	if err == nil {
		err = complete(d.file, spec)
	}
	return spec, err
}

// recalled names what stands in place of a deploy.json in messages.
func recalled(found *engine.Previous) string {
	words := "the deploy.json of rollout " + found.Of
	if found.As != found.Of {
		words += " with the template of rollout " + found.As
	}
	return words
}

// reason is why the rollout is started, for the journal.
func (d *deployment) reason() string {
	if d.previous == nil {
		return d.flags.back.reason
	}
	words := fmt.Sprintf("back to what was recorded as version %d", d.previous.Before.Number)
	if d.flags.back.reason == "" {
		return words
	}
	return d.flags.back.reason + " (" + words + ")"
}

// goesBackTo is the number of the record that the rollout goes back to; 0 where it goes on.
func (d *deployment) goesBackTo() int64 {
	if d.previous == nil {
		return 0
	}
	return d.previous.Before.Number
}

// isStillPresent refuses to begin when something else was deployed after the version
// before was found: it would be before another one.
func (d *deployment) isStillPresent(started *engine.Started) error {
	if d.previous == nil || started.Record.Number == d.previous.Present.Number {
		return nil
	}
	return fmt.Errorf("meanwhile somebody else recorded %s as version %d of %s: nothing was touched; look again which version is before it",
		started.Record.Image, started.Record.Number, started.Key.Service)
}

// archive is the history of the records of what is deployed.
func (a *account) archive() engine.Archive { return aws.NewVersions(a.clients.SSM, a.clients.Where) }
