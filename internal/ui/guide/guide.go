// Package guide leads through the demo: what there is to do, as data, and what of it is
// done, found in scenes. The tour does the same by itself.
//
// It imports the standard library, serin/internal/engine, and serin/internal/ui/scene and
// screen.
package guide

import (
	"slices"
	"strings"

	"serin/internal/engine"
	"serin/internal/ui/scene"
	"serin/internal/ui/screen"
)

// Service is the service that the demo deploys.
const Service = "yelb-appserver"

// The images that it deploys, in their order.
const (
	Fixed     = Service + ":fixed"
	WrongPort = Service + ":wrongport"
	Flaky     = Service + ":flaky"
)

// lookedAt is how many metric periods with visitors there must be before the first step
// counts as done: time to look at the page.
const lookedAt = 12

// step is one thing to do. text may hold {page}, the address of Yelb's page.
type step struct {
	title, text string
	done        func(scene.Service) bool
}

// steps are those of the post that the demo is of: a fix that succeeds, a version on the
// wrong port that is rolled back; and what a person can do about a third one.
func steps() []step {
	return []step{
		{
			"Look at Yelb", "Open {page} in a browser and vote: every vote counts twice, a planted mistake. " +
				"Here, every service has all its weight on one version, and visitors make the 2xx in the charts.",
			hasVisitors,
		},
		{
			"Deploy the fix", "Press d, choose " + Service + " and the image " + Fixed + ", and start it. Its version is made " +
				"beside the old one; it gets no traffic before all its tasks are healthy.",
			isDeployed(Fixed),
		},
		{
			"Watch it", "The canary's weight grows step by step, and each is read back. Reload {page}: the app server's " +
				"name changes between the two versions. The verdict compares the canary's 5xx with the threshold.",
			isWatched,
		},
		{
			"Promote early", "Sure of it? p takes the next step now; P goes to 100 % at once and asks first.",
			isPromoted,
		},
		{
			"See it through", "At 100 % it bakes, with the old version still alive. Then the old one is removed. Vote at " +
				"{page}: a vote counts once now.",
			hasEnded(Fixed, engine.Succeeded),
		},
		{
			"Deploy a broken version", "Press d again, with " + WrongPort + ": it listens on 4568, where nobody calls. " +
				"Its health check is off in the demo, as in the post: the first visitors find it out.",
			isDeployed(WrongPort),
		},
		{
			"See the roll back", "Reload {page}: some pages have no votes. As soon as the 5xx are known the verdict fails, " +
				"and all traffic goes back before anything else happens.",
			isRolledBack(WrongPort, engine.ByVerdict),
		},
		{
			"Deploy a flaky one and pause it", "Press d, with " + Flaky + ", which fails a few requests of a hundred. When it " +
				"has traffic press space: the weights stay as they are, and nothing moves until you say so.",
			isPaused,
		},
		{
			"Roll back by hand", "You have seen enough: press r, then enter. You may give a reason: it is in the journal " +
				"for ever. h shows the history. q leaves, and nothing of the demo is left.",
			isRolledBack(Flaky, engine.ByPerson),
		},
	}
}

// Progress is which steps are done, in their order; nil is none. It only grows.
type Progress []bool

// After is the progress with what a scene shows to be done. It changes nothing.
func (p Progress) After(shown scene.Scene) Progress {
	all := steps()
	grown := make(Progress, len(all))
	copy(grown, p)
	at := slices.IndexFunc(shown.Services, func(service scene.Service) bool { return service.Name == Service })
	if at < 0 {
		return grown
	}
	for i, one := range all {
		grown[i] = grown[i] || one.done(shown.Services[at])
	}
	return grown
}

// Missing are the titles of the steps that are not done.
func (p Progress) Missing() []string {
	var titles []string
	for i, one := range steps() {
		if i >= len(p) || !p[i] {
			titles = append(titles, one.title)
		}
	}
	return titles
}

// Panel is the guide as it is shown: the first step that is not done in full, and the
// last one when all are.
func (p Progress) Panel(page string) *screen.Guide {
	all := steps()
	panel := &screen.Guide{Title: "The demo", Present: len(all) - 1}
	for i, one := range all {
		done := i < len(p) && p[i]
		panel.Steps = append(panel.Steps, screen.GuideStep{
			Title: one.title, Text: strings.ReplaceAll(one.text, "{page}", page), Done: done,
		})
		if !done {
			panel.Present = min(panel.Present, i)
		}
	}
	return panel
}

// Follow is a guide that keeps its progress from scene to scene. It is not safe for
// concurrent use.
func Follow() func(scene.Scene) *screen.Guide {
	var progress Progress
	return func(shown scene.Scene) *screen.Guide {
		progress = progress.After(shown)
		return progress.Panel(shown.Page)
	}
}
