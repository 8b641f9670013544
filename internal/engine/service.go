package engine

import "strings"

// Protocol is what a service speaks, in App Mesh's words.
type Protocol string

// The protocols that a service may speak.
const (
	HTTP  Protocol = "http"
	HTTP2 Protocol = "http2"
	GRPC  Protocol = "grpc"
	TCP   Protocol = "tcp"
)

// HasResponses tells whether the protocol has response codes to count; tcp has none.
func (p Protocol) HasResponses() bool { return p != TCP }

// Service is one microservice of one environment.
type Service struct {
	// Environment is the name of the mesh and the cluster and the prefix of every stack.
	Environment string   `json:"environment"`
	Name        string   `json:"name"`
	Namespace   string   `json:"namespace"`
	Protocol    Protocol `json:"protocol"`
	Port        int      `json:"port"`
}

// StackName is the name of the stack of one version: <env>-<service>-<sha>.
func (s Service) StackName(sha string) string {
	return s.Environment + "-" + s.Name + "-" + sha
}

// VersionName is what the virtual node, the ECS service and the Cloud Map service of
// one version are called: <service>-<sha>.
func (s Service) VersionName(sha string) string { return s.Name + "-" + sha }

// ShaOf is the sha in the name of a version of this service, and empty for a name that
// is not one. A sha has no hyphen, so the names of yelb are not taken for those of
// yelb-ui.
func (s Service) ShaOf(versionName string) string {
	sha, found := strings.CutPrefix(versionName, s.Name+"-")
	if !found || strings.Contains(sha, "-") {
		return ""
	}
	return sha
}

// ParameterName is the name of the SSM parameter that records the deployed image.
func (s Service) ParameterName() string {
	return s.Environment + "-canary-" + s.Name + "-version"
}

// Version is one build of a service.
type Version struct {
	Sha   string `json:"sha"`
	Image string `json:"image,omitempty"`
}

// Key says which service a rollout is of, among all accounts and regions.
type Key struct {
	Account     string `json:"account"`
	Region      string `json:"region"`
	Environment string `json:"environment"`
	Service     string `json:"service"`
}

// String is the key as one path, for logs and for the journal.
func (k Key) String() string {
	return k.Account + "/" + k.Region + "/" + k.Environment + "/" + k.Service
}
