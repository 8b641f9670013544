package sandbox

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"serin/internal/sandbox/wire"
)

// target is an operation in one of the protocols that its service speaks.
type target struct {
	scope     string
	operation wire.Operation
	speak     func(operation wire.Operation, body []byte) (method, path string, header map[string]string, sent []byte)
}

func speakREST(operation wire.Operation, body []byte) (method, path string, header map[string]string, sent []byte) {
	// Names that are there, so that more than the absence of a mesh is met.
	for label, name := range map[string]string{
		"meshName": "ecs-blogpost", "virtualRouterName": "yelb-appserver-virtual-router", "routeName": "yelb-appserver-route",
	} {
		operation.Path = strings.ReplaceAll(operation.Path, "{"+label+"}", name)
	}
	path = strings.NewReplacer("{", "", "}", "").Replace(operation.Path)
	if query, rest, found := bytes.Cut(body, []byte("\n")); found {
		path, body = path+"?"+url.PathEscape(string(query)), rest
	}
	return operation.Method, path, nil, body
}

func speakJSON(target, version string) func(wire.Operation, []byte) (string, string, map[string]string, []byte) {
	return func(operation wire.Operation, body []byte) (string, string, map[string]string, []byte) {
		return http.MethodPost, "/", map[string]string{
			"X-Amz-Target": target + "." + operation.Name, "Content-Type": "application/x-amz-json-" + version,
		}, body
	}
}

func speakQuery(operation wire.Operation, body []byte) (method, path string, header map[string]string, sent []byte) {
	return http.MethodPost, "/", map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
		append([]byte("Action="+operation.Name+"&"), body...)
}

func speakCBOR(operation wire.Operation, body []byte) (method, path string, header map[string]string, sent []byte) {
	return http.MethodPost, "/service/GraniteServiceVersion20100801/operation/" + operation.Name,
		map[string]string{"Smithy-Protocol": "rpc-v2-cbor"}, body
}

// targets are all operations of all services in all of their protocols.
func targets(services []wire.Service) []target {
	const metrics = "GraniteServiceVersion20100801"
	speaking := map[string][]func(wire.Operation, []byte) (string, string, map[string]string, []byte){
		"appmesh": {speakREST}, "cloudformation": {speakQuery}, "sts": {speakQuery},
		"monitoring":       {speakCBOR, speakQuery, speakJSON(metrics, "1.0")},
		"ecr":              {speakJSON("AmazonEC2ContainerRegistry_V20150921", "1.1")},
		"ecs":              {speakJSON("AmazonEC2ContainerServiceV20141113", "1.1")},
		"servicediscovery": {speakJSON("Route53AutoNaming_v20170314", "1.1")},
		"ssm":              {speakJSON("AmazonSSM", "1.1")},
	}
	var all []target
	for _, service := range services {
		for _, operation := range service.Operations {
			for _, speak := range speaking[service.Scope] {
				all = append(all, target{service.Scope, operation, speak})
			}
		}
	}
	return all
}

// FuzzCalls sends anything to every operation of a running region, in every protocol
// that it speaks: each is answered, and none with a failure of the sandbox's own.
func FuzzCalls(f *testing.F) {
	s, err := Start(f.Context(), Options{Empty: true, Pace: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(s.Close)
	services := s.services()
	handler, err := wire.NewHandler(services, nil)
	if err != nil {
		f.Fatal(err)
	}
	all := targets(services)
	bodies := map[string][]string{
		"appmesh":          {"limit=1\n{}", `{"spec":{"httpRoute":{"action":{"weightedTargets":[{"virtualNode":"a","weight":1}]},"match":{"prefix":"/"}}}}`},
		"cloudformation":   {"StackName=a&TemplateBody=Resources:", "StackName=ecs-blogpost-mesh"},
		"monitoring":       {"\xa1\x69Namespace\x61n", "Namespace=n&MetricData.member.1.MetricName=m", `{"Namespace":"n"}`},
		"ecs":              {`{"cluster":"ecs-blogpost","services":["a"],"tasks":["a"],"service":"a","desiredCount":1}`},
		"servicediscovery": {`{"NamespaceName":"yelb.local","ServiceName":"a","Filters":[{}]}`},
		"ssm":              {`{"Name":"/a","Value":"b","Type":"SecureString","Names":["/a"],"Path":"/"}`},
	}
	for which, c := range all {
		for _, body := range append(bodies[c.scope], "", "{}") {
			f.Add(uint(which), []byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, which uint, body []byte) {
		c := all[which%uint(len(all))]
		method, path, header, sent := c.speak(c.operation, body)
		r := httptest.NewRequestWithContext(t.Context(), method, path, bytes.NewReader(sent))
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+accessKey+"/20261123/us-west-2/"+c.scope+"/aws4_request, SignedHeaders=host, Signature=0")
		for name, value := range header {
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code >= http.StatusInternalServerError {
			t.Errorf("%s %s %q: %d %s", c.scope, c.operation.Name, body, w.Code, w.Body)
		}
	})
}
