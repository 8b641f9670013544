// Package trials runs whole rollouts: the real engine with the real adapters against
// the real sandbox, in virtual time, with faults, crashes and foreign hands. It has
// tests only, and is the one place but cmd/serin where engine, adapters and sandbox
// meet; they may import all of them.
package trials
