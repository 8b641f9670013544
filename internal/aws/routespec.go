package aws

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/engine"
)

// App Mesh's limits of a route (API reference, WeightedTarget and HttpRouteAction): a
// weight is 0 to 100, the weights of a route add up to 100 at most, and it has 1 to 10
// targets.
const (
	weightLimit = 100
	targetLimit = 10
)

// targetsOf is where a specification keeps its targets, whatever its protocol. A route
// has exactly one of the four actions.
func targetsOf(spec *types.RouteSpec) (*[]types.WeightedTarget, error) {
	if spec == nil {
		return nil, errors.New("the route has no specification")
	}
	var found []*[]types.WeightedTarget
	if route := spec.HttpRoute; route != nil && route.Action != nil {
		found = append(found, &route.Action.WeightedTargets)
	}
	if route := spec.Http2Route; route != nil && route.Action != nil {
		found = append(found, &route.Action.WeightedTargets)
	}
	if route := spec.GrpcRoute; route != nil && route.Action != nil {
		found = append(found, &route.Action.WeightedTargets)
	}
	if route := spec.TcpRoute; route != nil && route.Action != nil {
		found = append(found, &route.Action.WeightedTargets)
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("the route has %d actions where one is expected", len(found))
	}
	return found[0], nil
}

// protocolOf is the protocol that a route is for; empty for a route without one.
func protocolOf(spec *types.RouteSpec) engine.Protocol {
	switch {
	case spec == nil:
		return ""
	case spec.HttpRoute != nil:
		return engine.HTTP
	case spec.Http2Route != nil:
		return engine.HTTP2
	case spec.GrpcRoute != nil:
		return engine.GRPC
	case spec.TcpRoute != nil:
		return engine.TCP
	default:
		return ""
	}
}

// checkDistinct refuses a route that names a version twice, as one may that tells ports
// apart: a weight would not say which of the two is meant.
func checkDistinct(service engine.Service, targets []types.WeightedTarget) error {
	seen := make(map[string]bool)
	for _, target := range engineTargets(service, targets) {
		if target.Sha != "" && seen[target.Sha] {
			return fmt.Errorf("the route names version %s twice", target.Sha)
		}
		seen[target.Sha] = true
	}
	return nil
}

// engineTargets are the targets of a specification in the engine's words.
func engineTargets(service engine.Service, targets []types.WeightedTarget) []engine.Target {
	out := make([]engine.Target, len(targets))
	for i, target := range targets {
		name := text(target.VirtualNode)
		out[i] = engine.Target{Name: name, Sha: service.ShaOf(name), Weight: int(target.Weight)}
	}
	return out
}

// shapeOf is a digest of all of a specification but its targets.
func shapeOf(spec *types.RouteSpec) (string, error) {
	document, err := encodeSpec(spec)
	if err != nil {
		return "", err
	}
	bare, err := decodeSpec(document)
	if err != nil {
		return "", err
	}
	targets, err := targetsOf(bare)
	if err != nil {
		return "", err
	}
	*targets = nil
	document, err = encodeSpec(bare)
	if err != nil {
		return "", err
	}
	return digest(string(document)), nil
}

// digest is a short name for texts, of characters that App Mesh and CloudFormation allow
// in client tokens: letters, digits and "_" or "-", 32 of them. It tells ("ab", "c")
// from ("a", "bc").
func digest(texts ...string) string {
	hash := sha256.New()
	for _, one := range texts {
		fmt.Fprintf(hash, "%d:%s", len(one), one)
	}
	return base64.RawURLEncoding.EncodeToString(hash.Sum(nil))[:32]
}

// checkSplit refuses a split that no route could follow.
func checkSplit(split engine.Split) error {
	seen := make(map[string]bool)
	for _, want := range split.Weights {
		switch {
		case want.Sha == "":
			return errors.New("a weight is given to a version without a sha")
		case seen[want.Sha]:
			return fmt.Errorf("version %s is given two weights", want.Sha)
		case want.Weight < 0 || want.Weight > weightLimit:
			return fmt.Errorf("version %s is given the weight %d; weights are 0 to %d", want.Sha, want.Weight, weightLimit)
		case slices.Contains(split.Drop, want.Sha):
			return fmt.Errorf("version %s is given a weight and dropped at once", want.Sha)
		}
		seen[want.Sha] = true
	}
	return nil
}

// follows tells whether targets already are as a split wants them.
func follows(service engine.Service, targets []types.WeightedTarget, split engine.Split) bool {
	route := engine.Route{Targets: engineTargets(service, targets)}
	for _, want := range split.Weights {
		if !route.Names(want.Sha) {
			return false
		}
	}
	for _, target := range route.Targets {
		if slices.Contains(split.Drop, target.Sha) && target.Sha != "" {
			return false
		}
		for _, want := range split.Weights {
			if target.Sha == want.Sha && target.Weight != want.Weight {
				return false
			}
		}
	}
	return true
}

// applySplit applies a split to targets and returns the new ones: known versions keep their
// place and port, new ones come last with the port of the versions that are there,
// dropped ones go, and every other target stays as it is.
func applySplit(service engine.Service, targets []types.WeightedTarget, split engine.Split) ([]types.WeightedTarget, error) {
	weights := make(map[string]int32, len(split.Weights))
	for _, want := range split.Weights {
		weights[want.Sha] = int32(want.Weight) // 0..100, by checkSplit
	}
	var out []types.WeightedTarget
	var port *int32
	for _, target := range targets {
		sha := service.ShaOf(awssdk.ToString(target.VirtualNode))
		if sha != "" && port == nil {
			port = target.Port
		}
		if sha != "" && slices.Contains(split.Drop, sha) {
			continue
		}
		if weight, listed := weights[sha]; listed {
			target.Weight = weight
		}
		out = append(out, target)
	}
	for _, want := range split.Weights {
		if !namesVersion(service, targets, want.Sha) {
			node := service.VersionName(want.Sha)
			out = append(out, types.WeightedTarget{VirtualNode: &node, Weight: weights[want.Sha], Port: port})
		}
	}
	return out, checkTargets(service, out)
}

// besideOthers lowers the weight of a split's only version to what the targets that the
// split does not speak of leave of a hundred, where it is to be written whatever is
// there (a roll back).
func besideOthers(service engine.Service, targets []types.WeightedTarget, split engine.Split) engine.Split {
	if split.After != "" || len(split.Weights) != 1 {
		return split
	}
	only, left := split.Weights[0], weightLimit
	for _, target := range engineTargets(service, targets) {
		if target.Sha == "" || target.Sha != only.Sha && !slices.Contains(split.Drop, target.Sha) {
			left -= target.Weight
		}
	}
	if left > 0 && only.Weight > left {
		split.Weights = []engine.Weight{{Sha: only.Sha, Weight: left}}
	}
	return split
}

func namesVersion(service engine.Service, targets []types.WeightedTarget, sha string) bool {
	return slices.ContainsFunc(targets, func(target types.WeightedTarget) bool {
		return awssdk.ToString(target.VirtualNode) == service.VersionName(sha)
	})
}

// checkTargets refuses targets that App Mesh would not take, and those that would serve
// nobody.
func checkTargets(service engine.Service, targets []types.WeightedTarget) error {
	var sum int32
	var foreign []string
	for _, target := range targets {
		sum += target.Weight
		if name := text(target.VirtualNode); service.ShaOf(name) == "" && target.Weight > 0 {
			foreign = append(foreign, fmt.Sprintf("%s has %d", name, target.Weight))
		}
	}
	switch {
	case len(targets) == 0:
		return errors.New("the route would have no target left")
	case len(targets) > targetLimit:
		return fmt.Errorf("the route would have %d targets; App Mesh allows %d", len(targets), targetLimit)
	case sum > weightLimit && len(foreign) > 0:
		return fmt.Errorf("the weights would add up to %d; App Mesh allows %d (%s, which is no version of %s)",
			sum, weightLimit, list(foreign), service.Name)
	case sum > weightLimit:
		return fmt.Errorf("the weights would add up to %d; App Mesh allows %d", sum, weightLimit)
	case sum == 0:
		return errors.New("every weight would be 0: nobody would be served")
	default:
		return nil
	}
}

// Retries of the routes that Serin makes: as the original's, but for client errors. A
// request that the client got wrong is not better the second time.
const (
	routeRetries    = 2
	routePerRetryMS = 2000
)

// newSpec is the specification of a route that is made for a first deployment.
func newSpec(protocol engine.Protocol, targets []types.WeightedTarget) (*types.RouteSpec, error) {
	perRetry := types.Duration{Unit: types.DurationUnitMs, Value: awssdk.Int64(routePerRetryMS)}
	events := []string{"server-error", "gateway-error"}
	web := func() *types.HttpRoute {
		return &types.HttpRoute{
			Action: &types.HttpRouteAction{WeightedTargets: targets},
			Match:  &types.HttpRouteMatch{Prefix: awssdk.String("/")},
			RetryPolicy: &types.HttpRetryPolicy{
				MaxRetries: awssdk.Int64(routeRetries), PerRetryTimeout: &perRetry, HttpRetryEvents: events,
			},
		}
	}
	switch protocol {
	case engine.HTTP:
		return &types.RouteSpec{HttpRoute: web()}, nil
	case engine.HTTP2:
		return &types.RouteSpec{Http2Route: web()}, nil
	case engine.GRPC:
		return &types.RouteSpec{GrpcRoute: &types.GrpcRoute{
			Action: &types.GrpcRouteAction{WeightedTargets: targets},
			Match:  &types.GrpcRouteMatch{},
			RetryPolicy: &types.GrpcRetryPolicy{
				MaxRetries: awssdk.Int64(routeRetries), PerRetryTimeout: &perRetry, HttpRetryEvents: events,
				GrpcRetryEvents: []types.GrpcRetryPolicyEvent{types.GrpcRetryPolicyEventUnavailable},
			},
		}}, nil
	case engine.TCP:
		return &types.RouteSpec{TcpRoute: &types.TcpRoute{
			Action:  &types.TcpRouteAction{WeightedTargets: targets},
			Timeout: &types.TcpTimeout{Idle: &perRetry},
		}}, nil
	default:
		return nil, fmt.Errorf("there is no protocol %q", string(protocol))
	}
}

// routeDocument is engine.Route's Document. It names the router, so that no other one
// takes it for its own.
type routeDocument struct {
	AppMesh json.RawMessage `json:"app_mesh"`
}

func writeDocument(spec *types.RouteSpec) (json.RawMessage, error) {
	encoded, err := encodeSpec(spec)
	if err != nil {
		return nil, err
	}
	return json.Marshal(routeDocument{AppMesh: encoded})
}

func readDocument(document json.RawMessage) (*types.RouteSpec, error) {
	var held routeDocument
	if err := json.Unmarshal(document, &held); err != nil {
		return nil, fmt.Errorf("read the route's document: %w", err)
	}
	if len(held.AppMesh) == 0 {
		return nil, errors.New("the route's document is not of App Mesh")
	}
	return decodeSpec(held.AppMesh)
}
