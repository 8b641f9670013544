// Package specfiles holds what a microservice's repository carries to be built and
// rolled out: how its image is built, how one version of it is deployed and how traffic
// moves to that version. The four services are Yelb's; they are what the sandbox runs
// and what a new service's files are written from.
//
// It imports the standard library only.
package specfiles

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// The files of a service, each at <service>/<file> in FS.
const (
	// DeployFile says how a service is rolled out.
	DeployFile = "deploy.json"
	// BuildFile is the CodeBuild buildspec that makes an image and completes DeployFile.
	BuildFile = "build.yml"
	// TemplateFile is the CloudFormation template of one version.
	TemplateFile = "canary-helper.yaml"
)

// FS holds every service's files, at <service>/<file>. It is never written to.
//
//go:embed */deploy.json */build.yml */canary-helper.yaml
var FS embed.FS

// Services returns the names of the services that have files, sorted. The slice is the
// caller's.
func Services() []string {
	templates, err := fs.Glob(FS, path.Join("*", TemplateFile))
	if err != nil { // The pattern is constant: only a typing error here can make it bad.
		panic(err)
	}
	services := make([]string, 0, len(templates))
	for _, t := range templates {
		services = append(services, path.Dir(t))
	}
	slices.Sort(services)
	return services
}

// Read returns a file of a service, where file is DeployFile, BuildFile or TemplateFile.
// For a service or a file that does not exist the error wraps fs.ErrNotExist and names
// those that do. The bytes are the caller's.
func Read(service, file string) ([]byte, error) {
	if !slices.Contains(Services(), service) {
		return nil, fmt.Errorf("specfiles of service %q: %w (there are those of %s)",
			service, fs.ErrNotExist, strings.Join(Services(), ", "))
	}
	files := []string{DeployFile, BuildFile, TemplateFile}
	if !slices.Contains(files, file) {
		return nil, fmt.Errorf("specfile %q of service %s: %w (there are %s)",
			file, service, fs.ErrNotExist, strings.Join(files, ", "))
	}
	return FS.ReadFile(path.Join(service, file))
}
