package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"

	"serin/internal/ui"
)

// viewFlags say how the console is drawn.
type viewFlags struct {
	ascii, noMotion, noMouse, noBell bool
}

func (f *viewFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.ascii, "ascii", false, "draw the console with ASCII only")
	flags.BoolVar(&f.noMotion, "no-motion", false, "draw the console without animation")
	flags.BoolVar(&f.noMouse, "no-mouse", false, "leave the mouse to the terminal")
	flags.BoolVar(&f.noBell, "no-bell", false, "ring no bell when a rollout is rolled back or stuck")
}

// options are those of a console that is drawn so.
func (f *viewFlags) options() ui.Options {
	return ui.Options{ASCII: f.ascii, NoMotion: f.noMotion, NoMouse: f.noMouse, Bell: !f.noBell}
}

// hasTerminal tells whether there is a terminal on both ends.
func (p *program) hasTerminal() bool {
	for _, end := range []any{p.in, p.out} {
		file, is := end.(*os.File)
		if !is || !term.IsTerminal(file.Fd()) {
			return false
		}
	}
	return true
}

// interrupts has every signal from now on that asks this process to end. A SIGHUP that
// whoever started the process wants ignored (nohup) stays so.
func interrupts() chan os.Signal {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, endings()...)
	return signals
}

func endings() []os.Signal {
	asked := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		asked = append(asked, syscall.SIGHUP)
	}
	return asked
}

// isInsistent waits for a signal that asks once more to end; false when over comes first.
// A hangup does not insist: a terminal that is closed sends it twice, the kernel and the
// shell each once, and systemd (SendSIGHUP=) sends it right behind a SIGTERM.
func isInsistent(signals <-chan os.Signal, over <-chan struct{}) bool {
	for {
		select {
		case received := <-signals:
			if received != syscall.SIGHUP {
				return true
			}
		case <-over:
			return false
		}
	}
}
