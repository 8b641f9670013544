package engine

import (
	"fmt"
	"time"
)

// Effect is one change of the world that a driver performs. Performing it twice is the
// same as performing it once.
type Effect interface {
	// Activity is what a failure of the effect is recorded as.
	Activity() Activity
}

// The effects.
type (
	// AskForStack creates the canary's stack.
	AskForStack struct{ Request StackRequest }
	// ChangeWeights writes weights.
	ChangeWeights struct{ Split Split }
	// DropRoute removes the route of a first deployment that is rolled back.
	DropRoute struct{ Sha string }
	// AskForRemoval deletes a version's stack, which no route may name.
	AskForRemoval struct{ Sha, Stack, Token string }
	// RecordVersion records the deployed image, unless it has been since Before. Restores,
	// when it is not empty, is the only image that may be recorded over: a roll back's.
	// Before NotBefore it is only looked for: an earlier write may have been done without
	// showing yet.
	RecordVersion struct {
		Image     string
		Before    Deployed
		Restores  string
		NotBefore time.Time
	}
)

// Activity names what failed when the effect fails.
func (AskForStack) Activity() Activity   { return CreateStack }
func (ChangeWeights) Activity() Activity { return WriteWeights }
func (DropRoute) Activity() Activity     { return WriteWeights }
func (AskForRemoval) Activity() Activity { return RemoveStack }
func (RecordVersion) Activity() Activity { return RecordImage }

// movesTraffic tells whether an effect is the router's, which a roll back waits for:
// a write that overtook the roll back's own would undo it.
func movesTraffic(effect Effect) bool { return effect.Activity() == WriteWeights }

// token makes a token of a rollout's ID and an intention: letters, digits and hyphens,
// at most 36 of them, as App Mesh's clientToken and CloudFormation's
// ClientRequestToken allow.
func token(r *Rollout, intention string) string {
	return fmt.Sprintf("%s-%s%d", r.ID, intention, r.Seq+1)
}

// stackRequest is the request for the canary's stack.
func stackRequest(r *Rollout, token string) StackRequest {
	return StackRequest{
		Name: r.CanaryStack.Name, Template: r.Spec.CanaryTemplate,
		Parameters: r.Spec.Parameters(), Token: token,
		Tags: map[string]string{
			OwnerTag: r.ID, "serin:service": r.Spec.MicroserviceName, "serin:sha": r.Canary.Sha,
		},
	}
}
