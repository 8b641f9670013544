package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"serin/internal/engine"
	"serin/internal/specfile"
	"serin/internal/ui/scene"
)

// wanted is what an order means.
type wanted struct {
	spec engine.Spec
	// file names what the spec is of, for messages.
	file   string
	fast   bool
	reason string
	// back is the number of the record that it goes back to; 0 where it goes on.
	back int64
	// warning is what an operator should know of it; empty for nothing.
	warning string
}

// meant is what an order means, complete but for what the order lacks.
func (h *Host) meant(ctx context.Context, order scene.Order) (wanted, error) {
	if order.Previous {
		return h.goBack(ctx, order)
	}
	spec, file, err := h.ordered(ctx, order)
	return wanted{spec: spec, file: file, fast: order.Fast, reason: order.Reason}, err
}

// goBack finds the version before the present one. An order that was proposed names its
// image: should another be before the present one by now, that is an error.
func (h *Host) goBack(ctx context.Context, order scene.Order) (wanted, error) {
	if h.Archive == nil {
		return wanted{}, errors.New("this console cannot read what was deployed before")
	}
	found, err := engine.FindPrevious(ctx, h.Archive, h.Journal, h.key(order.Service))
	if err != nil {
		return wanted{}, err
	}
	if isAnother(order, found) {
		return wanted{}, fmt.Errorf("somebody else deployed %s meanwhile: the version before it is %s (%s), and not %s (%s) any more",
			order.Service, found.Before.Image, found.Sha, order.Image, order.Sha)
	}
	w := wanted{fast: order.Fast, reason: backWords(order.Reason, found), back: found.Before.Number, warning: fmt.Sprintf(
		"it was recorded as version %d at %s by %s; now it is %s; %s",
		found.Before.Number, found.Before.At.UTC().Format(time.RFC3339), found.Before.By, found.PresentWords(), found.Grounds())}
	w.spec, w.file, err = h.specOf(ctx, order, found)
	return w, err
}

// isAnother tells whether what was proposed is not the version before any more. Two
// versions may have one image; the name of one that has none was drawn.
func isAnother(order scene.Order, found *engine.Previous) bool {
	isDrawn := order.Sha == "" || found.Sha == ""
	return order.Image != "" && (order.Image != found.Before.Image || !isDrawn && order.Sha != found.Sha)
}

// specOf is how the version before is deployed, and the name that messages have for its
// file.
func (h *Host) specOf(ctx context.Context, order scene.Order, found *engine.Previous) (engine.Spec, string, error) {
	order.Sha, order.Image = cmp.Or(order.Sha, found.Sha), found.Before.Image
	if found.Spec == nil {
		return h.ordered(ctx, order)
	}
	file := "the deploy.json of rollout " + found.Of
	spec, err := specfile.Again(file, *found.Spec, specfile.Options{Sha: order.Sha, Image: order.Image, Set: order.Set})
	return h.drawn(spec), file, err
}

// backWords is why a service goes back, with what was said of it.
func backWords(said string, found *engine.Previous) string {
	words := fmt.Sprintf("back to what was recorded as version %d", found.Before.Number)
	if said == "" {
		return words
	}
	return said + " (" + words + ")"
}
