package main

import (
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
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

// continuations has an element when this process goes on in the foreground of its terminal
// after it had been stopped, until stop is called. In the background it has none: who sets
// a terminal's modes from there is stopped again (SIGTTOU).
func continuations(terminal io.Reader) (continued <-chan struct{}, stop func()) {
	signals, done, shown := make(chan os.Signal, 1), make(chan struct{}), make(chan struct{}, 1)
	signal.Notify(signals, syscall.SIGCONT)
	go func() {
		for {
			select {
			case <-signals:
			case <-done:
				return
			}
			if !isInForeground(terminal) {
				continue
			}
			select {
			case shown <- struct{}{}:
			default: // there is one
			}
		}
	}()
	return shown, func() {
		signal.Stop(signals)
		close(done)
	}
}

// isInForeground tells whether a terminal is this process's at present; of what is no
// terminal it is not.
func isInForeground(terminal io.Reader) bool {
	file, is := terminal.(*os.File)
	if !is {
		return false
	}
	group, err := unix.IoctlGetInt(int(file.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}
