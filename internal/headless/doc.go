// Package headless tells a rollout without a terminal: as lines of text, as JSON lines
// and as a JUnit file, for build servers and for those who read their logs.
//
// It imports the engine only: it knows neither AWS nor a journal. What it is given is
// what happened; it decides nothing.
package headless
