package appmesh

import "serin/internal/sandbox/clone"

// remembered is how many client tokens a resource keeps: far more requests than can be
// retried, and a bound on a sandbox that runs for days.
const remembered = 256

// tokens are the client tokens of the requests that a resource has accepted, oldest
// first, each with the specification that came with it.
type tokens[Spec any] []accepted[Spec]

type accepted[Spec any] struct {
	token string
	spec  *Spec
}

// repetition says what a client token tells about a request.
type repetition int

const (
	newRequest repetition = iota
	sameRequest
	otherRequest
)

func (t tokens[Spec]) seen(token *string, spec *Spec) repetition {
	if token == nil {
		return newRequest
	}
	for _, a := range t {
		switch {
		case a.token != *token:
		case clone.Equal(a.spec, spec):
			return sameRequest
		default:
			return otherRequest
		}
	}
	return newRequest
}

func (t *tokens[Spec]) remember(token *string, spec *Spec) {
	if token == nil {
		return
	}
	*t = append(*t, accepted[Spec]{*token, spec})
	if excess := len(*t) - remembered; excess > 0 {
		*t = append(tokens[Spec]{}, (*t)[excess:]...)
	}
}
