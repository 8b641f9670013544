package ui

import (
	"context"
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"serin/internal/engine"
	"serin/internal/ui/scene"
	"serin/internal/ui/screen"
)

const (
	// planTime is how long it may take to see a plan, startTime to begin a rollout.
	planTime  = 30 * time.Second
	startTime = 60 * time.Second
	// listedImages is how many images the form lists.
	listedImages = 12

	formIntro = "An image of a service, or a specfile. The plan comes first; nothing starts yet."
	imageHint = "repository:tag or an image's URI"
)

// The fields of the form, in order.
const (
	serviceField = iota
	imageField
	fileField
	shaField
	setField
)

// deployForm is what to deploy, while it is typed.
type deployForm struct {
	dialog *dialog
	// listed is the service that the images were asked for.
	listed string
}

// askDeploy opens the form: a service and an image, or a specfile. Nothing starts before
// its plan has been seen.
func (m *model) askDeploy() tea.Cmd {
	form := &deployForm{dialog: &dialog{
		title: "Deploy",
		lines: []string{formIntro},
		fields: []*field{
			{label: "service ", offers: m.listed()},
			{label: "image   ", hint: imageHint},
			{label: "specfile", hint: "a deploy.json; may be left empty", limit: wideLimit},
			{label: "sha     ", hint: "names the version; drawn when it is empty"},
			{label: "set     ", hint: "Field=Value Field=Value ...; may be left empty", limit: wideLimit},
		},
	}}
	d := form.dialog
	d.fields[serviceField].set(m.selected)
	d.focus = imageField
	d.choices = []choice{{key: "p", does: "see the plan", act: form.propose}, cancel("cancel")}
	d.submit = form.propose
	d.left = form.leftField
	m.open(d)
	return form.listImages(m)
}

func (f *deployForm) text(index int) string {
	return strings.TrimSpace(f.dialog.fields[index].text)
}

// leftField asks for the images of another service.
func (f *deployForm) leftField(m *model, from int) tea.Cmd {
	if from != serviceField || f.text(serviceField) == f.listed {
		return nil
	}
	return f.listImages(m)
}

// listImages asks for the images that the service can be deployed with; that nobody knows
// them is no fault.
func (f *deployForm) listImages(m *model) tea.Cmd {
	f.listed = f.text(serviceField)
	f.offer(nil)
	if f.listed == "" {
		return nil
	}
	host, service := m.options.Host, f.listed
	return m.call(toListImages, readTime, func(ctx context.Context) func(*model) tea.Cmd {
		found, err := host.Images(ctx, service)
		return func(*model) tea.Cmd {
			if err == nil {
				f.offer(found)
			}
			return nil
		}
	})
}

// offer lists the images that up and down choose among.
func (f *deployForm) offer(images []string) {
	field := f.dialog.fields[imageField]
	field.offers, field.hint, f.dialog.lines = images, imageHint, []string{formIntro}
	if len(images) == 0 {
		return
	}
	field.hint = "up and down choose"
	f.dialog.lines = append(f.dialog.lines, imagesInWords(images[:min(len(images), listedImages)])...)
}

// imagesInWords are images that can be chosen: those of one repository by their tags,
// which are typed instead of the whole, and do not break where a line ends.
func imagesInWords(images []string) []string {
	repository, _ := atTag(images[0])
	tags := make([]string, len(images))
	for i, image := range images {
		var of string
		if of, tags[i] = atTag(image); of != repository || tags[i] == "" {
			return []string{"Images: " + strings.Join(images, "  ")}
		}
	}
	return []string{"Images of " + repository + ":", "  " + strings.Join(tags, "  ")}
}

// atTag cuts an image at its tag, which is empty without one: a colon before a slash is
// that of a registry's port.
func atTag(image string) (repository, tag string) {
	at := strings.LastIndexByte(image, ':')
	if at < 0 || strings.ContainsAny(image[at:], "/@") || strings.Contains(image, "@") {
		return image, ""
	}
	return image[:at], image[at+1:]
}

// image is the image that is typed: for a tag alone, the one image that is listed with it.
func (f *deployForm) image() string {
	typed, found := f.text(imageField), ""
	for _, image := range f.dialog.fields[imageField].offers {
		_, tag := atTag(image)
		switch {
		case image == typed, tag == typed && found != "":
			return typed
		case tag == typed:
			found = image
		}
	}
	if found == "" || typed == "" {
		return typed
	}
	return found
}

// order is the form as an order; words say what is missing.
func (f *deployForm) order() (order scene.Order, missing string) {
	order = scene.Order{
		File: f.text(fileField), Service: f.text(serviceField), Image: f.image(), Sha: f.text(shaField), Set: settingsIn(f.text(setField)),
	}
	switch {
	case order.File == "" && order.Image == "":
		return order, "which image, or which specfile?"
	case order.File == "" && order.Service == "":
		return order, "which service, or which specfile?"
	}
	if order.File != "" {
		order.Service = ""
	}
	return order, ""
}

// propose asks for the plan, and shows it.
func (f *deployForm) propose(m *model) tea.Cmd {
	order, missing := f.order()
	if missing != "" {
		f.dialog.fault = missing
		return nil
	}
	f.dialog.busy = "asking what this would do"
	host := m.options.Host
	return m.call(toPropose, planTime, func(ctx context.Context) func(*model) tea.Cmd {
		proposal, err := host.Propose(ctx, order)
		return func(m *model) tea.Cmd {
			f.dialog.busy = ""
			switch {
			case m.dialog != f.dialog:
			case err != nil:
				f.dialog.fault = err.Error()
			default:
				m.open(f.planned(order, proposal))
			}
			return nil
		}
	})
}

// planned shows a plan; y starts it, and the focused answer goes back to the form.
func (f *deployForm) planned(order scene.Order, p scene.Proposal) *dialog {
	order.Sha = p.Canary // what was seen is what starts
	d := &dialog{title: "Deploy " + p.Service + "?", dangerous: true, lines: planLines(p)}
	d.choices = []choice{
		{key: "esc", does: "back", act: func(m *model) tea.Cmd {
			m.open(f.dialog)
			return nil
		}},
		{key: "y", does: "start", dangerous: true, act: func(m *model) tea.Cmd { return m.start(d, order, p) }},
	}
	return d
}

// planLines are a plan in words.
func planLines(p scene.Proposal) []string {
	from := p.Stable
	if from == "" {
		from = "nothing (a first deployment)"
	}
	lines := []string{
		"from  " + from, "to    " + p.Canary + "  " + p.Image,
		"steps " + outline(p.Plan), "takes " + p.Takes.Round(time.Second).String() + " at least, once it is healthy",
	}
	for _, warning := range p.Warnings {
		lines = append(lines, "! "+warning)
	}
	return lines
}

// outline is a plan in one line.
func outline(plan engine.Plan) string {
	words := make([]string, len(plan.Steps))
	for i, step := range plan.Steps {
		switch {
		case step.Gate != "":
			words[i] = "gate: " + step.Gate
		case step.Bake:
			words[i] = fmt.Sprintf("%d %% bake %s", step.Weight, step.Hold)
		default:
			words[i] = fmt.Sprintf("%d %%", step.Weight)
		}
	}
	return strings.Join(words, " · ")
}

// start begins the rollout. Closing the dialog meanwhile does not call it off: what
// becomes of it is said in any case.
func (m *model) start(d *dialog, order scene.Order, p scene.Proposal) tea.Cmd {
	safe := d.choices[0]
	d.busy, d.fault = "starting", ""
	d.choices[0] = cancel("close")
	host := m.options.Host
	return m.call(toDeploy, startTime, func(ctx context.Context) func(*model) tea.Cmd {
		err := host.Deploy(ctx, order)
		return func(m *model) tea.Cmd {
			d.busy, d.choices[0] = "", safe
			switch {
			case err == nil:
				m.turnToStarted(d, p)
			case m.dialog == d:
				d.fault = err.Error()
			default:
				m.say(screen.Failure, p.Service+" was not deployed: "+err.Error())
			}
			return nil
		}
	})
}

// turnToStarted turns to the rollout that has begun.
func (m *model) turnToStarted(d *dialog, p scene.Proposal) {
	m.say(screen.Info, "the rollout of "+p.Service+" to "+p.Canary+" has begun")
	if m.dialog == d {
		m.closeDialog()
		m.pages = m.pages[:1]
		m.filters[screen.Overview] = ""
		m.selectService(p.Service)
		m.turn(screen.Detail)
	}
}
