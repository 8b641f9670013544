package main

import (
	"os"
	"os/signal"
	"syscall"
)

// notSuspended is what is said to who would suspend a process that drives.
const notSuspended = "not suspended: stopped, this process could not roll back what it drives"

// undelayed keeps this process from being suspended (SIGTSTP) until over is called: one
// that is stopped cannot roll back. tell is called whenever somebody has tried. SIGSTOP
// cannot be kept off.
func undelayed(tell func()) (over func()) {
	stops, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(stops, syscall.SIGTSTP)
	go func() {
		for {
			select {
			case <-stops:
				tell()
				// Who has sent the signal to this process itself waits to be continued.
				_ = syscall.Kill(os.Getpid(), syscall.SIGCONT)
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(stops)
		close(done)
	}
}

// continuations has an element when this process was continued after it had been stopped,
// until stop is called.
func continuations() (continued <-chan os.Signal, stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGCONT)
	return signals, func() { signal.Stop(signals) }
}
