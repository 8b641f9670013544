package cloudformation

import (
	"encoding/base64"
	"strconv"
)

// pageSize is how many entries an answer holds.
const pageSize = 100

// page is the entries from the one that a token names on, and the token of the next
// page, nil at the end. Entries that are added at the end do not disturb the paging.
func page[T any](entries []T, token *string) ([]T, *string, error) {
	start, err := position(token)
	if err != nil || start > len(entries) {
		return nil, nil, invalidToken()
	}
	end := min(start+pageSize, len(entries))
	if end == len(entries) {
		return entries[start:end], nil, nil
	}
	return entries[start:end], pageToken(end), nil
}

// position is the number in a token, nought without a token.
func position(token *string) (int, error) {
	if token == nil {
		return 0, nil
	}
	decoded, err := base64.RawURLEncoding.DecodeString(*token)
	if err != nil {
		return 0, invalidToken()
	}
	number, err := strconv.Atoi(string(decoded))
	if err != nil || number < 0 {
		return 0, invalidToken()
	}
	return number, nil
}

func pageToken(number int) *string {
	token := base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(number)))
	return &token
}

func invalidToken() error { return invalid("NextToken is invalid") }
