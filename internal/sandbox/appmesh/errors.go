package appmesh

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"
)

func badRequest(format string, args ...any) error {
	return &types.BadRequestException{Message: new(fmt.Sprintf(format, args...))}
}

func conflict(format string, args ...any) error {
	return &types.ConflictException{Message: new(fmt.Sprintf(format, args...))}
}

func inUse(format string, args ...any) error {
	return &types.ResourceInUseException{Message: new(fmt.Sprintf(format, args...))}
}

// under says where a resource is, as AWS's messages do.
func (c *collection[Spec]) under(of id) string {
	switch {
	case of.parent != "":
		return fmt.Sprintf(" under virtual router %s in mesh %s for account %s", of.parent, of.mesh, c.region.Account)
	case of.mesh != "":
		return fmt.Sprintf(" under mesh %s for account %s", of.mesh, c.region.Account)
	default:
		return fmt.Sprintf(" for account %s", c.region.Account)
	}
}

// absent is AWS's NotFoundException: "VirtualNode with name n is not present under mesh
// m for account a".
func (c *collection[Spec]) absent(of id) error {
	return &types.NotFoundException{
		Message: new(fmt.Sprintf("%s with name %s is not present%s", c.kind, of.name, c.under(of))),
	}
}
