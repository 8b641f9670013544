package ui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/term"

	"serin/internal/ui/scene"
	"serin/internal/ui/screen"
)

// sceneInterval is the least time between two scenes that the console takes: those in
// between are passed over.
const sceneInterval = 300 * time.Millisecond

// ErrDumb is returned for a terminal that cannot place its cursor: TERM is dumb.
var ErrDumb = errors.New("this terminal cannot show the console (TERM is dumb): use `serin status`, `serin watch SERVICE`, or `serin deploy FILE --ci`")

// Options are what a console is opened with.
type Options struct {
	// Host is what it shows and asks.
	Host scene.Host
	// Input and Output are the terminal; a nil Input means without keys. Neither is closed.
	Input  io.Reader
	Output io.Writer
	// Width and Height are the size of an Output that is no terminal.
	Width, Height int
	// Environment are the environment variables, as of os.Environ.
	Environment []string
	// Service is the service that the console opens on; empty for the list.
	Service string
	// Replay is the ID of a rollout that is over, and that the console opens on; empty
	// without.
	Replay string
	// ReadOnly leaves out every key that changes something.
	ReadOnly bool
	// ASCII draws without anything but ASCII, NoMotion without animation. NoMouse leaves
	// the mouse to the terminal. Bell rings on a roll back and when a rollout is stuck.
	ASCII, NoMotion, NoMouse, Bell bool
	// Guide makes the guide's panel from a scene; nil without one. It must not wait.
	Guide func(scene.Scene) *screen.Guide
	// Continued has an element when the process goes on after it was stopped: what another
	// one wrote meanwhile is then drawn over. Nil without.
	Continued <-chan struct{}
	// Drawn is told every frame, with its styles; nil for nobody. It must not wait.
	Drawn func(frame string)
}

// Leaving is what becomes of the rollouts that this process drives when the console is
// left. The console has asked it of the host; that the drivers end is the caller's.
type Leaving string

// The ways to leave.
const (
	// Idle: nothing was driven.
	Idle Leaving = "idle"
	// LetGo: they were let go of, and stay open and paused.
	LetGo Leaving = "let go"
	// RolledBack: they are being rolled back, and are to be driven to their end.
	RolledBack Leaving = "rolled back"
	// Unwatched: they go on and are to be driven to their end, without the console.
	Unwatched Leaving = "unwatched"
	// Interrupted: nobody was asked; the context was over or the terminal is gone.
	Interrupted Leaving = "interrupted"
)

// Result is how a console was left.
type Result struct {
	Leaving Leaving
}

// Run shows the console until it is left, the context is over, or the terminal is gone;
// the latter two are Interrupted and no error. It handles no signals. The terminal is as
// it was before when Run returns, unless it has not taken anything for half a second.
func Run(ctx context.Context, options Options) (Result, error) {
	if variable(options.Environment, "TERM") == "dumb" {
		return Result{}, ErrDumb
	}
	return run(ctx, options, newTerminal(options.Output, patience))
}

// run is Run on a terminal, which it closes, with more options for the program.
func run(ctx context.Context, options Options, out *terminal, more ...tea.ProgramOption) (Result, error) {
	inner, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer out.close()
	m := newModel(inner, options, out)
	m.width, m.height = sizeOf(options)
	program := tea.NewProgram(m, append(programOptions(options, out), more...)...)
	m.pace = newPace(program)
	defer m.pace.end()

	go recolor(options, program)
	pumping := make(chan struct{})
	go func() {
		defer close(pumping)
		pump(ctx, inner, options, out, program)
	}()
	_, err := program.Run()
	stop()
	<-pumping
	if m.leaving == "" {
		m.leaving = Interrupted
	}
	if err != nil && errors.Is(err, tea.ErrProgramPanic) {
		return Result{Leaving: Interrupted}, fmt.Errorf("show the console: %w", err)
	}
	return Result{Leaving: m.leaving}, nil
}

func programOptions(options Options, out *terminal) []tea.ProgramOption {
	chosen := []tea.ProgramOption{
		tea.WithInput(withoutBursts(options.Input)), tea.WithOutput(out.writer()), tea.WithEnvironment(options.Environment),
		tea.WithoutSignalHandler(), tea.WithWindowSize(options.Width, options.Height),
		tea.WithFPS(frameRate),
	}
	switch {
	case withoutColor(options.Environment):
		chosen = append(chosen, tea.WithColorProfile(colorprofile.ASCII))
	case isTerminal(options.Output):
		chosen = append(chosen, tea.WithColorProfile(colorprofile.Env(options.Environment)))
	}
	return chosen
}

// recolor looks closer at which colours the terminal has than its environment tells: in
// the terminal's description, and by asking tmux, which takes too long for the first
// frame to wait for. Nobody waits for it; after the end of the program it sends nothing.
func recolor(options Options, program *tea.Program) {
	if withoutColor(options.Environment) || !isTerminal(options.Output) {
		return
	}
	found := colorprofile.Detect(options.Output, options.Environment)
	if found != colorprofile.Env(options.Environment) {
		program.Send(tea.ColorProfileMsg{Profile: found})
		program.Send(tea.ClearScreen())
	}
}

func isTerminal(end any) bool {
	file, is := end.(term.File)
	return is && term.IsTerminal(file.Fd())
}

// pump sends the newest scene whenever there is one, that the terminal has caught up, and
// that the process was continued.
// It is the only one who sends to the program: while the program is slow, scenes are
// passed over, and nobody else waits.
func pump(outer, inner context.Context, options Options, out *terminal, program *tea.Program) {
	for {
		newest, changed := options.Host.Scene()
		program.Send(sceneMsg{scene: newest})
		if !pause(outer, inner) {
			break
		}
		select {
		case <-changed:
			continue
		case <-out.caughtUp:
			program.Send(caughtUpMsg{})
			continue
		case <-options.Continued:
			program.Send(continuedMsg{})
			continue
		case <-outer.Done():
		case <-inner.Done():
		}
		break
	}
	if inner.Err() == nil {
		program.Send(endMsg{})
	}
}

// pause lets a moment go by; false when the console is being left.
func pause(outer, inner context.Context) bool {
	timer := time.NewTimer(sceneInterval)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-outer.Done():
	case <-inner.Done():
	}
	return false
}

// sizeOf is the size of the terminal; 0 by 0 when nobody knows.
func sizeOf(options Options) (width, height int) {
	if !isTerminal(options.Output) {
		return options.Width, options.Height
	}
	width, height, err := term.GetSize(options.Output.(term.File).Fd())
	if err != nil {
		return 0, 0
	}
	return width, height
}

// withoutColor tells whether NO_COLOR is set to anything (no-color.org), or the terminal
// says that it has no colours. Whoever sets such a TERM means it, also inside of tmux, which
// colorprofile would ask instead.
func withoutColor(environment []string) bool {
	return variable(environment, "NO_COLOR") != "" || isMonochrome(variable(environment, "TERM"))
}

// isMonochrome tells whether terminals of a name have no colours, as terminfo has it: those
// of DEC, and variants of others that say so in their name (term(7)).
func isMonochrome(name string) bool {
	kind, variant, _ := strings.Cut(strings.ReplaceAll(name, ".", "-"), "-")
	switch kind {
	case "vt52", "vt100", "vt102", "vt220", "vt320", "vt420":
		return true
	}
	return slices.Contains(strings.Split(variant, "-"), "mono") || variant == "m"
}

// variable is the value of an environment variable, the last of several.
func variable(environment []string, name string) string {
	for _, entry := range slices.Backward(environment) {
		if value, found := strings.CutPrefix(entry, name+"="); found {
			return value
		}
	}
	return ""
}
