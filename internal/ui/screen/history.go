package screen

import (
	"cmp"
	"fmt"
	"time"

	"serin/internal/engine"
	"serin/internal/ui/scene"
	"serin/internal/ui/theme"
)

// pastHeight is how many lines the chosen rollout of the history gets.
const pastHeight = 6

// history is the rollouts of before, the newest first, and the chosen one in full.
func (p pane) history() []string {
	title := "history"
	if p.s.Selected != "" {
		title += " of " + clean(p.s.Selected)
	}
	lines := []string{p.titled(title)}
	if fault := p.s.PastFault; fault != "" {
		lines = append(lines, p.paragraph("! cannot", p.t.Bad, p.t.Text, "read the history: "+fault, 3)...)
	}
	if len(p.s.Past) == 0 {
		if p.s.PastFault == "" {
			lines = append(lines, theme.NewRow(p.width).Put(p.t.Muted, " nothing has been rolled out yet").String())
		}
		return lines
	}
	lines = append(lines, p.pastHead())
	room := max(p.height-len(lines)-pastHeight, 1)
	chosen := min(max(p.s.Chosen, 0), len(p.s.Past)-1)
	first := min(max(chosen-room/2, 0), max(len(p.s.Past)-room, 0))
	for i := first; i < min(first+room, len(p.s.Past)); i++ {
		p.spot(len(lines), Hit{Past: i + 1})
		lines = append(lines, p.pastRow(p.s.Past[i], i == chosen))
	}
	if whole := p.pastRollout(p.s.Past[chosen], inFull); len(lines)+len(whole) <= p.height {
		return append(lines, whole...)
	}
	return append(lines, p.pastRollout(p.s.Past[chosen], 1)...)
}

// pastColumns are where the columns of the history begin.
func (p pane) pastColumns() (service, versions, outcome, took int) {
	if p.width >= 100 {
		return 23, 48, 76, 94
	}
	return 18, 35, 55, 72
}

func (p pane) pastHead() string {
	service, versions, outcome, took := p.pastColumns()
	row := theme.NewRow(p.width).Put(p.t.Muted, " STARTED").To(service).Put(p.t.Muted, "SERVICE").To(versions).Put(p.t.Muted, "VERSIONS")
	return row.To(outcome).Put(p.t.Muted, "OUTCOME").To(took).Put(p.t.Muted, "TOOK").String()
}

// pastRow is a rollout of before in one line.
func (p pane) pastRow(past scene.Past, chosen bool) string {
	service, versions, outcome, took := p.pastColumns()
	row, style := theme.NewRow(p.width), p.t.Text
	if chosen {
		row.Put(p.t.Accent, theme.Cursor)
		style = p.t.Selected
	} else {
		row.Put(p.t.Text, " ")
	}
	layout := "01-02 15:04:05Z"
	if p.width >= 100 {
		layout = "2006-01-02 15:04:05Z"
	}
	putWithin(row, style, past.Header.StartedAt.UTC().Format(layout), service-1)
	putWithin(row.To(service), style, clean(past.Header.Key.Service), versions-1)
	state := pastState(past)
	if past.Rollout != nil {
		words := clean(past.Rollout.Canary.Sha)
		if !past.Rollout.First() {
			words = clean(past.Rollout.StableSha()) + " " + theme.Arrow + " " + words
		}
		putWithin(row.To(versions), style, words, outcome-1)
	}
	glyph, word := Glance(state)
	if past.Rollout == nil {
		glyph, word = "?", "not readable"
	}
	putWithin(row.To(outcome), styleOf(p.t, state), glyph+" "+word, took-1)
	if past.Rollout != nil && past.Rollout.Outcome != "" {
		row.To(took).Put(style, span(past.Rollout.EndedAt.Sub(past.Rollout.StartedAt)))
		if p.width >= 100 {
			row.To(took+9).Put(p.t.Muted, clean(past.Rollout.Reason))
		}
	}
	return row.String()
}

// pastState is what a rollout of before looks like; of one that is open, only its phase
// is known here, and not whether its driver lives.
func pastState(past scene.Past) RolloutState {
	if past.Rollout == nil {
		return Idle
	}
	return stateOf(scene.Service{}, &scene.Rollout{Snapshot: engine.Snapshot{Rollout: past.Rollout}}, past.Rollout.At)
}

// pastRollout is the chosen rollout: who, what and why, each text in at most so many
// lines, but its end in one more.
func (p pane) pastRollout(past scene.Past, most int) []string {
	lines := []string{p.titled("rollout " + clean(past.Header.ID))}
	r := past.Rollout
	if r == nil {
		return append(lines, p.paragraph("", p.t.Muted, p.t.Muted, "its events could not be read", most)...)
	}
	who := fmt.Sprintf("%s, %d events", ShortCaller(clean(cmp.Or(r.StartedBy, "nobody known"))), r.Seq)
	lines = append(lines, p.paragraph("started", p.t.Muted, p.t.Text, who, most)...)
	why := "it is open, at " + spaced(string(r.Phase))
	if r.Outcome != "" {
		why = "it " + r.Outcome.Past() + " at " + r.EndedAt.UTC().Format(time.RFC3339)
		if r.Cause != nil {
			why += ", " + because(*r.Cause, r.Reason)
		} else {
			why += ": " + r.Reason
		}
	}
	lines = append(lines, p.paragraph("end", p.t.Muted, p.t.Text, why, most+1)...)
	if r.Verdict.Result != "" {
		verdict := spaced(string(r.Verdict.Result)) + ": " + r.Verdict.Reason
		lines = append(lines, p.paragraph("verdict", p.t.Muted, p.t.Text, verdict, most)...)
	}
	if r.Leftover != "" {
		lines = append(lines, p.paragraph("! left", p.t.Warning, p.t.Text, r.Leftover, most)...)
	}
	return lines
}
