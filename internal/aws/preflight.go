package aws

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"serin/internal/engine"
)

// Problem is one thing that must be mended before a rollout can start.
type Problem struct {
	// Field is where the operator wrote it, in deploy.json's words.
	Field string
	// Value is what they wrote.
	Value string
	// Problem says what is wrong with it, Mend what to do; Mend may be empty.
	Problem, Mend string
}

// Wanted is what a rollout will need.
type Wanted struct {
	Service    engine.Service
	Sha, Image string
	// Template is the version's, Parameters what it will be given.
	Template   []byte
	Parameters map[string]string
	// Exports are the names of what the template imports.
	Exports []string
	Alarms  []string
}

// Preflight asks what must be true before anything is touched. It writes nothing. That the
// route gives nothing to the version yet is engine.Prepare's to say.
type Preflight struct {
	router *Router
	stacks *Stacks
	alarms *Metrics
	images *Images
}

// NewPreflight asks through these clients; meshOwner is as in NewRouter.
func NewPreflight(clients *Clients, meshOwner string) *Preflight {
	return &Preflight{
		router: NewRouter(clients.AppMesh, clients.Where, meshOwner),
		stacks: NewStacks(clients.CloudFormation, clients.Where),
		alarms: NewMetrics(clients.CloudWatch, clients.Where),
		images: NewImages(clients.ECR, clients.Where),
	}
}

// check finds problems, or an error when it could not look.
type check func(ctx context.Context, wanted Wanted) ([]Problem, error)

// Run makes all checks at once and returns all problems, in the order of the checks. An
// error says what could not be checked (denied, a lost connection); there may be
// problems beside it.
func (p *Preflight) Run(ctx context.Context, wanted Wanted) ([]Problem, error) {
	checks := []check{p.route, p.otherRoutes, p.template, p.exports, p.image, p.stackName, p.alarmNames}
	found, failed := make([][]Problem, len(checks)), make([]error, len(checks))
	var group sync.WaitGroup
	for i, look := range checks {
		group.Go(func() { found[i], failed[i] = look(ctx, wanted) })
	}
	group.Wait()
	return slices.Concat(found...), errors.Join(failed...)
}

// problemOf is the problem that a fault is, where the operator can mend it in what they
// wrote; other errors stay errors.
func problemOf(field, value string, err error) ([]Problem, error) {
	fault, ok := errors.AsType[*engine.Fault](err)
	if !ok {
		return nil, err
	}
	switch fault.Kind {
	case engine.NotFound, engine.Conflict, engine.Invalid:
		return []Problem{{Field: field, Value: value, Problem: fault.Err.Error(), Mend: fault.Hint}}, nil
	default:
		return nil, err
	}
}

// route: the mesh and the virtual router are there, and the route, if there is one, is
// of the service's protocol and can be written back unchanged.
func (p *Preflight) route(ctx context.Context, wanted Wanted) ([]Problem, error) {
	service := wanted.Service
	route, err := p.router.Route(ctx, service)
	if engine.KindOf(err) == engine.Invalid {
		return problemOf("MicroserviceName", service.Name, err)
	}
	if err != nil {
		return problemOf("EnvironmentName", service.Environment, err)
	}
	if !route.Exists {
		return nil, nil
	}
	spec, err := readDocument(route.Document)
	if err != nil {
		return problemOf("MicroserviceName", service.Name, unlawful("read the", service, err))
	}
	if speaks := protocolOf(spec); speaks != service.Protocol {
		return []Problem{{
			Field: "Protocol", Value: string(service.Protocol),
			Problem: fmt.Sprintf("%s is for %s", routeTarget(service), speaks),
			Mend:    fmt.Sprintf("write %q, or remove the route", string(speaks)),
		}}, nil
	}
	return nil, nil
}

// otherRoutes: no route but the service's own names its versions. Such a one would keep
// its traffic on the old version, which is removed in the end.
func (p *Preflight) otherRoutes(ctx context.Context, wanted Wanted) ([]Problem, error) {
	others, err := p.router.OtherRoutes(ctx, wanted.Service, "")
	if err != nil || len(others) == 0 {
		return nil, err
	}
	return []Problem{{
		Field: "MicroserviceName", Value: wanted.Service.Name,
		Problem: fmt.Sprintf("%s of its virtual router also name versions of it, and Serin moves %s alone", list(others), routeName(wanted.Service)),
		Mend:    "take the versions off those routes first",
	}}, nil
}

// template: CloudFormation takes it, it has every parameter that it will be given, and
// it is given every one that has no default.
func (p *Preflight) template(ctx context.Context, wanted Wanted) ([]Problem, error) {
	template, err := p.stacks.Template(ctx, wanted.Template)
	if err != nil {
		return problemOf("CanaryTemplate", "", err)
	}
	var problems []Problem
	for _, name := range slices.Sorted(maps.Keys(wanted.Parameters)) {
		if _, has := template.Parameters[name]; !has {
			problems = append(problems, Problem{
				Field: "TemplateParameters", Value: name, Problem: "the template has no parameter " + clean(name),
				Mend: "declare it in the template, or leave it out",
			})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(template.Parameters)) {
		if _, given := wanted.Parameters[name]; !given && !template.Parameters[name] {
			problems = append(problems, Problem{
				Field: "TemplateParameters", Value: clean(name), Problem: "the template's parameter " + clean(name) + " has no value",
				Mend: "give it in TemplateParameters, or a default in the template",
			})
		}
	}
	return problems, nil
}

// exports: what the template imports is there.
func (p *Preflight) exports(ctx context.Context, wanted Wanted) ([]Problem, error) {
	if len(wanted.Exports) == 0 {
		return nil, nil
	}
	there, err := p.stacks.Exports(ctx)
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, name := range unique(wanted.Exports) {
		if _, exported := there[name]; !exported {
			missing = append(missing, clean(name))
		}
	}
	if len(missing) == 0 {
		return nil, nil
	}
	return []Problem{{
		Field: "EnvironmentName", Value: wanted.Service.Environment,
		Problem: "no stack exports " + list(missing) + ", which the template imports",
		Mend:    "check EnvironmentName, the account and the region",
	}}, nil
}

// image: ECR has it, where ECR can be asked.
func (p *Preflight) image(ctx context.Context, wanted Wanted) ([]Problem, error) {
	if wanted.Image == "" {
		return nil, nil
	}
	if _, err := p.images.Check(ctx, wanted.Image); err != nil {
		return problemOf("ContainerImage", clean(wanted.Image), err)
	}
	return nil, nil
}

// stackName: no stack has the name that the version's will have. The stack of a version
// that the route names is no problem of its own, and none to delete: it serves.
func (p *Preflight) stackName(ctx context.Context, wanted Wanted) ([]Problem, error) {
	name := wanted.Service.StackName(wanted.Sha)
	stack, err := p.stacks.describe(ctx, "read", "stack "+name, name)
	if err != nil {
		return problemOf("Sha", wanted.Sha, err)
	}
	if stack == nil || stateOf(stack.StackStatus) == engine.StackAbsent {
		return nil, nil
	}
	if route, err := p.router.Route(ctx, wanted.Service); err == nil && route.Names(wanted.Sha) {
		return nil, nil
	}
	return []Problem{{Field: "Sha", Value: wanted.Sha, Problem: alreadyThere(name, stack), Mend: takenStackHint}}, nil
}

// alarmNames: every alarm is there.
func (p *Preflight) alarmNames(ctx context.Context, wanted Wanted) ([]Problem, error) {
	if len(wanted.Alarms) == 0 {
		return nil, nil
	}
	if _, err := p.alarms.Alarms(ctx, wanted.Alarms); err != nil {
		return problemOf("Alarms", list(wanted.Alarms), err)
	}
	return nil, nil
}
