package ui

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"serin/internal/engine"
	"serin/internal/ui/screen"
)

// bindings is the table of keys, in the order of the footer and of help.
func bindings() []binding {
	return slices.Concat(rolloutKeys(), pageKeys(), chartKeys(), consoleKeys())
}

func rolloutKeys() []binding {
	return []binding{
		{
			names: []string{"r"}, name: "r", does: "roll back", dangerous: true, changes: true, foot: footAlways, section: ofRollouts,
			about: "All traffic back to stable, then remove the canary. Asks; enter confirms.",
			why:   refusal(engine.RollBack), act: (*model).confirmRollBack,
		},
		{
			names: []string{"p"}, name: "p", does: "promote", now: (*model).promoteWord, changes: true, foot: footAlways, section: ofRollouts,
			about: "End the present hold or gate now and take the next step.",
			why:   refusal(engine.Promote), act: post(engine.Promote),
		},
		{
			names: []string{"P"}, name: "P", does: "promote fully", now: say("to 100"), dangerous: true, changes: true, foot: footAlways, section: ofRollouts,
			about: "Go to 100 % at once, then bake. Asks; y confirms.",
			why:   refusal(engine.PromoteFully), act: (*model).confirmPromoteFully,
		},
		{
			names: []string{"space"}, name: "space", does: "pause or resume", now: (*model).pauseWord, changes: true, foot: footAlways, section: ofRollouts,
			about: "Stop the clock of the rollout, or let it go on; traffic stays as it is. One that nobody drives is taken over to go on: asks; y confirms.",
			why:   (*model).whyNotPause, act: (*model).pauseOrResume,
		},
		{
			names: []string{"t"}, name: "t", does: "take over", dangerous: true, changes: true, foot: footActs, section: ofRollouts,
			about: "Drive a rollout whose driver is gone. Asks; y confirms.",
			why:   (*model).whyNotTakeOver, act: (*model).confirmTakeOver,
		},
		{
			names: []string{"d"}, name: "d", does: "deploy", changes: true, foot: footAlways, section: ofRollouts,
			about: "Choose a service and an image, or a specfile; see the plan; start it.",
			act:   (*model).askDeploy,
		},
		{
			names: []string{"b"}, name: "b", does: "version before", dangerous: true, changes: true, foot: footAlways, section: ofRollouts,
			about: "Deploy the version that the service had before its present one, after a success. Shows the plan first; y confirms.",
			pages: []screen.Page{screen.History}, why: (*model).whyNotGoBack, act: (*model).askGoBack,
		},
	}
}

func pageKeys() []binding {
	lists := []screen.Page{screen.Overview, screen.History}
	return []binding{
		{
			names: []string{"enter"}, name: "enter", does: "open", pages: lists, foot: footAlways, section: ofPages,
			about: "Open the selected service, or replay the selected rollout of the history.",
			why:   (*model).whyNotOpen, act: (*model).openSelected,
		},
		{
			names: []string{"e"}, name: "e", does: "events", foot: footAlways, section: ofPages,
			about: "The events of the rollout, newest first.", pages: []screen.Page{screen.Overview, screen.Detail, screen.History},
			why: (*model).whyNoEvents, act: (*model).openEvents,
		},
		{
			names: []string{"h"}, name: "h", does: "history", foot: footAlways, section: ofPages,
			about: "The rollouts of the service, and who did what.", pages: []screen.Page{screen.Overview, screen.Detail, screen.Events},
			act: (*model).readHistory,
		},
		{
			names: []string{"/"}, name: "/", does: "filter", foot: footAlways, section: ofPages,
			about: "Show only what contains the text that is typed; enter keeps it, esc clears it.",
			pages: []screen.Page{screen.Overview, screen.Events}, act: (*model).beginFilter,
		},
		{
			names: []string{"esc", "backspace"}, name: "esc", does: "back", foot: footActs, section: ofPages,
			about: "Clear the filter, or go back to the page before.",
			why:   (*model).whyNotBack, act: (*model).goBack,
		},
		{names: []string{"up", "k"}, name: "↑ k", does: "up", section: ofPages, about: "Select the line above, or scroll up.", end: whyNotMove(-1), act: move(-1)},
		{names: []string{"down", "j"}, name: "↓ j", does: "down", section: ofPages, about: "Select the line below, or scroll down.", end: whyNotMove(1), act: move(1)},
		{names: []string{"pgup", "ctrl+u"}, name: "PgUp", does: "page up", section: ofPages, about: "Half a screen up.", end: whyNotMove(-1), act: movePage(-1)},
		{names: []string{"pgdown", "ctrl+d"}, name: "PgDn", does: "page down", section: ofPages, about: "Half a screen down.", end: whyNotMove(1), act: movePage(1)},
		{names: []string{"g", "home"}, name: "g Home", does: "top", section: ofPages, about: "The first line.", end: whyNotMove(-1), act: move(-farAway)},
		{names: []string{"G", "end"}, name: "G End", does: "bottom", section: ofPages, about: "The last line.", end: whyNotMove(1), act: move(farAway)},
	}
}

func chartKeys() []binding {
	charted := []screen.Page{screen.Overview, screen.Detail}
	return []binding{
		{
			names: []string{"f"}, name: "f", does: "freeze", now: (*model).freezeWord, foot: footAlways, section: ofCharts,
			about: "Hold the view still while the data goes on. Keys still act on what is true now.",
			why:   (*model).whyNotFreeze, act: (*model).freeze,
		},
		{
			names: []string{"+", "="}, name: "+", does: "zoom in", pages: charted, section: ofCharts,
			about: "Less time in the charts.", why: whyNotZoom(-1), act: zoomBy(-1),
		},
		{
			names: []string{"-"}, name: "-", does: "zoom out", pages: charted, section: ofCharts,
			about: "More time in the charts.", why: whyNotZoom(1), act: zoomBy(1),
		},
		{
			names: []string{"left"}, name: "←", does: "earlier", pages: charted, section: ofCharts,
			about: "Scroll the charts back in time.", why: (*model).whyNotEarlier, act: (*model).earlier,
		},
		{
			names: []string{"right"}, name: "→", does: "later", pages: charted, section: ofCharts,
			about: "Scroll the charts towards now.", why: (*model).whyNotLater, act: (*model).later,
		},
	}
}

func consoleKeys() []binding {
	return []binding{
		{
			names: []string{"o"}, name: "o", does: "open in AWS", section: ofConsole,
			about: "Show the address of the service in the AWS console (in the demo: of Yelb's page), and open it in a browser where there is one. What answers in place of AWS has none.",
			why:   (*model).whyNoAddress, act: (*model).showAddress,
		},
		{
			names: []string{"y"}, name: "y", does: "copy", section: ofConsole,
			about: "Copy a summary of the rollout to the terminal's clipboard (OSC 52).",
			why:   (*model).whyNoSummary, act: (*model).copySummary,
		},
		{
			names: []string{"m"}, name: "m", does: "mouse", now: (*model).mouseWord, section: ofConsole,
			about: "Give the mouse to the console, or leave it to the terminal, which can then select text.", act: (*model).switchMouse,
		},
		{
			names: []string{"i"}, name: "i", does: "guide", foot: footActs, section: ofConsole,
			about: "Show or hide the guide of the demo.", why: (*model).whyNoGuide, act: (*model).switchGuide,
		},
		{
			names: []string{"?"}, name: "?", does: "help", foot: footAlways, section: ofConsole,
			about: "All keys; once more closes them.", now: (*model).helpWord, act: (*model).switchHelp,
		},
		{
			names: []string{"q", "ctrl+c"}, name: "q", does: "leave", foot: footAlways, section: ofConsole,
			about: "Leave the console. Asks when it drives a rollout: stay, let go of it, or roll it back.", act: (*model).leave,
		},
		{
			names: []string{"ctrl+z"}, name: "ctrl+z", does: "suspend", section: ofConsole,
			about: "Suspend the process, unless it drives a rollout.",
			why:   (*model).whyNotSuspend, act: func(*model) tea.Cmd { return tea.Suspend },
		},
	}
}

// say is a word that a key always shows in the footer, where its own is too long.
func say(word string) func(*model) string { return func(*model) string { return word } }
