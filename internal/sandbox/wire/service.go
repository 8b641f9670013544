package wire

import (
	"reflect"
	"strconv"
	"time"

	ecr "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	ssm "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	sts "github.com/aws/aws-sdk-go-v2/service/sts/types"
)

// Service is an API of the front door: the name that its callers' signatures are
// scoped to, and its operations.
type Service struct {
	// Scope is the signing name: appmesh, cloudformation, ecr, ecs, monitoring,
	// servicediscovery, ssm or sts.
	Scope      string
	Operations []Operation
}

// profile is what the codecs must know of a service's wire format; the source of each
// value is the service's client in aws-sdk-go-v2.
type profile struct {
	// lower says that members are named with an initial small letter on the wire.
	lower bool
	// target is the prefix of X-Amz-Target; empty in the Query and REST protocols.
	target string
	// namespace is that of the Query protocol's answers.
	namespace string
	version   string
	// queryCodes are the codes that the Query protocol, and the header
	// x-amzn-query-error, give errors whose shapes are called otherwise. A service
	// that has the table is "query compatible": it sends that header.
	queryCodes map[string]string
	// statuses are the errors whose HTTP status is neither 400, for the caller's
	// fault, nor 500.
	statuses map[string]int
}

var profiles = map[string]profile{
	"appmesh": {lower: true, version: "2019-01-25", statuses: map[string]int{
		"ForbiddenException": 403, "NotFoundException": 404, "ConflictException": 409,
		"ResourceInUseException": 409, "TooManyRequestsException": 429,
		"ServiceUnavailableException": 503,
	}},
	"cloudformation": {
		version: "2010-05-15", namespace: "http://cloudformation.amazonaws.com/doc/2010-05-15/",
		statuses: map[string]int{
			"ChangeSetNotFound": 404, "OperationNotFoundException": 404,
			"StackInstanceNotFoundException": 404, "StackSetNotFoundException": 404,
			"NameAlreadyExistsException": 409, "OperationIdAlreadyExistsException": 409,
			"OperationInProgressException": 409, "StaleRequestException": 409,
			"StackSetNotEmptyException": 409, "ServiceUnavailable": 503,
		},
	},
	"ecr": {lower: true, target: "AmazonEC2ContainerRegistry_V20150921", version: "2015-09-21"},
	"ecs": {lower: true, target: "AmazonEC2ContainerServiceV20141113", version: "2014-11-13"},
	"monitoring": {
		target: "GraniteServiceVersion20100801", version: "2010-08-01",
		namespace: "http://monitoring.amazonaws.com/doc/2010-08-01/",
		queryCodes: map[string]string{
			"DashboardInvalidInputError":           "InvalidParameterInput",
			"DashboardNotFoundError":               "ResourceNotFound",
			"InternalServiceFault":                 "InternalServiceError",
			"InvalidFormatFault":                   "InvalidFormat",
			"InvalidParameterCombinationException": "InvalidParameterCombination",
			"InvalidParameterValueException":       "InvalidParameterValue",
			"LimitExceededFault":                   "LimitExceeded",
			"MissingRequiredParameterException":    "MissingParameter",
			"ValidationException":                  "ValidationError",
		},
		statuses: map[string]int{
			"ConcurrentModificationException": 429, "ConflictException": 409,
			"DashboardNotFoundError": 404, "ResourceConflict": 409,
			"ResourceNotFound": 404, "ResourceNotFoundException": 404,
		},
	},
	"servicediscovery": {target: "Route53AutoNaming_v20170314", version: "2017-03-14"},
	"ssm":              {target: "AmazonSSM", version: "2014-11-06"},
	"sts": {
		version: "2011-06-15", namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
		statuses: map[string]int{"RegionDisabledException": 403, "AccessDenied": 403},
	},
}

// dialect is how one protocol of one service spells names and scalars.
type dialect struct {
	lower bool
	// text says that every scalar comes as text, as in a form.
	text bool
	// stamp is a time as the protocol writes it.
	stamp func(time.Time) any
	// number is a float as the protocol writes it.
	number func(float64) any
}

func jsonDialect(p profile) dialect {
	return dialect{lower: p.lower, stamp: epochSeconds, number: jsonFloat}
}

func queryDialect(p profile) dialect {
	return dialect{lower: p.lower, text: true, stamp: dateTime, number: textFloat}
}

// contrary are the structures whose members are spelled the other way than all else in
// their service.
var contrary = map[reflect.Type]bool{
	reflect.TypeFor[ecr.Tag]():                       true,
	reflect.TypeFor[ssm.AssociationFilter]():         true,
	reflect.TypeFor[ssm.CommandFilter]():             true,
	reflect.TypeFor[ssm.DocumentFilter]():            true,
	reflect.TypeFor[ssm.InstanceInformationFilter](): true,
	reflect.TypeFor[ssm.InstancePropertyFilter]():    true,
	reflect.TypeFor[ssm.SessionFilter]():             true,
	reflect.TypeFor[sts.PolicyDescriptorType]():      true,
}

// member is the name of a structure's member on the wire.
func (d dialect) member(shape reflect.Type, name string) string {
	if d.lower != contrary[shape] {
		return lowerFirst(name)
	}
	return name
}

func lowerFirst(name string) string {
	if name == "" || name[0] < 'A' || name[0] > 'Z' {
		return name
	}
	return string(name[0]+'a'-'A') + name[1:]
}

func upperFirst(name string) string {
	if name == "" || name[0] < 'a' || name[0] > 'z' {
		return name
	}
	return string(name[0]-('a'-'A')) + name[1:]
}

func dateTime(t time.Time) any {
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

func textFloat(f float64) any {
	if special, is := specialFloat(f); is {
		return special
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}
