package ui

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"serin/internal/ui/scene"
)

const nothingDeployed = "nothing was deployed"

// pastService is the service that the history's selected line is of.
func (m *model) pastService() string {
	if len(m.past) > 0 {
		return m.past[within(m.chosen, len(m.past))].Header.Key.Service
	}
	return m.selected
}

func (m *model) whyNotGoBack() string {
	service := m.pastService()
	switch {
	case service == "":
		return "there is no service yet"
	case isOpen(m.service(service)):
		return service + " has an open rollout; r rolls it back"
	}
	return ""
}

// askGoBack asks which version the service had before its present one, and whether to
// deploy it.
func (m *model) askGoBack() tea.Cmd {
	order := scene.Order{Service: m.pastService(), Previous: true}
	d := &dialog{title: "The version before, for " + order.Service, choices: []choice{decline("cancel", nothingDeployed)}}
	m.open(d)
	return m.proposeBack(d, order, "")
}

// proposeBack asks for the plan of going back, and shows it in place of a dialog.
func (m *model) proposeBack(d *dialog, order scene.Order, reason string) tea.Cmd {
	d.busy, d.fault = "asking what this would do", ""
	host := m.options.Host
	return m.call(toPropose, planTime, func(ctx context.Context) func(*model) tea.Cmd {
		proposal, err := host.Propose(ctx, order)
		return func(m *model) tea.Cmd {
			d.busy = ""
			switch {
			case m.dialog != d:
			case err != nil:
				d.fault = err.Error()
			default:
				m.open(m.backDialog(order, proposal, reason))
			}
			return nil
		}
	})
}

// backDialog asks before a service goes back; y confirms.
func (m *model) backDialog(order scene.Order, p scene.Proposal, reason string) *dialog {
	why := &field{label: "reason", hint: "may be left empty"}
	why.set(reason)
	d := &dialog{
		title: "Take " + p.Service + " back to the version before?", dangerous: true,
		lines: planLines(p), fields: []*field{why},
	}
	pace := choice{key: "f", does: "without the steps", act: func(m *model) tea.Cmd {
		order.Fast = true
		return m.proposeBack(d, order, why.text)
	}}
	if order.Fast {
		pace = choice{key: "s", does: "in steps", act: func(m *model) tea.Cmd {
			order.Fast = false
			return m.proposeBack(d, order, why.text)
		}}
	}
	d.choices = []choice{
		decline("keep the present version", nothingDeployed),
		{key: "y", does: "go back", dangerous: true, act: func(m *model) tea.Cmd {
			seen := order
			seen.Image, seen.Sha, seen.Reason = p.Image, p.Canary, why.text // what was seen is what starts
			return m.start(d, seen, p)
		}},
		pace,
	}
	d.focus = len(d.fields)
	d.renewed = func(m *model) string {
		if isOpen(m.service(p.Service)) {
			return p.Service + " has an open rollout now: " + nothingDeployed
		}
		return ""
	}
	return d
}
