package headless

import "serin/internal/engine"

// Printer tells a rollout as it happens. Its methods are called by one goroutine at a
// time, and never wait for whoever reads what was printed (see Queue).
type Printer interface {
	// Event tells one event; after is the rollout with the event in it.
	Event(event engine.Event, after *engine.Rollout)
	// End tells how the driving ended. It is called once, after the last event, and with
	// an ending without an Outcome when the driver left in the middle: its Reason says
	// why.
	End(ending engine.Ending) error
}
