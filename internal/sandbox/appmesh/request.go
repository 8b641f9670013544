package appmesh

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"
)

var (
	tokenPattern = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[A-Za-z0-9_-]{1,36}$`)
	})
	accountPattern = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[0-9]{12}$`)
	})
)

// named is a required name of a request and the member that holds it.
type named struct {
	member string
	value  *string
}

// checkNames refuses names outside of 1 to 255 characters (App Mesh's ResourceName).
func checkNames(names ...named) error {
	for _, n := range names {
		if length := len(aws.ToString(n.value)); length < 1 || length > 255 {
			return badRequest("%s must have length between 1 and 255.", n.member)
		}
		if strings.ContainsAny(*n.value, "/ \t\r\n") {
			return badRequest("%s contains a character that is not allowed.", n.member)
		}
	}
	return nil
}

func checkToken(token *string) error {
	if token != nil && !tokenPattern().MatchString(*token) {
		return badRequest("clientToken must be up to 36 letters, numbers, hyphens and underscores.")
	}
	return nil
}

// checkOwner refuses a mesh owner that is not this account: the sandbox has one
// account, so nothing is shared with it.
func (s *Service) checkOwner(owner *string) error {
	switch {
	case owner == nil || *owner == s.region.Account:
		return nil
	case !accountPattern().MatchString(*owner):
		return badRequest("meshOwner must be an account ID of 12 digits.")
	default:
		return &types.ForbiddenException{
			Message: new(fmt.Sprintf("Account %s has not shared a mesh with account %s.", *owner, s.region.Account)),
		}
	}
}

// checkMesh refuses a request into a mesh that is not there.
func (s *Service) checkMesh(name *string) error {
	_, err := s.meshes.get(id{name: *name})
	return err
}

// first is the first error of several checks, each made only if those before it passed.
func first(checks ...func() error) error {
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// checkRequest is what every request on a resource in a mesh is checked for.
func (s *Service) checkRequest(owner *string, names ...named) error {
	if err := checkNames(names...); err != nil {
		return err
	}
	return s.checkOwner(owner)
}

// checkWrite is what every creation and update is checked for besides.
func (s *Service) checkWrite(token, owner *string, specified bool, names ...named) error {
	if err := s.checkRequest(owner, names...); err != nil {
		return err
	}
	if !specified {
		return badRequest("spec is required.")
	}
	return checkToken(token)
}
