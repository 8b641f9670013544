// Package guide leads through the demo: what there is to do, as data, and what of it is
// done, found in scenes. The tour does the same by itself.
//
// It imports the standard library, serin/internal/engine, and serin/internal/ui/scene and
// screen.
package guide

import (
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
// to read it, and to look at the page. Lingering is how long a step that is done says where
// to look now.
const (
	seen      = 12
	looking   = time.Minute
	lingering = 15 * time.Second
)

// words are what is said, and the same in brief for a narrow screen, when it needs to be
// shorter there. Both may hold {page}, the address of Yelb's page. The text fits into two
// lines of a screen of 80 columns, the brief one into two of the smallest.
type words struct{ text, brief string }

// on are the words where the page has an address.
func (w words) on(page string) words {
	in := strings.NewReplacer("{page}", page)
	return words{in.Replace(w.text), in.Replace(w.brief)}
}

// step is one thing to do. A step is about a rollout of image; should that end before the
// step is done, again says what to do. Where afterwards says something, it is said for a
// while when the step is done.
type step struct {
	title string
	words
	done         func(scene.Service) bool
	image, again string
	afterwards   words
}

// steps are those of the post that the demo is of: a fix that succeeds, a version on the
// wrong port that is rolled back; and what a person can do about a third one.
func steps() []step {
	return []step{
		{
			title: "Look at Yelb",
			words: words{
				"Open {page} and vote: each vote counts twice, a planted mistake. " +
					"enter shows the charts of the answers that visitors get.",
				"Vote at {page}: each vote counts twice, a planted mistake. enter, then down, shows the charts.",
			},
			done: isLookedAt,
		},
		{
			title: "Deploy the fix",
			words: words{
				"Press d, choose " + Service + " and the image " + Fixed + ", and start it. " +
					"It gets no traffic before all its tasks are healthy.",
				"Press d, with the image " + Fixed + ": it gets no traffic before its tasks are healthy.",
			},
			done: isDeployed(Fixed),
		},
		{
			title: "Watch it",
			words: words{
				"Its weight grows step by step; the verdict compares its 5xx with the threshold. " +
					"Reload {page}: two app servers answer in turns.",
				"Its weight grows step by step. Reload {page}: two app servers answer in turns.",
			},
			done: isWatched, image: Fixed, again: "Deploy it again, to watch it: press d, with " + Fixed + ".",
		},
		{
			title: "Promote early",
			words: words{text: "Sure of it? p takes the next step now; P goes to 100 % at once and asks first."},
			done:  isPromoted, image: Fixed, again: "Any rollout can be promoted: deploy one with d, and press p when it holds.",
		},
		{
			title: "See it through",
			words: words{
				"At 100 % it bakes, and from then on each vote at {page} counts once; " +
					"before, some count twice. Then the old version is removed.",
				"At 100 % it bakes: from then on each vote counts once. Then the old version is removed.",
			},
			done: hasEnded(Fixed, engine.Succeeded), image: Fixed, again: "Deploy it again: press d, with " + Fixed + ".",
		},
		{
			title: "Deploy a broken version",
			words: words{
				"Press d again, with " + WrongPort + ": it listens where nobody calls. " +
					"Its health check is off, as in the post.",
				"Press d, with " + WrongPort + ": it listens where nobody calls.",
			},
			done: isDeployed(WrongPort),
		},
		{
			title: "See the roll back",
			words: words{
				"Reload {page}: some pages have no votes. The demo lets it fail for some 25 s: " +
					"100 5xx, not 20. Then all traffic goes back at once.",
				"Reload {page}: some pages have no votes. After some 25 s all traffic goes back.",
			},
			done: isRolledBack(WrongPort, engine.ByVerdict), image: WrongPort,
			again:      "Deploy it again, and let it go on: press d, with " + WrongPort + ".",
			afterwards: whereToLook(),
		},
		{
			title: "Deploy a flaky one and pause it",
			words: words{
				"Press d, with " + Flaky + ", which fails 5 requests of a hundred. Within 40 s of its first " +
					"traffic press space: its weight stays.",
				"Press d, with " + Flaky + ". Within 40 s of its first traffic press space: its weight stays.",
			},
			done: isPaused, image: Flaky, again: "Deploy it again, with d, and press space within 40 s of its first traffic.",
		},
		{
			title: "Roll back by hand",
			words: words{text: "Seen enough? Press r, then enter; a reason may be typed, and is kept in the journal."},
			done:  isRolledBack(Flaky, engine.ByPerson), image: Flaky,
			again: "Deploy it again, with d, pause it with space, and press r.",
		},
	}
}

// whereToLook is said after a roll back.
func whereToLook() words {
	return words{
		"All traffic is back, the broken version removed. Look at its 5xx in the charts (enter, down), " +
			"at what happened (e), at the history (h).",
		"All traffic is back. Look at the charts (enter, down), at what happened (e), at the history (h).",
	}
}

// closing is what is said when all steps are done.
func closing() step {
	return step{title: "That was the demo", words: words{
		"You saw a fix go through, one version sent back by its verdict, and one by you. " +
			"q leaves, and nothing is left. Next: serin --help, README.md.",
		"A fix went through, two versions went back. q leaves. Next: serin --help, README.md.",
	}}
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
// and how to go on from the demo when all are.
func (p Progress) Panel(shown scene.Scene) *screen.Guide {
	all, service := append(steps(), closing()), serviceIn(shown)
	last := len(all) - 1
	panel := &screen.Guide{Title: "The demo", Present: last}
	for i, one := range all {
		done, said := i < len(p) && p[i] || i == last && len(p.Missing()) == 0, one.words
		if !done {
			panel.Present = min(panel.Present, i)
			said = one.over(service)
		}
		said = said.on(shown.Page)
		panel.Steps = append(panel.Steps, screen.GuideStep{Title: one.title, Text: said.text, Brief: said.brief, Done: done})
	}
	return panel
}

// over says how the rollout ended that the step is about, and what to do now; while it has
// not, what the step says.
func (s step) over(service scene.Service) words {
	rollout := rolloutOf(service, s.image)
	if s.image == "" || rollout == nil || rollout.Rollout.Outcome == "" {
		return s.words
	}
	how := rollout.Rollout.Outcome.Past()
	if cause := rollout.Rollout.Cause; cause != nil && cause.Kind == engine.ByVerdict {
		how += " by its verdict"
	}
	return words{"That rollout " + how + ". " + s.again, s.again}
}

// Follow is a guide that keeps its progress from scene to scene. It is not safe for
// concurrent use.
func Follow() func(scene.Scene) *screen.Guide {
	var progress Progress
	last := lingerer{step: -1}
	return func(shown scene.Scene) *screen.Guide {
		before := progress
		progress = progress.After(shown)
		last = last.after(before, progress, shown.At)
		panel := progress.Panel(shown)
		last.show(panel, shown)
		return panel
	}
}

// lingerer is the step that was done last, and until when it says where to look now.
type lingerer struct {
	step  int
	until time.Time
}

// after is the lingerer when progress has grown.
func (l lingerer) after(before, now Progress, at time.Time) lingerer {
	for i, done := range now {
		if known := i < len(before) && before[i]; done && !known {
			l = lingerer{i, at.Add(lingering)}
		}
	}
	return l
}

// show shows the step that was done last for a while, if it has something to say, before
// the one that comes next: unless another rollout has begun.
func (l lingerer) show(panel *screen.Guide, shown scene.Scene) {
	if l.step < 0 || l.step != panel.Present-1 || !shown.At.Before(l.until) {
		return
	}
	done := steps()[l.step]
	if said := done.afterwards.on(shown.Page); said.text != "" && rolloutOf(serviceIn(shown), done.image) != nil {
		panel.Present = l.step
		panel.Steps[l.step].Text, panel.Steps[l.step].Brief = said.text, said.brief
	}
}
