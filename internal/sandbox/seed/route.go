package seed

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"
)

// Policies of the routes: requests that failed on the server's side are tried twice
// more, and an idle connection is closed after two seconds.
const (
	retries          = 2
	retryTimeout     = 2000
	idleTimeout      = 2000
	everything       = "/"
	wholeWeight      = 100
	serverErrorEvent = "server-error"
	gatewayError     = "gateway-error"
)

// routeSpec sends everything to one virtual node.
func routeSpec(protocol, node string) (*types.RouteSpec, error) {
	targets := []types.WeightedTarget{{VirtualNode: aws.String(node), Weight: wholeWeight}}
	switch protocol {
	case "http":
		return &types.RouteSpec{HttpRoute: &types.HttpRoute{
			Match:  &types.HttpRouteMatch{Prefix: aws.String(everything)},
			Action: &types.HttpRouteAction{WeightedTargets: targets},
			RetryPolicy: &types.HttpRetryPolicy{
				HttpRetryEvents: []string{serverErrorEvent, gatewayError},
				MaxRetries:      aws.Int64(retries), PerRetryTimeout: milliseconds(retryTimeout),
			},
		}}, nil
	case "tcp":
		return &types.RouteSpec{TcpRoute: &types.TcpRoute{
			Action:  &types.TcpRouteAction{WeightedTargets: targets},
			Timeout: &types.TcpTimeout{Idle: milliseconds(idleTimeout)},
		}}, nil
	default:
		return nil, fmt.Errorf("seed: there is no route for protocol %q", protocol)
	}
}

func milliseconds(n int64) *types.Duration {
	return &types.Duration{Unit: types.DurationUnitMs, Value: aws.Int64(n)}
}
