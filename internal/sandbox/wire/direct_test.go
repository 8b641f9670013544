package wire_test

import (
	"context"
	"errors"
	"net/http"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"serin/internal/sandbox/wire"
)

// kept is a service that keeps what it is given, and gives what it keeps.
type kept struct{ value *string }

func (k *kept) PutParameter(_ context.Context, in *ssm.PutParameterInput) (*ssm.PutParameterOutput, error) {
	if *in.Value == "" {
		return nil, &types.ParameterNotFound{Message: aws.String("no value")}
	}
	k.value = in.Value
	return nil, nil
}

func (k *kept) GetParameter(context.Context, *ssm.GetParameterInput) (*ssm.GetParameterOutput, error) {
	return &ssm.GetParameterOutput{Parameter: &types.Parameter{Value: k.value}}, nil
}

func TestDirectHandsOverWhatTheWireWouldCarry(t *testing.T) {
	k := &kept{}
	var calls []string
	handler, err := wire.NewHandler([]wire.Service{{Scope: "ssm", Operations: []wire.Operation{
		wire.Op("PutParameter", k.PutParameter), wire.Op("GetParameter", k.GetParameter),
	}}}, func(call wire.Call, next http.Handler) http.Handler {
		calls = append(calls, call.AccessKey+" "+call.Operation)
		switch call.AccessKey {
		case "lost":
			return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				next.ServeHTTP(discard{}, r)
				panic(http.ErrAbortHandler)
			})
		case "refused":
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				wire.Fail(w, r, &types.TooManyUpdates{Message: aws.String("slowly")})
			})
		}
		return next
	})
	if err != nil {
		t.Fatal(err)
	}
	put := func(by, value string) (any, error) {
		return handler.Direct(t.Context(), wire.Credential{AccessKey: by, Service: "ssm"}, "PutParameter", &ssm.PutParameterInput{Value: &value})
	}
	value := "a"
	out, err := put("kim", value)
	if _, is := out.(*ssm.PutParameterOutput); !is || err != nil {
		t.Fatalf("%T, %v", out, err)
	}
	if _, err := put("lost", "b"); !errors.Is(err, syscall.ECONNRESET) || *k.value != "b" {
		t.Errorf("a lost answer: %v, kept %q", err, *k.value)
	}
	for by, code := range map[string]string{"kim": "ParameterNotFound", "refused": "TooManyUpdates"} {
		refused, is := errors.AsType[*wire.Refused](second(put(by, "")))
		if !is || refused.Code != code || refused.Status != http.StatusBadRequest || refused.Message == "" {
			t.Errorf("%s is refused with %+v, want %s", by, refused, code)
		}
	}
	got, err := handler.Direct(t.Context(), wire.Credential{AccessKey: "lee", Service: "ssm"}, "GetParameter", &ssm.GetParameterInput{})
	if err != nil {
		t.Fatal(err)
	}
	*got.(*ssm.GetParameterOutput).Parameter.Value = "changed"
	if *k.value != "b" {
		t.Error("the answer shares memory with the service")
	}
	if _, err := handler.Direct(t.Context(), wire.Credential{Service: "ssm"}, "DeleteParameter", &ssm.DeleteParameterInput{}); err == nil {
		t.Error("an operation that is not there answers")
	}
	if len(calls) != 5 || calls[0] != "kim PutParameter" {
		t.Errorf("around saw %v", calls)
	}
}

func second(_ any, err error) error { return err }

// discard takes an answer that is lost.
type discard struct{}

func (discard) Header() http.Header            { return http.Header{} }
func (discard) Write(text []byte) (int, error) { return len(text), nil }
func (discard) WriteHeader(int)                {}
