// Package guide leads through the demo: what there is to do, as data, and what of it is
// done, found in scenes. The tour does the same by itself.
//
// It imports the standard library, serin/internal/engine, and serin/internal/ui/scene and
// screen.
package guide

import (
	"cmp"
	"slices"
	"strings"
	"time"

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

// seen is how many metric periods with visitors there must be before the charts show
// something; looking is how long the first step is shown, unless the second is done: time
// to read it, and to look at the page.
const (
	seen    = 12
	looking = time.Minute
)

// step is one thing to do. text may hold {page}, the address of Yelb's page. A step is
// about a rollout of image; should that end before the step is done, again says what to do.
// The texts fit into two lines of the smallest terminal.
type step struct {
	title, text  string
	done         func(scene.Service) bool
	image, again string
}

// steps are those of the post that the demo is of: a fix that succeeds, a version on the
// wrong port that is rolled back; and what a person can do about a third one.
func steps() []step {
	return []step{
		{
			title: "Look at Yelb",
			text: "Open {page} and vote: each vote counts twice, a planted mistake. " +
				"The charts show the answers that visitors get.",
			done: isLookedAt,
		},
		{
			title: "Deploy the fix",
			text: "Press d, choose " + Service + " and the image " + Fixed + ", and start it. " +
				"It gets no traffic before all its tasks are healthy.",
			done: isDeployed(Fixed),
		},
		{
			title: "Watch it",
			text: "Its weight grows step by step; the verdict compares its 5xx with the threshold. " +
				"Reload {page}: two app servers answer in turns.",
			done: isWatched, image: Fixed, again: "Deploy it again, to watch it: press d, with " + Fixed + ".",
		},
		{
			title: "Promote early",
			text:  "Sure of it? p takes the next step now; P goes to 100 % at once and asks first.",
			done:  isPromoted, image: Fixed, again: "Any rollout can be promoted: deploy one with d, and press p when it holds.",
		},
		{
			title: "See it through",
			text: "At 100 % it bakes, with the old version still alive, which is then removed. " +
				"Vote at {page}: a vote counts once now.",
			done: hasEnded(Fixed, engine.Succeeded), image: Fixed, again: "Deploy it again: press d, with " + Fixed + ".",
		},
		{
			title: "Deploy a broken version",
			text: "Press d again, with " + WrongPort + ": it listens where nobody calls. " +
				"Its health check is off, as in the post.",
			done: isDeployed(WrongPort),
		},
		{
			title: "See the roll back",
			text: "Reload {page}: some pages have no votes. When the 5xx are known the verdict fails, " +
				"and all traffic goes back at once.",
			done: isRolledBack(WrongPort, engine.ByVerdict), image: WrongPort,
			again: "Deploy it again, and let it go on: press d, with " + WrongPort + ".",
		},
		{
			title: "Deploy a flaky one and pause it",
			text: "Press d, with " + Flaky + ", which fails 5 requests of a hundred. Within 40 s of its first " +
				"traffic press space: its weight stays.",
			done: isPaused, image: Flaky, again: "Deploy it again, with d, and press space within 40 s of its first traffic.",
		},
		{
			title: "Roll back by hand",
			text: "Seen enough? Press r, then enter; a reason is kept in the journal. h shows the history. " +
				"q leaves, and nothing of the demo is left.",
			done: isRolledBack(Flaky, engine.ByPerson), image: Flaky,
			again: "Deploy it again, with d, pause it with space, and press r.",
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
	service := serviceIn(shown)
	for i, one := range all {
		grown[i] = grown[i] || one.done(service)
	}
	return grown
}

// serviceIn is the demo's service; zero, of which nothing is done, where it is not seen.
func serviceIn(shown scene.Scene) scene.Service {
	at := slices.IndexFunc(shown.Services, func(service scene.Service) bool { return service.Name == Service })
	if at < 0 {
		return scene.Service{}
	}
	return shown.Services[at]
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

// Panel is the guide as it is shown with a scene: the first step that is not done in full,
// and the last one when all are.
func (p Progress) Panel(shown scene.Scene) *screen.Guide {
	all, service := steps(), serviceIn(shown)
	panel := &screen.Guide{Title: "The demo", Present: len(all) - 1}
	for i, one := range all {
		done, text := i < len(p) && p[i], one.text
		if !done {
			panel.Present = min(panel.Present, i)
			text = cmp.Or(one.over(service), text)
		}
		panel.Steps = append(panel.Steps, screen.GuideStep{
			Title: one.title, Text: strings.ReplaceAll(text, "{page}", shown.Page), Done: done,
		})
	}
	return panel
}

// over says how the rollout ended that the step is about, and what to do now; empty while
// it has not.
func (s step) over(service scene.Service) string {
	rollout := rolloutOf(service, s.image)
	if s.image == "" || rollout == nil || rollout.Rollout.Outcome == "" {
		return ""
	}
	how := rollout.Rollout.Outcome.Past()
	if cause := rollout.Rollout.Cause; cause != nil && cause.Kind == engine.ByVerdict {
		how += " by its verdict"
	}
	return "That rollout " + how + ". " + s.again
}

// Follow is a guide that keeps its progress from scene to scene. It is not safe for
// concurrent use.
func Follow() func(scene.Scene) *screen.Guide {
	var progress Progress
	return func(shown scene.Scene) *screen.Guide {
		progress = progress.After(shown)
		return progress.Panel(shown)
	}
}
