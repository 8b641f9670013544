package main

import (
	"context"
	"os"
	"os/user"
	"strconv"

	"serin/internal/aws"
	"serin/internal/engine"
	"serin/internal/specfile"
)

// placeOfProcess stands between a machine and the number of a process in a driver's
// place.
const placeOfProcess = ", pid "

// account is an AWS account, or a sandbox that stands for one, with whoever calls it.
type account struct {
	clients *aws.Clients
	caller  aws.Caller
	ports   engine.Ports
}

// connect reaches the account that the flags and the environment mean; endpoint is a
// sandbox's that answers in its place, and empty without one.
func connect(ctx context.Context, flags accountFlags, endpoint string) (*account, error) {
	clients, err := aws.Connect(ctx, aws.Options{
		Profile: flags.profile, Region: flags.region, Sandbox: endpoint, Version: version,
	})
	if err != nil {
		return nil, err
	}
	caller, err := aws.Identify(ctx, clients.STS, clients.Where)
	if err != nil {
		return nil, err
	}
	return &account{clients: clients, caller: caller, ports: clients.Ports("")}, nil
}

// key is the service of a spec in this account.
func (a *account) key(spec engine.Spec) engine.Key {
	return engine.Key{
		Account: a.caller.Account, Region: a.caller.Region,
		Environment: spec.EnvironmentName, Service: spec.MicroserviceName,
	}
}

// driver is this process as the driver of a rollout. Without a console it is unattended:
// there is nobody who could answer.
func (a *account) driver(lookup func(string) (string, bool), attended bool) engine.Driver {
	return engine.Driver{
		Actor:      a.caller.ARN,
		Place:      place(lookup) + placeOfProcess + strconv.Itoa(os.Getpid()),
		Unattended: !attended,
	}
}

// actor is whoever asks something of a rollout: the caller's ARN, and from where.
func (a *account) actor(lookup func(string) (string, bool)) string {
	return engine.Driver{Actor: a.caller.ARN, Place: place(lookup)}.String()
}

// place is where this process runs: the build in CodeBuild, and the user at a host
// elsewhere.
func place(lookup func(string) (string, bool)) string {
	name := ""
	if who, err := user.Current(); err == nil {
		name = who.Username
	}
	host, _ := os.Hostname()
	return aws.DriverName(lookup, name, host)
}

// preflight asks AWS about everything that a rollout will need. The problems are lines
// for the operator, which name file; the error is what could not be asked.
func (a *account) preflight(ctx context.Context, spec engine.Spec, file string) ([]string, error) {
	template, err := specfile.Inspect(spec.CanaryTemplate)
	if err != nil {
		return nil, err
	}
	parameters := spec.Parameters()
	found, err := aws.NewPreflight(a.clients, "").Run(ctx, aws.Wanted{
		Service: spec.Service(), Sha: spec.Sha, Image: spec.ContainerImage,
		Template: spec.CanaryTemplate, Parameters: parameters,
		Exports: template.ImportNames(parameters), Alarms: spec.Alarms,
	})
	problems := make([]string, len(found))
	for i, problem := range found {
		problems[i] = (&engine.FieldError{
			File: file, Field: problem.Field, Problem: problem.Problem, Mend: problem.Mend,
		}).Error()
	}
	return problems, err
}
