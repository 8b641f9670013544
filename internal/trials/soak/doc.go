// Package soak rolls out without end on one sandbox, and measures whether anything of
// the process grows with time: make soak. It has tests only; as all of internal/trials
// it may import engine, adapters, journal and sandbox.
package soak
