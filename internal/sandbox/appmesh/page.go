package appmesh

import (
	"slices"

	paging "serin/internal/sandbox/page"
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
	some, next, err := paging.After(all, name, size, token)
	if err != nil {
		return nil, nil, badRequest("nextToken is invalid.")
	}
	return some, next, nil
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
