package moto

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/smithy-go"

	"serin/internal/aws"
)

// wantCode is nil for an error of AWS's with a code.
func wantCode(err error, code string) error {
	if api, is := errors.AsType[smithy.APIError](err); is && api.ErrorCode() == code {
		return nil
	}
	return errors.Join(err, fmt.Errorf("the code is not %s", code))
}

var account = regexp.MustCompile(`^\d{12}$`)

func callerBehaviours() []behaviour {
	return []behaviour{{"the caller has an account and an ARN", func(ctx context.Context, w world) error {
		caller, err := aws.Identify(ctx, w.clients.STS, w.clients.Where)
		if err == nil && (!account.MatchString(caller.Account) || !strings.Contains(caller.ARN, ":"+caller.Account+":")) {
			err = fmt.Errorf("the caller is %+v", caller)
		}
		return err
	}}}
}
