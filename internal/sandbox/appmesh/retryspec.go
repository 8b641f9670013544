package appmesh

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"
)

// checkHTTPRetries enforces the bounds of an HTTP retry policy (App Mesh API
// reference, HttpRetryPolicy): the number and the time are required, and so is at
// least one event.
func checkHTTPRetries(member string, policy *types.HttpRetryPolicy) error {
	if policy == nil {
		return nil
	}
	if len(policy.HttpRetryEvents)+len(policy.TcpRetryEvents) == 0 {
		return badRequest("%s must have at least one retry event.", member)
	}
	return first(
		func() error { return checkRetries(member, policy.MaxRetries, policy.PerRetryTimeout) },
		func() error { return checkEvents(member, policy.HttpRetryEvents, policy.TcpRetryEvents) },
	)
}

func checkGRPCRetries(member string, policy *types.GrpcRetryPolicy) error {
	if policy == nil {
		return nil
	}
	if len(policy.GrpcRetryEvents)+len(policy.HttpRetryEvents)+len(policy.TcpRetryEvents) == 0 {
		return badRequest("%s must have at least one retry event.", member)
	}
	for _, event := range policy.GrpcRetryEvents {
		if err := oneOf(member+".grpcRetryEvents", event); err != nil {
			return err
		}
	}
	return first(
		func() error { return checkRetries(member, policy.MaxRetries, policy.PerRetryTimeout) },
		func() error { return checkEvents(member, policy.HttpRetryEvents, policy.TcpRetryEvents) },
	)
}

func checkRetries(member string, retries *int64, perRetry *types.Duration) error {
	switch {
	case retries == nil || *retries < 0:
		return badRequest("%s.maxRetries must be at least 0.", member)
	case perRetry == nil:
		return badRequest("%s.perRetryTimeout is required.", member)
	default:
		return checkDuration(member+".perRetryTimeout", perRetry)
	}
}

func checkEvents(member string, http []string, tcp []types.TcpRetryPolicyEvent) error {
	for _, event := range http {
		if !slices.Contains([]string{"server-error", "gateway-error", "client-error", "stream-error"}, event) {
			return badRequest("%s.httpRetryEvents has the unknown event %s.", member, event)
		}
	}
	if len(tcp) > 1 {
		return badRequest("%s.tcpRetryEvents can have one event.", member)
	}
	for _, event := range tcp {
		if err := oneOf(member+".tcpRetryEvents", event); err != nil {
			return err
		}
	}
	return nil
}
