package page_test

import (
	"errors"
	"slices"
	"testing"

	"serin/internal/sandbox/page"
)

func self(s string) string { return s }

func TestPagesGiveEverythingOnce(t *testing.T) {
	all := []string{"a", "b", "c", "d", "e"}
	for size := 1; size <= 6; size++ {
		var got []string
		var token *string
		for {
			some, next, err := page.After(all, self, size, token)
			if err != nil || len(some) > size {
				t.Fatalf("size %d: %v, %v", size, some, err)
			}
			got = append(got, some...)
			if next == nil {
				break
			}
			token = next
		}
		if !slices.Equal(got, all) {
			t.Errorf("size %d: got %v", size, got)
		}
	}
}

func TestAPageAfterARemovedElementGoesOn(t *testing.T) {
	_, token, _ := page.After([]string{"a", "b", "c"}, self, 2, nil)
	rest, next, err := page.After([]string{"a", "c"}, self, 2, token)
	if err != nil || next != nil || !slices.Equal(rest, []string{"c"}) {
		t.Errorf("got %v, %v, %v", rest, next, err)
	}
}

func TestAForeignTokenIsRefused(t *testing.T) {
	if _, _, err := page.After([]string{"a"}, self, 1, new("!")); !errors.Is(err, page.ErrToken) {
		t.Errorf("got %v", err)
	}
}
