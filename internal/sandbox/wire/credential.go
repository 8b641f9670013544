package wire

import (
	"net/http"
	"strings"
)

// Credential is what a request's signature (SigV4) says of its caller. The sandbox
// does not verify signatures.
type Credential struct {
	AccessKey string
	// Region is empty when the signature is for more than one region.
	Region string
	// Service is the signing name that the signature is scoped to.
	Service string
}

// credentialOf reads the credential scope of a request's Authorization header, or of a
// presigned URL.
func credentialOf(r *http.Request) (Credential, bool) {
	scope := r.URL.Query().Get("X-Amz-Credential")
	if header := r.Header.Get("Authorization"); header != "" {
		_, fields, _ := strings.Cut(header, " ")
		for field := range strings.SplitSeq(fields, ",") {
			if value, is := strings.CutPrefix(strings.TrimSpace(field), "Credential="); is {
				scope = value
			}
		}
	}
	parts := strings.Split(scope, "/")
	if len(parts) < 4 || parts[len(parts)-1] != "aws4_request" || parts[0] == "" {
		return Credential{}, false
	}
	credential := Credential{AccessKey: parts[0], Service: parts[len(parts)-2]}
	if len(parts) == 5 {
		credential.Region = parts[2]
	}
	return credential, true
}
