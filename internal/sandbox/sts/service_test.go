package sts

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sts"

	"serin/internal/sandbox/region"
)

func TestGetCallerIdentity(t *testing.T) {
	s := New(region.Region{Account: "123456789012", Name: "us-west-2"})
	out, err := s.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	if *out.Account != "123456789012" || *out.Arn != "arn:aws:sts::123456789012:assumed-role/sandbox/operator" {
		t.Errorf("got %s, %s", *out.Account, *out.Arn)
	}
}
