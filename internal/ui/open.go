package ui

import (
	"context"
	"net/url"
	"os/exec"
	"runtime"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"serin/internal/engine"
	"serin/internal/ui/scene"
	"serin/internal/ui/screen"
)

// openTime is how long it is waited to see whether a browser could be opened.
const openTime = 3 * time.Second

// opener opens an address in a browser.
type opener func(ctx context.Context, address string) error

// openerFor is the opener of the machine that the console runs on; nil when there is
// none, and over SSH, where it would open on the wrong machine.
func openerFor(environment []string) opener {
	if variable(environment, "SSH_CONNECTION") != "" || variable(environment, "SSH_TTY") != "" {
		return nil
	}
	name := "xdg-open"
	switch {
	case runtime.GOOS == "darwin":
		name = "open"
	case variable(environment, "DISPLAY") == "" && variable(environment, "WAYLAND_DISPLAY") == "":
		return nil
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return nil
	}
	return func(ctx context.Context, address string) error { return start(ctx, path, address) }
}

// start runs a program and waits for it to fail. One that goes on has become the browser,
// and is left alone.
func start(ctx context.Context, path, address string) error {
	command := exec.CommandContext(context.WithoutCancel(ctx), path, address)
	if err := command.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return nil
	}
}

func (m *model) whyNoAddress() string {
	switch address, _ := m.address(); {
	case address != "":
		return ""
	case m.live.Endpoint != "":
		return "there is no AWS console: " + oneLine(m.live.Endpoint) + " answers in place of AWS"
	}
	return "the region is not known"
}

// address is where a browser shows the selected service, and what that is; empty where
// nothing shows it.
func (m *model) address() (address, what string) {
	if m.live.Page != "" {
		return m.live.Page, "The sandbox has no AWS console. Its page is at"
	}
	if m.live.Region == "" || m.live.Endpoint != "" {
		return "", ""
	}
	service := m.service(m.selected)
	return consoleAddress(m.live, service)
}

// consoleAddress is a page of the AWS console: the stack while there are no tasks, then
// the canary's ECS service, then whatever the route names most.
func consoleAddress(s scene.Scene, service scene.Service) (address, what string) {
	base := "https://" + s.Region + "." + consoleHost(s.Region) + "/"
	query := "?region=" + url.QueryEscape(s.Region)
	if isOpen(service) {
		r := service.Rollout.Rollout
		switch r.Phase {
		case engine.Starting, engine.Deploying:
			return base + "cloudformation/home" + query + "#/stacks?filteringText=" + url.QueryEscape(r.CanaryStack.Name),
				"The canary's stack in CloudFormation:"
		default:
			return ecsAddress(base, query, s.Environment, r.Service().VersionName(r.Canary.Sha)), "The canary's service in ECS:"
		}
	}
	if name := heaviest(service.Route); name != "" {
		return ecsAddress(base, query, s.Environment, name), "The version that serves, in ECS:"
	}
	return base + "ecs/v2/clusters/" + url.PathEscape(s.Environment) + "/services" + query, "The cluster in ECS:"
}

func ecsAddress(base, query, cluster, service string) string {
	return base + "ecs/v2/clusters/" + url.PathEscape(cluster) + "/services/" + url.PathEscape(service) + "/health" + query
}

// consoleHost is the host of the AWS console in a region's partition.
func consoleHost(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "console.amazonaws.cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "console.amazonaws-us-gov.com"
	}
	return "console.aws.amazon.com"
}

// heaviest is the name of the version with the most weight on a route; empty without one.
func heaviest(route engine.Route) string {
	var most engine.Target
	for _, target := range route.Targets {
		if target.Sha != "" && (most.Name == "" || target.Weight > most.Weight) {
			most = target
		}
	}
	return most.Name
}

// showAddress shows the address, and opens it where there is a browser.
func (m *model) showAddress() tea.Cmd {
	address, what := m.address()
	d := &dialog{title: "In a browser", lines: []string{what, address}}
	d.choices = []choice{cancel("close"), {key: "y", does: "copy the address", act: func(m *model) tea.Cmd {
		m.closeDialog()
		m.say(screen.Info, "the address was given to the terminal's clipboard")
		return tea.SetClipboard(oneLine(address))
	}}}
	m.open(d)
	if m.opener == nil {
		d.lines = append(d.lines, "No browser can be opened from here: copy the address.")
		return nil
	}
	d.lines = append(d.lines, "It is being opened.")
	last, opened := len(d.lines)-1, m.opener
	return m.call(toOpen, openTime, func(ctx context.Context) func(*model) tea.Cmd {
		err := opened(ctx, address)
		return func(*model) tea.Cmd {
			d.lines[last] = "It was given to the browser."
			if err != nil {
				d.lines[last], d.fault = "", "The browser could not be opened: "+oneLine(err.Error())
			}
			return nil
		}
	})
}
