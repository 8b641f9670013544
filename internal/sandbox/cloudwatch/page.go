package cloudwatch

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/fnv"
)

// cursor is where a list or a set of data goes on. Its digest ties it to the request
// that it was given for: a token in another request is refused, as AWS does.
type cursor struct {
	// Offset is the number of entries that were given whole.
	Offset int `json:"o"`
	// After is the last time, in seconds since 1970, of the entry that was given in
	// part; zero when none was.
	After int64 `json:"a,omitempty"`
	// Digest is that of the request without its token.
	Digest uint64 `json:"d"`
}

func (c cursor) token() *string {
	raw, err := json.Marshal(c)
	if err != nil { // A cursor of three numbers can always be marshalled.
		panic(err)
	}
	token := base64.RawURLEncoding.EncodeToString(raw)
	return &token
}

// resume reads a token back; without one it is the beginning.
func resume(token *string, digest uint64) (cursor, error) {
	if token == nil || *token == "" {
		return cursor{Digest: digest}, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(*token)
	if err != nil {
		return cursor{}, invalidToken()
	}
	var c cursor
	if json.Unmarshal(raw, &c) != nil || c.Digest != digest || c.Offset < 0 {
		return cursor{}, invalidToken()
	}
	return c, nil
}

// digestOf tells requests apart by what they ask for.
func digestOf(request ...any) uint64 {
	hash := fnv.New64a()
	raw, err := json.Marshal(request)
	if err != nil {
		// A request that JSON cannot carry, as one with NaN in it, cannot be paged.
		raw = fmt.Append(nil, err)
	}
	_, _ = hash.Write(raw) // A hash takes everything.
	return hash.Sum64()
}
