package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"serin/internal/engine"
	"serin/internal/specfile"
)

// choice is a flag that takes one of a few words.
type choice struct {
	value   string
	allowed []string
}

var _ pflag.Value = (*choice)(nil)

// String is the chosen word.
func (c *choice) String() string { return c.value }

// Type is the words, as help shows them.
func (c *choice) Type() string { return strings.Join(c.allowed, "|") }

// Set chooses a word.
func (c *choice) Set(value string) error {
	if !slices.Contains(c.allowed, value) {
		return fmt.Errorf("write %s", strings.Join(c.allowed, " or "))
	}
	c.value = value
	return nil
}

// completes has the shell offer the words for a flag of a command.
func (c *choice) completes(cmd *cobra.Command, flag string) {
	offer := cobra.FixedCompletions(c.allowed, cobra.ShellCompDirectiveNoFileComp)
	if err := cmd.RegisterFlagCompletionFunc(flag, offer); err != nil {
		panic(err) // the flag is registered just before
	}
}

// output is the flag --output.
type output struct{ choice }

func (o *output) register(cmd *cobra.Command) {
	o.choice = choice{"text", []string{"text", "json"}}
	cmd.Flags().VarP(&o.choice, "output", "o", "how to write to stdout: words for people, or JSON, one object a line")
	o.completes(cmd, "output")
}

func (o *output) json() bool { return o.value == "json" }

// accountFlags say whose account is meant, and where.
type accountFlags struct {
	profile, region string
}

func (f *accountFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.profile, "profile", "", "profile of the AWS configuration")
	cmd.Flags().StringVar(&f.region, "region", "", "AWS region")
}

// specFlags lay values over those of a deploy.json.
type specFlags struct {
	environment, sha, image, template string
	set                               []string
}

func (f *specFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.environment, "env", "", "environment, in place of EnvironmentName")
	flags.StringVar(&f.sha, "sha", "", "name of the version, in place of Sha")
	flags.StringVar(&f.image, "image", "", "image of the version, in place of ContainerImage")
	flags.StringVar(&f.template, "template", "", "file of the version's template, in place of CanaryTemplate (default: canary-helper.yaml beside FILE)")
	flags.StringArrayVar(&f.set, "set", nil, "`Field=Value` over the file's; dotted for nested fields, may be repeated")
}

// load reads a deploy.json with the flags laid over it. What is wrong with it is bad
// input.
func (f *specFlags) load(file string) (engine.Spec, error) {
	spec, err := specfile.Load(file, f.options())
	return spec, badInput(err)
}

// options are the flags as they are laid over a spec.
func (f *specFlags) options() specfile.Options {
	settings := slices.Clone(f.set)
	if f.environment != "" {
		settings = append(settings, "EnvironmentName="+f.environment)
	}
	return specfile.Options{Set: settings, Sha: f.sha, Image: f.image, Template: f.template}
}
