package console

import (
	"context"

	"serin/internal/engine"
	"serin/internal/ui/scene"
)

// History implements scene.Host.
func (h *Host) History(ctx context.Context, service string) ([]scene.Past, error) {
	headers, err := h.Journal.Rollouts(ctx, h.key(service), pastShown)
	if err != nil {
		return nil, err
	}
	past := make([]scene.Past, 0, len(headers))
	for _, header := range headers {
		events, err := h.Journal.Events(ctx, header.ID, 0)
		if err != nil {
			return nil, err
		}
		past = append(past, scene.Past{Header: header, Rollout: engine.Fold(events)})
	}
	return past, nil
}

// pastShown is how many rollouts the history goes back.
const pastShown = 50

// Events implements scene.Host.
func (h *Host) Events(ctx context.Context, rollout string) ([]engine.Event, error) {
	return h.Journal.Events(ctx, rollout, 0)
}
