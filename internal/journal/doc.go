// Package journal keeps rollouts: their events, their leases and the mailboxes of their
// commands.
//
// SQLite is the journal of one machine, in one file that several processes share;
// Memory is the same without a file, for tests and for runs of many rollouts at once.
// Both implement engine.Journal, and package journaltest holds the one suite that both
// pass.
//
// The package imports the engine and SQLite only: it knows neither AWS nor a terminal.
package journal
