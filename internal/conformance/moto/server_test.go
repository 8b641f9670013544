package moto

import (
	"bufio"
	"io"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/schemas"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"

	"serin/internal/conformance/venv"
)

// address is what moto's server says when it listens.
var address = regexp.MustCompile(`Running on (http://127\.0\.0\.1:\d+)`)

// startMoto starts moto's server on a free port of loopback, and returns its URL.
func startMoto(t *testing.T, python venv.Python) string {
	t.Helper()
	program := python.Program("-m", "moto.server", "-H", "127.0.0.1", "-p", "0")
	log, err := program.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	found, drained := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(drained)
		for lines := bufio.NewScanner(log); lines.Scan(); {
			if said := address.FindStringSubmatch(lines.Text()); said != nil {
				found <- said[1]
			}
		}
	}()
	t.Cleanup(func() {
		_ = program.Process.Kill()
		<-drained
		_ = program.Wait()
	})
	select {
	case url := <-found:
		return url
	case <-drained:
		t.Fatal("moto's server ended without listening")
	case <-time.After(time.Minute):
		t.Fatal("moto's server does not listen after a minute")
	}
	return ""
}

// inJSON is the same client in the protocol that moto speaks of CloudWatch's three.
func inJSON(client *cloudwatch.Client) *cloudwatch.Client {
	return cloudwatch.New(client.Options(), func(options *cloudwatch.Options) {
		options.Protocol = awsjson.New10(schemas.GraniteServiceVersion20100801)
	})
}

// ec2 asks moto's EC2, for which Serin has no client, and returns the first value of an
// element of the answer. moto tells services apart by a signature's scope, and does not check the signature.
func ec2(t *testing.T, endpoint, action, element string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, endpoint+"/?Version=2016-11-15&Action="+action, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=sandbox/20261123/us-west-2/ec2/aws4_request, SignedHeaders=host, Signature=none")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	found := regexp.MustCompile("<" + element + ">(.+?)</").FindSubmatch(body)
	if err != nil || found == nil {
		t.Fatalf("%s answers %s %s, %v", action, response.Status, body, err)
	}
	return string(found[1])
}
