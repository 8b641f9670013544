// Package ui is the console: it shows an environment's services and rollouts in a
// terminal, and turns keys into what is asked of them. It is the only Bubble Tea model;
// what is drawn is package screen's, what is known and what may be asked is package
// scene's.
//
// Three rules keep a terminal from ever delaying a rollout. Nobody but this package
// sends to the program: a goroutine of its own fetches the newest scene. Update asks
// nothing that waits: commands are posted to a mailbox, everything else is a tea.Cmd with
// a deadline. And a frame is not made while the terminal has not taken the last one, so
// that a terminal that hangs leaves the keys working.
//
// It imports serin/internal/engine, serin/internal/ui/..., and Charm's version 2
// modules; never AWS, a journal, or a port of the engine.
package ui
