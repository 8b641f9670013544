package moto

import (
	"io"
	"net/http"
	"regexp"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/schemas"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"
)

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
