package appmesh

import (
	"encoding/base64"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// page is one page of a sorted list: at most limit elements (1 to 100, and 100 when
// absent) after the one that token names, and the token of the page that follows.
func page[T any](all []T, name func(T) string, limit *int32, token *string) ([]T, *string, error) {
	size := 100
	if limit != nil {
		size = int(*limit)
	}
	if size < 1 || size > 100 {
		return nil, nil, badRequest("limit must be between 1 and 100.")
	}
	if aws.ToString(token) != "" {
		after, err := base64.RawURLEncoding.DecodeString(*token)
		if err != nil {
			return nil, nil, badRequest("nextToken is invalid.")
		}
		start := slices.IndexFunc(all, func(e T) bool { return name(e) > string(after) })
		if start < 0 {
			return nil, nil, nil
		}
		all = all[start:]
	}
	if len(all) <= size {
		return all, nil, nil
	}
	last := name(all[size-1])
	return all[:size], new(base64.RawURLEncoding.EncodeToString([]byte(last))), nil
}

// listed is one page of the resources of a mesh (and of a router, for routes), each in
// the form that the list gives.
func listed[Spec, Ref any](
	c *collection[Spec], mesh, parent string, limit *int32, token *string, ref func(*record[Spec]) Ref,
) ([]Ref, *string, error) {
	all := c.sorted(byName)
	all = slices.DeleteFunc(all, func(r *record[Spec]) bool { return r.mesh != mesh || r.parent != parent })
	some, next, err := page(all, func(r *record[Spec]) string { return r.name }, limit, token)
	if err != nil {
		return nil, nil, err
	}
	refs := make([]Ref, 0, len(some))
	for _, r := range some {
		refs = append(refs, ref(r))
	}
	return refs, next, nil
}
