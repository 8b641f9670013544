// Package page cuts the lists of AWS's APIs into pages with opaque tokens.
//
// It imports the standard library only; every service below internal/sandbox may
// import it.
package page

import (
	"encoding/base64"
	"errors"
	"slices"
)

// ErrToken says that a token does not come from an earlier page.
var ErrToken = errors.New("page: the token is invalid")

// After is the page that a token asks for: at most size elements of a list that ascends
// by key, and the token of the page that follows, nil when there is none. A token that
// is nil or empty asks for the first page. Elements may come and go between two pages;
// those that stay are listed exactly once.
func After[T any](all []T, key func(T) string, size int, token *string) ([]T, *string, error) {
	if token != nil && *token != "" {
		last, err := base64.RawURLEncoding.DecodeString(*token)
		if err != nil {
			return nil, nil, ErrToken
		}
		start := slices.IndexFunc(all, func(e T) bool { return key(e) > string(last) })
		if start < 0 {
			return all[:0], nil, nil
		}
		all = all[start:]
	}
	if len(all) <= size {
		return all, nil, nil
	}
	next := base64.RawURLEncoding.EncodeToString([]byte(key(all[size-1])))
	return all[:size], &next, nil
}
