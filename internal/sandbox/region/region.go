// Package region is what every service of the sandbox stands on: the account and
// the region that it pretends to be in, the network that its servers listen on, and
// the pace at which its control planes work.
//
// It imports the standard library only; every other package below internal/sandbox
// may import it.
package region

import (
	"context"
	"fmt"
	"math"
	"net"
	"sync/atomic"
	"time"
)

// Region is a region of one account. It is a value: copy it freely. All its methods
// are safe for concurrent use.
type Region struct {
	// Account is the twelve digits of the account.
	Account string
	// Name is the region's name, such as us-west-2.
	Name string
	// Network is where the region's servers listen and are dialled.
	Network Network
	// Pace stretches or shrinks the time that control planes take.
	Pace Pace
}

// ARN is the Amazon resource name of a resource of a service in this region, such
// as ARN("ecs", "cluster/blue").
func (r Region) ARN(service, resource string) string {
	return fmt.Sprintf("arn:aws:%s:%s:%s:%s", service, r.Name, r.Account, resource)
}

// GlobalARN is the Amazon resource name of a resource of a service without regions,
// such as GlobalARN("iam", "role/task").
func (r Region) GlobalARN(service, resource string) string {
	return fmt.Sprintf("arn:aws:%s::%s:%s", service, r.Account, resource)
}

// Pace is the factor by which the durations of AWS's control planes are multiplied:
// 1 is AWS's own pace, 0.1 ten times as fast, 0 without any wait. Copies of a Pace
// share it, so that Set changes it for everyone. The zero Pace is 0 for ever.
type Pace struct {
	factor *atomic.Uint64
}

// At is a pace of its own that begins with a factor; it must not be negative.
func At(factor float64) Pace {
	p := Pace{factor: new(atomic.Uint64)}
	p.Set(factor)
	return p
}

// Set changes the factor of a Pace that At made, for the waits that begin from now on.
func (p Pace) Set(factor float64) {
	p.factor.Store(math.Float64bits(max(factor, 0)))
}

// Scale is d at this pace.
func (p Pace) Scale(d time.Duration) time.Duration {
	if p.factor == nil {
		return 0
	}
	return time.Duration(float64(d) * math.Float64frombits(p.factor.Load()))
}

// Wait returns when d, at this pace, is over, or with the context's error.
func (p Pace) Wait(ctx context.Context, d time.Duration) error {
	scaled := p.Scale(d)
	if scaled <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(scaled)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Network is where servers listen and clients dial. Loopback is the real one; a test
// in virtual time brings one made of pipes.
type Network interface {
	// Listen opens a listener on a free port of its own.
	Listen(ctx context.Context) (net.Listener, error)
	// Dial connects to the address of a listener of this network.
	Dial(ctx context.Context, address string) (net.Conn, error)
}

// Loopback is the network of 127.0.0.1.
type Loopback struct{}

var _ Network = Loopback{}

// Listen opens a TCP listener on a free port of 127.0.0.1.
func (Loopback) Listen(ctx context.Context) (net.Listener, error) {
	var config net.ListenConfig
	return config.Listen(ctx, "tcp", "127.0.0.1:0")
}

// Dial connects to a TCP address.
func (Loopback) Dial(ctx context.Context, address string) (net.Conn, error) {
	var dialer net.Dialer
	return dialer.DialContext(ctx, "tcp", address)
}
