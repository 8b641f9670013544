package console

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"serin/internal/engine"
	"serin/internal/ui/scene"
)

// Propose implements scene.Host.
func (h *Host) Propose(ctx context.Context, order scene.Order) (scene.Proposal, error) {
	wanted, err := h.meant(ctx, order)
	if err != nil {
		return scene.Proposal{}, err
	}
	started, err := h.prepare(ctx, wanted)
	if err != nil {
		return scene.Proposal{}, err
	}
	spec := wanted.spec
	proposal := scene.Proposal{
		Service: spec.MicroserviceName, Canary: spec.Sha, Image: spec.ContainerImage,
		Plan: started.Plan, Takes: started.Plan.Duration(spec), Warnings: warnings(started),
	}
	if wanted.warning != "" {
		proposal.Warnings = append(proposal.Warnings, wanted.warning)
	}
	if started.Stable != nil {
		proposal.Stable = started.Stable.Sha
	}
	return proposal, nil
}

// warnings are what an operator should know before a rollout starts.
func warnings(started *engine.Started) []string {
	var words []string
	if started.Stable == nil {
		words = append(words, "this is the first deployment: the canary gets all the traffic at once")
	}
	if started.Spec.Protocol.HasResponses() && started.Spec.OnNoData == engine.NoDataPasses {
		words = append(words, "a hold without any response of the canary passes (OnNoData)")
	}
	if started.Stable != nil && started.Stable.Image != "" && started.Stable.Image == started.Canary.Image {
		words = append(words, "this image is the one that is deployed already")
	}
	return words
}

// Deploy implements scene.Host.
func (h *Host) Deploy(ctx context.Context, order scene.Order) error {
	if h.ReadOnly {
		return errReadOnly
	}
	ctx, exit, err := h.enter(ctx)
	if err != nil {
		return err
	}
	defer exit()
	wanted, err := h.meant(ctx, order)
	if err != nil {
		return err
	}
	started, err := h.prepare(ctx, wanted)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	first := engine.Event{Seq: 1, At: h.Now(), Actor: h.Driver.String(), Body: started}
	// Whether it has begun must be known for certain, so whoever asked cannot end this.
	lease, err := h.Journal.Begin(context.WithoutCancel(ctx), started.ID, h.Driver, first)
	if err != nil {
		return err
	}
	if !h.start(lease, []engine.Event{first}, "", nil) {
		return errors.Join(fmt.Errorf("rollout %s began, and nobody drives it: %w", started.ID, errClosing), h.letGo(ctx, lease))
	}
	return nil
}

// prepare finds all that forbids a rollout, and changes nothing.
func (h *Host) prepare(ctx context.Context, wanted wanted) (*engine.Started, error) {
	spec, file := wanted.spec, wanted.file
	if err := spec.Complete(); err != nil {
		return nil, inForm(err)
	}
	if spec.Router.Type != engine.AppMesh {
		return nil, fmt.Errorf("%s: Router.Type: %s is a router that this serin cannot drive: write %s", file, spec.Router.Type, engine.AppMesh)
	}
	switch open, err := h.Journal.Current(ctx, h.key(spec.MicroserviceName)); {
	case err == nil:
		return nil, &engine.OpenError{Header: open}
	case !errors.Is(err, engine.ErrNoRollout):
		return nil, err
	}
	var problems []string
	var unknown error
	if h.Preflight != nil {
		problems, unknown = h.Preflight(ctx, spec, file)
	}
	now := h.Now()
	started, err := engine.Prepare(ctx, h.Ports, engine.Opening{
		ID: engine.NewID(now), Key: h.key(spec.MicroserviceName), Spec: spec, Driver: h.Driver,
		Conduct: engine.Conduct{Unattended: h.Driver.Unattended, ErrorLimit: h.ErrorLimit},
		Fast:    wanted.fast, Reason: wanted.reason, Back: wanted.back,
	})
	if refusal, is := errors.AsType[*engine.Refusal](err); is {
		for _, problem := range refusal.Problems {
			problems = append(problems, file+": "+problem)
		}
		err = nil
	}
	if len(problems) > 0 {
		return nil, lines(problems)
	}
	if unknown != nil {
		return nil, unknown
	}
	return started, err
}

// Images implements scene.Host: those of the repository that the deployed image is from,
// or of the one that has the service's name. In a sandbox the registry is left out.
func (h *Host) Images(ctx context.Context, service string) ([]string, error) {
	if h.Registry == nil {
		return nil, nil
	}
	h.mu.Lock()
	like := service
	if w := h.services[service]; w != nil && w.deployed.Image != "" {
		like = w.deployed.Image
	}
	h.mu.Unlock()
	if h.Page != "" {
		like = like[strings.LastIndex(like, "/")+1:]
	}
	return h.Registry.Tagged(ctx, like)
}
