package specfiles_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"

	"serin/specfiles"
)

// deploy is a deploy.json before the build completes it, as the original has it.
type deploy struct {
	EnvironmentName       string
	MicroserviceName      string
	Namespace             string
	Protocol              string
	Port                  int
	PercentageStep        int
	WaitTime              int
	FailureThresholdValue int
	FailureThresholdTime  int
}

func yelb(service, protocol string, port, step, threshold, window int) deploy {
	return deploy{"ecs-blogpost", service, "yelb.local", protocol, port, step, 60, threshold, window}
}

// services are Yelb's facts: how each is rolled out, and what its version needs.
var services = map[string]struct {
	deploy   deploy
	path     string
	backends []string
	imports  []string
}{
	"yelb-ui": {
		deploy: yelb("yelb-ui", "http", 80, 25, 1, 600), path: "/",
		backends: []string{"yelb-appserver.${Namespace}"}, imports: []string{"TargetGroupArn"},
	},
	"yelb-appserver": {
		deploy: yelb("yelb-appserver", "http", 4567, 10, 1, 600), path: "/api/hostname",
		backends: []string{"yelb-db.${Namespace}", "yelb-redisserver.${Namespace}"},
	},
	"yelb-redisserver": {deploy: yelb("yelb-redisserver", "tcp", 6379, 25, 5, 300)},
	"yelb-db":          {deploy: yelb("yelb-db", "tcp", 5432, 25, 5, 300)},
}

func TestServicesAreYelbs(t *testing.T) {
	want := slices.Sorted(maps.Keys(services))
	if got := specfiles.Services(); !slices.Equal(got, want) {
		t.Errorf("Services() = %q, want %q", got, want)
	}
}

func TestReadNamesWhatThereIs(t *testing.T) {
	for _, c := range []struct{ service, file string }{
		{"yelb-cache", specfiles.DeployFile},
		{"yelb-ui", "Dockerfile"},
		{"..", "go.mod"},
		{"yelb-ui", "../yelb-db/deploy.json"},
		{"", ""},
	} {
		if b, err := specfiles.Read(c.service, c.file); !errors.Is(err, fs.ErrNotExist) || b != nil {
			t.Errorf("Read(%q, %q) = %q, %v; want an error that wraps fs.ErrNotExist", c.service, c.file, b, err)
		}
	}
}

func TestDeployFilesSayHowYelbIsRolledOut(t *testing.T) {
	for name, service := range services {
		decoder := json.NewDecoder(bytes.NewReader(read(t, name, specfiles.DeployFile)))
		decoder.DisallowUnknownFields()
		var got deploy
		if err := decoder.Decode(&got); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got != service.deploy {
			t.Errorf("%s: got %+v, want %+v", name, got, service.deploy)
		}
	}
}

func TestBuildIsTheSameForEveryService(t *testing.T) {
	want := read(t, "yelb-ui", specfiles.BuildFile)
	for name := range services {
		if !bytes.Equal(read(t, name, specfiles.BuildFile), want) {
			t.Errorf("%s: build.yml differs from yelb-ui's", name)
		}
	}
}

func TestTemplateParameters(t *testing.T) {
	given := []string{"EnvironmentName", "MicroserviceName", "Namespace", "Sha", "ContainerImage", "Port", "Protocol"}
	optional := []string{"ContainerHealthCheck", "DesiredCount", "EnvoyImage", "LaunchType", "LogGroup"}
	want := slices.Sorted(slices.Values(slices.Concat(given, optional)))
	for name := range services {
		parameters := readTemplate(t, name).Parameters
		if got := slices.Sorted(maps.Keys(parameters)); !slices.Equal(got, want) {
			t.Errorf("%s: parameters %q, want %q", name, got, want)
		}
		for parameter, declared := range parameters {
			// A parameter without a default must be given: that only the original's are is
			// what lets a deploy.json of the original work with these templates.
			if required := declared.Default == nil; required != slices.Contains(given, parameter) {
				t.Errorf("%s: parameter %s: required is %t", name, parameter, required)
			}
		}
		if got := parameters["ContainerHealthCheck"].Default; got != "on" {
			t.Errorf("%s: ContainerHealthCheck defaults to %v", name, got)
		}
		if got := parameters["Protocol"].AllowedValues; !slices.Equal(got, []string{services[name].deploy.Protocol}) {
			t.Errorf("%s: Protocol allows %q", name, got)
		}
	}
}

func TestTemplateResources(t *testing.T) {
	want := map[string]string{
		"DiscoveryService": "AWS::ServiceDiscovery::Service",
		"VirtualNode":      "AWS::AppMesh::VirtualNode",
		"TaskDefinition":   "AWS::ECS::TaskDefinition",
		"Service":          "AWS::ECS::Service",
	}
	for name := range services {
		got := map[string]string{}
		for id, r := range readTemplate(t, name).Resources {
			got[id] = r.Type
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: resources %v, want %v", name, got, want)
		}
	}
}

func TestTemplateImportsWhatTheEnvironmentExports(t *testing.T) {
	every := []string{
		"CloudMapNamespaceId", "Mesh", "ExecutionRole", "TaskRole",
		"ContainerSecurityGroup", "PrivateSubnet1", "PrivateSubnet2",
	}
	for name, service := range services {
		var want []string
		for _, export := range slices.Concat(every, service.imports) {
			want = append(want, "${EnvironmentName}:"+export)
		}
		slices.Sort(want)
		var document any
		if err := yaml.Unmarshal(read(t, name, specfiles.TemplateFile), &document); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := slices.Sorted(slices.Values(imports(document))); !slices.Equal(got, want) {
			t.Errorf("%s: imports %q, want %q", name, got, want)
		}
	}
}

func TestVirtualNodeListensAndCallsAsTheServiceDoes(t *testing.T) {
	for name, service := range services {
		spec := readTemplate(t, name).Resources["VirtualNode"].Properties.Spec
		if len(spec.Listeners) != 1 {
			t.Fatalf("%s: %d listeners, want 1", name, len(spec.Listeners))
		}
		if got := spec.Listeners[0].HealthCheck.Path; got != service.path {
			t.Errorf("%s: the listener's health check asks %q, want %q", name, got, service.path)
		}
		var backends []string
		for _, b := range spec.Backends {
			backends = append(backends, b.VirtualService.VirtualServiceName)
		}
		if !slices.Equal(backends, service.backends) {
			t.Errorf("%s: backends %q, want %q", name, backends, service.backends)
		}
	}
}

// template is the part of a CloudFormation template that the tests look at. The YAML
// package reads a short function such as !Sub as its argument.
type template struct {
	Parameters map[string]struct {
		Default       any      `yaml:"Default"`
		AllowedValues []string `yaml:"AllowedValues"`
	} `yaml:"Parameters"`
	Resources map[string]struct {
		Type       string `yaml:"Type"`
		Properties struct {
			Spec virtualNode `yaml:"Spec"`
		} `yaml:"Properties"`
	} `yaml:"Resources"`
}

type virtualNode struct {
	Listeners []struct {
		HealthCheck struct {
			Path string `yaml:"Path"`
		} `yaml:"HealthCheck"`
	} `yaml:"Listeners"`
	Backends []struct {
		VirtualService struct {
			VirtualServiceName string `yaml:"VirtualServiceName"`
		} `yaml:"VirtualService"`
	} `yaml:"Backends"`
}

func readTemplate(t *testing.T, service string) template {
	t.Helper()
	var parsed template
	if err := yaml.Unmarshal(read(t, service, specfiles.TemplateFile), &parsed); err != nil {
		t.Fatalf("%s: %v", service, err)
	}
	return parsed
}

func read(t *testing.T, service, file string) []byte {
	t.Helper()
	b, err := specfiles.Read(service, file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// imports returns the argument of every Fn::ImportValue below a YAML value.
func imports(value any) []string {
	var found []string
	switch v := value.(type) {
	case map[string]any:
		for key, child := range v {
			if name, ok := child.(string); ok && key == "Fn::ImportValue" {
				found = append(found, name)
			}
			found = append(found, imports(child)...)
		}
	case []any:
		for _, child := range v {
			found = append(found, imports(child)...)
		}
	}
	return found
}
