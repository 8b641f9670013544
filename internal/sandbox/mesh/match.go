package mesh

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"
)

// condition is one thing that a route asks of a request; all of them must hold.
type condition func(*http.Request) bool

// never is the condition of a route that cannot match, such as one for another port.
func never(*http.Request) bool { return false }

// route is the first route that a request matches, and nil when there is none.
func (f *front) route(request *http.Request) *route {
	for _, r := range f.routes {
		if r.matches(request) {
			return r
		}
	}
	return nil
}

func (r *route) matches(request *http.Request) bool {
	for _, holds := range r.conditions {
		if !holds(request) {
			return false
		}
	}
	return true
}

// httpConditions are what an HttpRouteMatch asks for (App Mesh API reference).
func httpConditions(match *types.HttpRouteMatch, port int32) []condition {
	if match == nil {
		return nil
	}
	if wanted := aws.ToInt32(match.Port); wanted != 0 && wanted != port {
		return []condition{never}
	}
	conditions := pathConditions(match)
	if match.Method != "" {
		conditions = append(conditions, func(r *http.Request) bool { return r.Method == string(match.Method) })
	}
	if match.Scheme != "" {
		// The sandbox speaks no TLS, so every request's scheme is http.
		conditions = append(conditions, func(*http.Request) bool { return match.Scheme == types.HttpSchemeHttp })
	}
	for _, header := range match.Headers {
		conditions = append(conditions, headerCondition(header))
	}
	for _, parameter := range match.QueryParameters {
		conditions = append(conditions, queryCondition(parameter))
	}
	return conditions
}

func pathConditions(match *types.HttpRouteMatch) []condition {
	var conditions []condition
	if prefix := aws.ToString(match.Prefix); prefix != "" && prefix != "/" {
		conditions = append(conditions, pathCondition(func(path string) bool { return strings.HasPrefix(path, prefix) }))
	}
	if match.Path == nil {
		return conditions
	}
	if exact := match.Path.Exact; exact != nil {
		conditions = append(conditions, pathCondition(func(path string) bool { return path == *exact }))
	}
	if expression := match.Path.Regex; expression != nil {
		conditions = append(conditions, pathCondition(wholly(*expression)))
	}
	return conditions
}

func pathCondition(holds func(path string) bool) condition {
	return func(r *http.Request) bool { return holds(r.URL.EscapedPath()) }
}

// wholly matches the whole text, as Envoy's regular expressions do; they are RE2's, as
// Go's are. An expression that does not compile matches nothing.
func wholly(expression string) func(text string) bool {
	compiled, err := regexp.Compile("^(?:" + expression + ")$")
	if err != nil {
		return func(string) bool { return false }
	}
	return compiled.MatchString
}

func queryCondition(parameter types.HttpQueryParameter) condition {
	name := aws.ToString(parameter.Name)
	return func(r *http.Request) bool {
		// Values that cannot be parsed are left out, those before them count.
		query, _ := url.ParseQuery(r.URL.RawQuery)
		if !query.Has(name) {
			return false
		}
		return parameter.Match == nil || parameter.Match.Exact == nil || query.Get(name) == *parameter.Match.Exact
	}
}

func headerCondition(header types.HttpRouteHeader) condition {
	return valueCondition(aws.ToString(header.Name), aws.ToBool(header.Invert), headerTest(header.Match))
}

// valueCondition tests a header's value, several being joined by a comma. As in Envoy
// a header that is absent fails every test of its value, an inverted one too; only the
// test for presence, which is a nil test, can be inverted to absence.
func valueCondition(name string, invert bool, test func(value string) bool) condition {
	name = http.CanonicalHeaderKey(name)
	return func(r *http.Request) bool {
		values, present := r.Header[name]
		if name == "Host" || name == ":authority" {
			values, present = []string{r.Host}, r.Host != ""
		}
		if test == nil {
			return present != invert
		}
		return present && test(strings.Join(values, ",")) != invert
	}
}

func headerTest(match types.HeaderMatchMethod) func(value string) bool {
	switch m := match.(type) {
	case *types.HeaderMatchMethodMemberExact:
		return func(value string) bool { return value == m.Value }
	case *types.HeaderMatchMethodMemberPrefix:
		return func(value string) bool { return strings.HasPrefix(value, m.Value) }
	case *types.HeaderMatchMethodMemberSuffix:
		return func(value string) bool { return strings.HasSuffix(value, m.Value) }
	case *types.HeaderMatchMethodMemberRegex:
		return wholly(m.Value)
	case *types.HeaderMatchMethodMemberRange:
		return within(m.Value)
	default:
		return nil
	}
}

// within is true of whole numbers from the range's start to before its end (App Mesh
// API reference, MatchRange).
func within(r types.MatchRange) func(value string) bool {
	return func(value string) bool {
		number, err := strconv.ParseInt(value, 10, 64)
		return err == nil && number >= aws.ToInt64(r.Start) && number < aws.ToInt64(r.End)
	}
}

// grpcConditions are what a GrpcRouteMatch asks for. A call's path is
// /<service>/<method>, its metadata are the request's headers.
func grpcConditions(match *types.GrpcRouteMatch, port int32) []condition {
	if match == nil {
		return nil
	}
	if wanted := aws.ToInt32(match.Port); wanted != 0 && wanted != port {
		return []condition{never}
	}
	var conditions []condition
	if service := aws.ToString(match.ServiceName); service != "" {
		path := "/" + service + "/" + aws.ToString(match.MethodName)
		holds := func(got string) bool { return strings.HasPrefix(got, path) }
		if aws.ToString(match.MethodName) != "" {
			holds = func(got string) bool { return got == path }
		}
		conditions = append(conditions, pathCondition(holds))
	}
	for _, metadata := range match.Metadata {
		conditions = append(conditions,
			valueCondition(aws.ToString(metadata.Name), aws.ToBool(metadata.Invert), metadataTest(metadata.Match)))
	}
	return conditions
}

// metadataTest is headerTest for gRPC's metadata, whose match is a union of its own.
func metadataTest(match types.GrpcRouteMetadataMatchMethod) func(value string) bool {
	switch m := match.(type) {
	case *types.GrpcRouteMetadataMatchMethodMemberExact:
		return headerTest(&types.HeaderMatchMethodMemberExact{Value: m.Value})
	case *types.GrpcRouteMetadataMatchMethodMemberPrefix:
		return headerTest(&types.HeaderMatchMethodMemberPrefix{Value: m.Value})
	case *types.GrpcRouteMetadataMatchMethodMemberSuffix:
		return headerTest(&types.HeaderMatchMethodMemberSuffix{Value: m.Value})
	case *types.GrpcRouteMetadataMatchMethodMemberRegex:
		return headerTest(&types.HeaderMatchMethodMemberRegex{Value: m.Value})
	case *types.GrpcRouteMetadataMatchMethodMemberRange:
		return headerTest(&types.HeaderMatchMethodMemberRange{Value: m.Value})
	default:
		return nil
	}
}
