package main

import (
	"os"
	"syscall"
	"testing"
	"testing/synctest"
)

// One terminal that is closed hangs up twice. Only who interrupts once more insists.
func TestAHangupDoesNotInsist(t *testing.T) {
	for name, sent := range map[string]struct {
		signals  []os.Signal
		insisted bool
	}{
		"nothing":                      {},
		"a hangup":                     {signals: []os.Signal{syscall.SIGHUP}},
		"hangups":                      {signals: []os.Signal{syscall.SIGHUP, syscall.SIGHUP}},
		"an interrupt":                 {signals: []os.Signal{os.Interrupt}, insisted: true},
		"a termination after a hangup": {signals: []os.Signal{syscall.SIGHUP, syscall.SIGTERM}, insisted: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				signals, over, insisted := make(chan os.Signal, len(sent.signals)), make(chan struct{}), make(chan bool, 1)
				for _, signal := range sent.signals {
					signals <- signal
				}
				go func() { insisted <- isInsistent(signals, over) }()
				synctest.Wait() // all signals have been regarded
				close(over)
				if got := <-insisted; got != sent.insisted {
					t.Errorf("after %v it insists: %v", sent.signals, got)
				}
			})
		})
	}
}
