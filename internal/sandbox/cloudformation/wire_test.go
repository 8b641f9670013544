package cloudformation_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"serin/internal/sandbox/cloudformation"
	"serin/internal/sandbox/region"
	"serin/internal/sandbox/wire"
)

// direct is an HTTP client whose requests go to a handler without a network.
type direct struct{ handler http.Handler }

func (d direct) Do(r *http.Request) (*http.Response, error) {
	r.RequestURI = r.URL.RequestURI()
	recorder := httptest.NewRecorder()
	d.handler.ServeHTTP(recorder, r)
	return recorder.Result(), nil
}

func TestOverTheWire(t *testing.T) {
	t.Parallel()
	s := cloudformation.New(region.Region{Account: "123456789012", Name: "us-west-2"}, cloudformation.Services{})
	defer s.Close()
	handler, err := wire.NewHandler([]wire.Service{{Scope: "cloudformation", Operations: s.Operations()}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := sdk.New(sdk.Options{
		Region: "us-west-2", HTTPClient: direct{handler}, BaseEndpoint: aws.String("http://sandbox"),
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""), RetryMaxAttempts: 1,
	})
	created, err := client.CreateStack(t.Context(), &sdk.CreateStackInput{
		StackName: aws.String("s"), TemplateBody: aws.String(topic + "\nOutputs: {O: {Value: !Ref Topic, Export: {Name: 'env:Topic'}}}"),
		ClientRequestToken: aws.String("token"), OnFailure: types.OnFailureDelete,
		Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("a")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	waiter := sdk.NewStackCreateCompleteWaiter(client, func(o *sdk.StackCreateCompleteWaiterOptions) {
		o.MinDelay, o.MaxDelay = time.Millisecond, 5*time.Millisecond
	})
	described, err := waiter.WaitForOutput(t.Context(), &sdk.DescribeStacksInput{StackName: created.StackId}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	stack := described.Stacks[0]
	if *stack.Outputs[0].ExportName != "env:Topic" || *stack.Tags[0].Key != "team" || stack.CreationTime.IsZero() {
		t.Errorf("%+v", stack)
	}
	events, err := client.DescribeStackEvents(t.Context(), &sdk.DescribeStackEventsInput{StackName: created.StackId})
	if err != nil || len(events.StackEvents) != 5 || *events.StackEvents[0].ClientRequestToken != "token" {
		t.Errorf("%+v, %v", events, err)
	}
	_, err = client.CreateStack(t.Context(), &sdk.CreateStackInput{StackName: aws.String("s"), TemplateBody: aws.String(topic)})
	wantError(t, err, "AlreadyExistsException", "Stack [s] already exists")
	_, err = client.DescribeStacks(t.Context(), &sdk.DescribeStacksInput{StackName: aws.String("nobody")})
	wantError(t, err, "ValidationError", "Stack with id nobody does not exist")
	gone := sdk.NewStackDeleteCompleteWaiter(client, func(o *sdk.StackDeleteCompleteWaiterOptions) {
		o.MinDelay, o.MaxDelay = time.Millisecond, 5*time.Millisecond
	})
	if _, err := client.DeleteStack(t.Context(), &sdk.DeleteStackInput{StackName: aws.String("s")}); err != nil {
		t.Fatal(err)
	}
	if err := gone.Wait(t.Context(), &sdk.DescribeStacksInput{StackName: created.StackId}, time.Minute); err != nil {
		t.Error(err)
	}
}
