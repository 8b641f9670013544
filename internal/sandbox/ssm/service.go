// Package ssm is Systems Manager's Parameter Store, in memory: parameters with their
// versions, labels and tags.
//
// It imports the SDK's types, internal/sandbox/region, sts (for the caller's name) and
// wire.
package ssm

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"serin/internal/sandbox/region"
	"serin/internal/sandbox/wire"
)

// Service is Parameter Store of one region. It is safe for concurrent use.
type Service struct {
	region region.Region
	secret []byte

	mu         sync.Mutex
	parameters map[string]*parameter
}

// parameter is a name and its versions; the last of them is the present one.
type parameter struct {
	name     string
	versions []*version
	tags     map[string]string
}

// version is one value that a parameter had. Its labels alone change afterwards.
type version struct {
	number      int64
	value       string
	shape       types.ParameterType
	tier        types.ParameterTier
	dataType    string
	description *string
	pattern     *string
	keyID       *string
	modified    time.Time
	labels      []string
}

// New is a Parameter Store without parameters.
func New(r region.Region) *Service {
	secret := make([]byte, sha256.Size)
	_, _ = rand.Read(secret) // It never fails (crypto/rand).
	return &Service{region: r, secret: secret, parameters: make(map[string]*parameter)}
}

// Operations are what the front door offers of Systems Manager.
func (s *Service) Operations() []wire.Operation {
	return []wire.Operation{
		wire.Op("AddTagsToResource", s.AddTagsToResource),
		wire.Op("DeleteParameter", s.DeleteParameter),
		wire.Op("DeleteParameters", s.DeleteParameters),
		wire.Op("DescribeParameters", s.DescribeParameters),
		wire.Op("GetParameter", s.GetParameter),
		wire.Op("GetParameterHistory", s.GetParameterHistory),
		wire.Op("GetParameters", s.GetParameters),
		wire.Op("GetParametersByPath", s.GetParametersByPath),
		wire.Op("LabelParameterVersion", s.LabelParameterVersion),
		wire.Op("ListTagsForResource", s.ListTagsForResource),
		wire.Op("PutParameter", s.PutParameter),
		wire.Op("RemoveTagsFromResource", s.RemoveTagsFromResource),
		wire.Op("UnlabelParameterVersion", s.UnlabelParameterVersion),
	}
}

func (p *parameter) latest() *version { return p.versions[len(p.versions)-1] }

// shown is a version's value: a SecureString is shown encrypted unless it is asked for
// with decryption.
func (s *Service) shown(v *version, decrypt *bool) string {
	if v.shape != types.ParameterTypeSecureString || decrypt != nil && *decrypt {
		return v.value
	}
	mac := hmac.New(sha256.New, s.secret)
	_, _ = mac.Write([]byte(v.value)) // A hash takes everything.
	return "AQICAH" + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
