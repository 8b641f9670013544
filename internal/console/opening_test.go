package console

import (
	"context"
	"errors"
	"strings"
	"testing"

	"serin/internal/engine"
	"serin/internal/ui/scene"
)

// Until there is a host nothing is asked of it, and whoever asks is told what is waited
// for; then everything is asked of the host.
func TestAnOpeningIsTheHostOnceItIsThere(t *testing.T) {
	o := NewOpening(Options{
		Where: engine.Key{Region: "us-west-2", Environment: "blog"}, Endpoint: "http://127.0.0.1:1",
	}, "connecting to AWS")
	shown, changed := o.Scene()
	if shown.Connecting != "connecting to AWS" || shown.Environment != "blog" || shown.Region != "us-west-2" || shown.Services != nil {
		t.Errorf("it shows %+v", shown)
	}
	for what, err := range askedOf(t, o) {
		if err == nil || !strings.Contains(err.Error(), "connecting to AWS") {
			t.Errorf("%s: %v", what, err)
		}
	}
	o.Attach(answering{})
	<-changed
	if shown, _ := o.Scene(); shown.Connecting != "" || shown.Account != "123456789012" {
		t.Errorf("it shows %+v", shown)
	}
	for what, err := range askedOf(t, o) {
		if !errors.Is(err, errAnswer) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// askedOf asks a host everything that it can be asked.
func askedOf(t *testing.T, h scene.Host) map[string]error {
	t.Helper()
	_, past := h.History(t.Context(), "")
	_, events := h.Events(t.Context(), "r1")
	_, images := h.Images(t.Context(), "app")
	_, proposal := h.Propose(t.Context(), scene.Order{Service: "app"})
	return map[string]error{
		"post": h.Post("app", engine.Command{Kind: engine.RollBack}), "propose": proposal,
		"deploy": h.Deploy(t.Context(), scene.Order{Service: "app"}), "take over": h.TakeOver(t.Context(), "app"),
		"images": images, "history": past, "events": events,
	}
}

var errAnswer = errors.New("the host's answer")

// answering is a host that answers everything alike.
type answering struct{}

var _ scene.Host = answering{}

func (answering) Scene() (scene.Scene, <-chan struct{}) {
	return scene.Scene{Account: "123456789012"}, nil
}
func (answering) Post(string, engine.Command) error { return errAnswer }
func (answering) Propose(context.Context, scene.Order) (scene.Proposal, error) {
	return scene.Proposal{}, errAnswer
}
func (answering) Deploy(context.Context, scene.Order) error              { return errAnswer }
func (answering) TakeOver(context.Context, string) error                 { return errAnswer }
func (answering) Images(context.Context, string) ([]string, error)       { return nil, errAnswer }
func (answering) History(context.Context, string) ([]scene.Past, error)  { return nil, errAnswer }
func (answering) Events(context.Context, string) ([]engine.Event, error) { return nil, errAnswer }
