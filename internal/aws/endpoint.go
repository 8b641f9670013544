package aws

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"serin/internal/engine"
)

// unshown stands for an endpoint that is no address.
const unshown = "an endpoint that is not shown"

// ShownEndpoint is what may be shown and recorded of an endpoint: where it is. A user, a
// password, a path and a query may each be a secret; and of what is no address nobody
// knows which part is which.
func ShownEndpoint(endpoint string) string {
	if endpoint == "" {
		return ""
	}
	if at := address(endpoint); at != nil {
		return clean(at.Scheme + "://" + at.Host)
	}
	return unshown
}

// address is an endpoint that AWS can be asked at, or nil. Behind the host there is no @,
// or what looks like the host is the beginning of a user and a password with a slash.
func address(endpoint string) *url.URL {
	at, err := url.Parse(endpoint)
	if err != nil || at.Scheme != "http" && at.Scheme != "https" || at.Host == "" || strings.Contains(at.Path+at.RawQuery+at.Fragment, "@") {
		return nil
	}
	return at
}

// checkEndpoints refuses what is no address, before an error of the SDK tells all of it.
// The first one is that of all services.
func (c *Clients) checkEndpoints(all *string) error {
	for _, one := range []struct {
		name     string
		endpoint *string
	}{
		{"AWS_ENDPOINT_URL", all},
		{"AWS_ENDPOINT_URL_APP_MESH", c.AppMesh.Options().BaseEndpoint},
		{"AWS_ENDPOINT_URL_CLOUDFORMATION", c.CloudFormation.Options().BaseEndpoint},
		{"AWS_ENDPOINT_URL_CLOUDWATCH", c.CloudWatch.Options().BaseEndpoint},
		{"AWS_ENDPOINT_URL_DYNAMODB", c.DynamoDB.Options().BaseEndpoint},
		{"AWS_ENDPOINT_URL_ECR", c.ECR.Options().BaseEndpoint},
		{"AWS_ENDPOINT_URL_ECS", c.ECS.Options().BaseEndpoint},
		{"AWS_ENDPOINT_URL_SERVICEDISCOVERY", c.CloudMap.Options().BaseEndpoint},
		{"AWS_ENDPOINT_URL_SSM", c.SSM.Options().BaseEndpoint},
		{"AWS_ENDPOINT_URL_STS", c.STS.Options().BaseEndpoint},
	} {
		if one.endpoint != nil && *one.endpoint != "" && address(*one.endpoint) == nil {
			return refuse("connect to", "AWS", engine.Invalid, "write http://host:port in "+one.name+", or unset it",
				"%s is not an address; it is not shown, because it may hold a password", one.name)
		}
	}
	return nil
}

var errUnreadableURL = errors.New("a URL in the configuration of AWS or of a proxy cannot be read")

// withoutURL is what became of a request, without the URL that it was sent to.
func withoutURL(err error) error {
	for {
		asked, is := errors.AsType[*url.Error](err)
		switch {
		case !is:
			return err
		case asked.Op == "parse":
			return errUnreadableURL // the cause quotes parts of it
		}
		err = asked.Err
	}
}

// parts are those of a text that may be a URL: what is in quotes, and words.
var parts = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`[^\s"]*"(?:[^"\\]|\\.)*"|\S+`)
})

// withoutURLs is a text with the URLs in it as they may be shown; it ends with one that may
// not, because what follows may repeat parts of that.
func withoutURLs(text string) string {
	var out strings.Builder
	last := 0
	for _, at := range parts().FindAllStringIndex(text, -1) {
		word := text[at[0]:at[1]]
		if !strings.Contains(word, "://") && !strings.Contains(word, "@") {
			continue
		}
		shown := ShownEndpoint(strings.Trim(word, `"':,;()`))
		out.WriteString(text[last:at[0]] + shown)
		if last = at[1]; shown == unshown {
			return out.String()
		}
	}
	return out.String() + text[last:]
}
