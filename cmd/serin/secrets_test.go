package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"serin/internal/headless"
)

// credentials are some that stand out wherever they turn up.
func credentials() map[string]string {
	return map[string]string{
		"AWS_ACCESS_KEY_ID":     "AKIAPLANTEDKEYID0001",
		"AWS_SECRET_ACCESS_KEY": "plantedSecretKey/0123456789abcdefghijklm",
		"AWS_SESSION_TOKEN":     "plantedSessionToken//0123456789abcdef==",
	}
}

const (
	plantedParameter = "plantedParameter-0123456789"
	plantedUser      = "plantedUser-0123456789"
	plantedPassword  = "plantedPassword-0123456789"
	plantedQuery     = "plantedQuery-0123456789"
)

// planted are all secrets that must turn up nowhere.
func planted() map[string]string {
	all := credentials()
	maps.Copy(all, map[string]string{
		"a SecureString": "plantedSecureString-0123456789", "a NoEcho parameter": plantedParameter,
		"an endpoint's user": plantedUser, "an endpoint's password": plantedPassword, "an endpoint's query": plantedQuery,
	})
	return all
}

// behind is an endpoint at a host, with a user and a password that it does not need.
func behind(host string) string {
	return "http://" + plantedUser + ":" + plantedPassword + "@" + strings.TrimPrefix(host, "http://")
}

// TestNoSecretIsWritten rolls out with planted credentials, well, with failures of every
// kind and with a crash, asks what the verbs tell, and looks for them in everything that
// serin and its sandbox wrote.
func TestNoSecretIsWritten(t *testing.T) {
	t.Parallel()
	r := startRegion(t, "--fault", "appmesh:UpdateRoute#1=throttle,cloudwatch:*#2=503,ssm:PutParameter#2=503,ecs:*#5=500,seed=7")
	maps.Copy(r.Exports, credentials())
	r.Exports["AWS_ENDPOINT_URL"] = behind(r.Endpoint)
	r.plant(t)
	reports := t.TempDir()
	report := func(name string) []string {
		return append(quick(), "--verbose", "--junit", filepath.Join(reports, name), "--set", "ProgressDeadline=20", "--set", "FailureThresholdValue=1000")
	}
	runs := map[string]*process{"the sandbox": r.process}
	ends := func(name string, code int, p *process) {
		p.exits(code)
		runs[name] = p
	}
	ends("a success", headless.ExitSucceeded, r.deploy(t, "yelb-appserver", append(report("success.xml"), "--sha", "aaaa", "--image", "yelb-appserver:fixed")...))
	ends("a failure", headless.ExitRolledBack, r.deploy(t, "yelb-appserver",
		append(report("failure.xml"), "--sha", "bbbb", "--image", "yelb-appserver:wrongport", "--output", "json")...))
	written := map[string][]byte{}
	ends("a crash", crashed, r.crash(t, append(report("crash.xml"), "--sha", "eeee", "--image", "yelb-appserver:fixed")...))
	if dump := runs["a crash"].diagnostics.String(); !strings.Contains(dump, "SIGQUIT") || strings.Count(dump, "\ngoroutine ") < 5 {
		t.Errorf("the crash dump is\n%s", dump)
	}
	readAll(t, written, r.state)
	if ahead := filepath.Join(r.state, "serin", "journal.db-wal"); len(written[ahead]) == 0 {
		t.Errorf("%s is empty: the crash left nothing to search", ahead)
	}
	ends("who goes on", headless.ExitSucceeded, r.deploy(t, "yelb-appserver", "--verbose", "--output", "json", "--resume"))
	ends("metrics nowhere", headless.ExitRolledBackByPerson, r.deployWithoutMetrics(t, report("nowhere.xml")...))
	for _, verb := range []string{"status", "history"} {
		for _, output := range []string{"text", "json"} {
			ends(verb+" as "+output, headless.ExitSucceeded, serinIn(t, r.environment(), verb, "yelb-appserver", "--output", output))
		}
	}
	ends("bad input", headless.ExitUsage, r.deploy(t, "yelb-appserver", "--sha", "cccc", "--image", "yelb-appserver:missing"))
	r.giveSecret(t, ends)
	r.Exports["AWS_ENDPOINT_URL"] = behind(refusing(t)) + "/?key=" + plantedQuery
	ends("nobody", headless.ExitFailed, r.deploy(t, "yelb-appserver", "--verbose", "--sha", "dddd", "--image", "yelb-appserver:fixed"))
	ends("a plan without an account", headless.ExitSucceeded, serinIn(t, r.environment(), "plan", "../../specfiles/yelb-appserver/deploy.json"))
	for _, variable := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB"} {
		r.Exports[variable] = "http://" + plantedUser + ":" + plantedPassword + "/%zz@127.0.0.1"
		ends(variable+" that is none", headless.ExitFailed, serinIn(t, r.environment(), "status"))
		r.Exports[variable] = "http://127.0.0.1"
	}
	r.signal(os.Interrupt)
	r.exits(headless.ExitSucceeded)

	for name, p := range runs {
		written["stdout of "+name] = []byte(strings.Join(p.lines, ""))
		written["stderr of "+name] = p.diagnostics.Bytes()
	}
	readAll(t, written, reports)
	readAll(t, written, r.state)
	if size := len(written[filepath.Join(r.state, "serin", "journal.db")]); size < 10_000 || len(written[filepath.Join(reports, "failure.xml")]) == 0 {
		t.Fatalf("the journal has %d bytes, or a report is empty: the rollouts were not recorded", size)
	}
	for where, content := range written {
		for what, secret := range planted() {
			for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret))} {
				if bytes.Contains(content, []byte(form)) {
					t.Errorf("%s has %s", where, what)
				}
			}
		}
	}
}

// What the console shows before it is connected comes from the environment alone.
func TestTheOpeningShowsNoSecret(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string]string{
		behind("127.0.0.1:1") + "/?key=" + plantedQuery: "connecting to http://127.0.0.1:1 in",
		behind("127.0.0.1:one"):                         "connecting to an endpoint that is not shown in",
	} {
		shown, _ := (&consoleFlags{}).opening(func(name string) (string, bool) {
			return map[string]string{"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "us-west-2"}[name], true
		}).Scene()
		said := fmt.Sprintf("%+v", shown)
		if !strings.Contains(said, want) || strings.Contains(said, "planted") {
			t.Errorf("it shows %s", said)
		}
	}
}

// crashed is the exit code of a Go program that SIGQUIT ends (package os/signal).
const crashed = 2

// crash has a driver crash, with a dump of all its goroutines, when its canary has traffic.
func (r *region) crash(t *testing.T, flags ...string) *process {
	t.Helper()
	r.Exports["GOTRACEBACK"] = "all"
	p := r.deploy(t, "yelb-appserver", append(flags, "--output", "json")...)
	p.until("weights_confirmed")
	p.signal(syscall.SIGQUIT)
	return p
}

// deployWithoutMetrics deploys until what is wrong with CloudWatch's own endpoint is
// recorded, and interrupts that.
func (r *region) deployWithoutMetrics(t *testing.T, flags ...string) *process {
	t.Helper()
	r.Exports["AWS_ENDPOINT_URL_CLOUDWATCH"] = behind(refusing(t)) + "/?key=" + plantedQuery
	defer delete(r.Exports, "AWS_ENDPOINT_URL_CLOUDWATCH")
	p := r.deploy(t, "yelb-appserver", append(flags, "--output", "json", "--sha", "ffff", "--image", "yelb-appserver:fixed")...)
	p.until(`"faulted".*an endpoint of its own points at 127`)
	p.signal(os.Interrupt)
	return p
}

// giveSecret gives a secret to a template that says that it is one, by every verb that takes
// parameters.
func (r *region) giveSecret(t *testing.T, ends func(name string, code int, p *process)) {
	t.Helper()
	read := func(name string) string {
		text, err := os.ReadFile("../../specfiles/yelb-appserver/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	directory := t.TempDir()
	for name, text := range map[string]string{
		"canary-helper.yaml": strings.Replace(read("canary-helper.yaml"), "\nParameters:\n", "\nParameters:\n  DbPassword: {Type: String, NoEcho: true}\n", 1),
		"deploy.json":        strings.Replace(read("deploy.json"), "{", `{"TemplateParameters": {"DbPassword": "`+plantedParameter+`"},`, 1),
	} {
		if err := os.WriteFile(filepath.Join(directory, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	version := []string{"--sha", "abcd", "--image", "yelb-appserver:fixed"}
	given := append([]string{"--template", filepath.Join(directory, "canary-helper.yaml"), "--set", "TemplateParameters.DbPassword=" + plantedParameter}, version...)
	for name, p := range map[string]*process{
		"deploy --set":      r.deploy(t, "yelb-appserver", given...),
		"deploy --previous": r.deploy(t, "yelb-appserver", append([]string{"--previous"}, given[:4]...)...),
		"plan":              serinIn(t, r.environment(), append([]string{"plan", filepath.Join(directory, "deploy.json")}, version...)...),
		"lint":              serinIn(t, r.environment(), "lint", filepath.Join(directory, "deploy.json")),
	} {
		ends(name+" of a secret", headless.ExitUsage, p)
		if said := strings.Join(p.lines, "") + p.diagnostics.String(); !strings.Contains(said, "TemplateParameters.DbPassword: is a secret") {
			t.Errorf("%s of a secret says %s", name, said)
		}
	}
}

// plant puts a password beside the parameters that serin uses.
func (r *region) plant(t *testing.T) {
	t.Helper()
	_, err := r.clients(t).SSM.PutParameter(t.Context(), &ssm.PutParameterInput{
		Name: awssdk.String("ecs-blogpost-yelb-appserver-password"), Value: awssdk.String(planted()["a SecureString"]),
		Type: ssmtypes.ParameterTypeSecureString,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// refusing is an address that nobody listens on any more.
func refusing(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// readAll reads every file below a directory, by its path.
func readAll(t *testing.T, into map[string][]byte, directory string) {
	t.Helper()
	err := filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		into[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
