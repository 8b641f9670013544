package ecs

import "context"

// Runtime runs containers. The sandbox's is yelb.Runtime: real servers in this
// process. Every method is safe for concurrent use.
type Runtime interface {
	// Pull reports whether an image can be had; the error's text is the reason that
	// ECS gives after CannotPullContainerError.
	Pull(ctx context.Context, image string) error
	// Start starts one container and returns at once; ctx bounds the call, not the
	// container's life.
	Start(ctx context.Context, c Container) (Process, error)
}

// Container is what a Runtime starts: one container of one task.
type Container struct {
	Name        string
	Image       string
	Environment map[string]string
	// Hostname is the task's, such as ip-10-0-3-17.us-west-2.compute.internal.
	Hostname string
	// Cluster, Service, Family and TaskID say whose container it is.
	Cluster, Service, Family, TaskID string
	// Ports are the container's ports of its port mappings.
	Ports []int
}

// Process is a running container. Every method is safe for concurrent use.
type Process interface {
	// Address is where a port of the container is listened on in the sandbox's
	// network, and false when nothing in the container listens on it.
	Address(port int) (string, bool)
	// Exec runs a container health check's command ("CMD-SHELL", "curl …" or "CMD",
	// …) in the container: nil is exit code 0.
	Exec(ctx context.Context, command []string) error
	// Done is closed when the process has exited.
	Done() <-chan struct{}
	// ExitCode and Reason say how it exited; they are valid once Done is closed.
	ExitCode() int
	Reason() string
	// Stop ends the process: its listeners and its connections are closed when Stop
	// returns, and Done is closed. Stopping twice is harmless.
	Stop()
}
