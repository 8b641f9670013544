package ssm

import (
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// filters are conditions that a parameter must meet all of.
type filters []types.ParameterStringFilter

// filtersOf checks filters; keys are those that the operation takes besides tag:….
func filtersOf(given []types.ParameterStringFilter, keys ...string) (filters, error) {
	for _, filter := range given {
		key, option := aws.ToString(filter.Key), aws.ToString(filter.Option)
		if !slices.Contains(keys, key) && !strings.HasPrefix(key, "tag:") {
			return nil, &types.InvalidFilterKey{Message: aws.String("The filter key " + key + " is not valid here.")}
		}
		if len(filter.Values) == 0 && !strings.HasPrefix(key, "tag:") {
			return nil, &types.InvalidFilterValue{Message: aws.String("The filter " + key + " needs a value.")}
		}
		options := []string{"", "Equals", "BeginsWith"}
		switch key {
		case "Name":
			options = append(options, "Contains")
		case "Path":
			options = []string{"", "Recursive", "OneLevel"}
		}
		if !slices.Contains(options, option) {
			return nil, &types.InvalidFilterOption{
				Message: aws.String("The filter option " + option + " is not valid for " + key + "."),
			}
		}
	}
	return given, nil
}

func (f filters) match(p *parameter) bool {
	for _, filter := range f {
		if !matches(p, filter) {
			return false
		}
	}
	return true
}

func matches(p *parameter, filter types.ParameterStringFilter) bool {
	option := aws.ToString(filter.Option)
	if *filter.Key == "Path" {
		return slices.ContainsFunc(filter.Values, func(path string) bool { return below(p.name, path, option != "OneLevel") })
	}
	for _, value := range valuesOf(p, *filter.Key) {
		if len(filter.Values) == 0 {
			return true
		}
		for _, wanted := range filter.Values {
			if compare(option, value, wanted) {
				return true
			}
		}
	}
	return false
}

// valuesOf are what a parameter has for a filter's key.
func valuesOf(p *parameter, key string) []string {
	v := p.latest()
	switch key {
	case "Name":
		return []string{p.name}
	case "Type":
		return []string{string(v.shape)}
	case "Tier":
		return []string{string(v.tier)}
	case "DataType":
		return []string{v.dataType}
	case "KeyId":
		return []string{aws.ToString(v.keyID)}
	case "Label":
		return v.labels
	}
	if value, tagged := p.tags[strings.TrimPrefix(key, "tag:")]; tagged {
		return []string{value}
	}
	return nil
}

func compare(option, value, wanted string) bool {
	switch option {
	case "BeginsWith":
		return strings.HasPrefix(value, wanted)
	case "Contains":
		return strings.Contains(value, wanted)
	default:
		return value == wanted
	}
}

// versionToken is the version that a page of history ended with; a token that holds
// none begins anew.
func versionToken(after string) int64 {
	number, err := strconv.ParseInt(after, 10, 64)
	if err != nil {
		return 0
	}
	return number
}
