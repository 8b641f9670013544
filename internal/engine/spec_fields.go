package engine

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// fieldKind is the type of a field's value.
type fieldKind int

const (
	textField fieldKind = iota
	wholeField
	// templateField is bytes in base64, wrapped or not.
	templateField
	listField
	objectField
	// tableField is an object with names that the specfile chooses.
	tableField
)

// specField describes a field of deploy.json. Parsing, validation and the JSON Schema
// all read the same description.
type specField struct {
	name     string
	kind     fieldKind
	doc      string
	required bool
	// fallback is the value of a field that is not given; nil for none.
	fallback any
	// least and most are the range of a number, of the characters of a text, of the items
	// of a list or of the entries of a table.
	least, most int
	// choices are the only texts allowed.
	choices []string
	// form is what a text must look like.
	form *textForm
	// period restricts a number to the periods that CloudWatch has.
	period bool
	// fields are those of an object, item is what a list or a table holds, and names what
	// the names of a table look like; the reserved ones are not for a specfile to use.
	fields   []specField
	item     *specField
	names    *textForm
	reserved []string
}

// textForm is what a text must look like, with words for one that does not.
type textForm struct {
	pattern string
	// problem is what is wrong with a text that does not match, want what to write.
	problem, want string
	// compiled is the pattern as soon as a spec is read: most runs of the program read none.
	compiled func() *regexp.Regexp
}

func form(pattern, problem, want string) *textForm {
	return &textForm{
		pattern: pattern, problem: problem, want: want,
		compiled: sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) }),
	}
}

func (f *textForm) matches(text string) bool { return f.compiled().MatchString(text) }

// Limits of the numbers in a specfile.
const (
	longestTime   = 7 * 24 * 60 * 60
	largestCount  = math.MaxInt32
	longestPeriod = 24 * 60 * 60
	// mostSteps is twice what PercentageStep 1 makes: every weight with a gate before it.
	mostSteps = 200
)

// printable is a text without control characters, which a terminal or a log would obey.
var printable = form(
	`^[^\x00-\x1f\x7f-\x9f]*$`,
	"has a control character in it",
	"text without control characters",
)

// resourceName is a name that CloudFormation and App Mesh take as part of a stack's and
// a node's name (CloudFormation user guide, "Stack name"; a letter, then letters, digits
// and hyphens).
var resourceName = form(
	`^[A-Za-z][A-Za-z0-9-]*$`,
	"is not a legal name for a stack",
	"a letter, then letters, digits and hyphens only",
)

// dnsName is the name of a Cloud Map namespace with DNS (RFC 1035, section 2.3.1, with
// the underscores that private zones have).
var dnsName = form(
	`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*$`,
	"is not a DNS name",
	`labels of letters, digits and hyphens with dots between them, like "yelb.local"`,
)

// shaForm has no hyphen, or the names of versions would be ambiguous: yelb-ui could be
// a version of yelb.
var shaForm = form(
	`^[A-Za-z0-9]+$`,
	"has characters that a version's name cannot hold",
	"letters and digits only, like the first 8 characters of the commit",
)

// imageForm is a reference to an image: an optional registry, a path, an optional tag
// and an optional digest (the grammar of the distribution project's "reference").
var imageForm = form(
	`^`+imageHost+`?`+imagePath+`(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?`+
		`(@[A-Za-z][A-Za-z0-9]*([-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?$`,
	"is not an image reference",
	`like "123456789012.dkr.ecr.us-west-2.amazonaws.com/yelb-ui:1" or "yelb-ui:1"`,
)

const (
	imageHost = `([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*(:[0-9]+)?/)`
	imagePart = `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
	imagePath = imagePart + `(/` + imagePart + `)*`
)

// parameterName is the name of a parameter of a template (CloudFormation user guide,
// "Parameters": alphanumeric, at most 255 characters).
var parameterName = form(
	`^[A-Za-z0-9]{1,255}$`,
	"is not the name of a parameter",
	"letters and digits only",
)

// givenParameters are the parameters that a version's template gets from the other
// fields, as Spec.Parameters has them.
var givenParameters = slices.Sorted(maps.Keys(Spec{}.Parameters()))

// dimensionName is the name of a dimension (CloudWatch API reference, Dimension: ASCII,
// 1 to 255 characters, no colon first).
var dimensionName = form(
	`^[!-9;-~][ -~]{0,254}$`,
	"is not the name of a dimension",
	"1 to 255 ASCII characters, the first of them no colon and no space",
)

// dimensionValue may hold the placeholders of MetricSource, and no other braces.
var dimensionValue = form(
	`^([ -z|~]|\{(environment|service|sha|version|class)\})+$`,
	"is not the value of a dimension",
	"ASCII characters, and in braces only {environment}, {service}, {sha}, {version} and {class}",
)

// metricNamespace is a CloudWatch namespace (CloudWatch API reference, MetricDatum).
var metricNamespace = form(
	`^[0-9A-Za-z._/#:-]+$`,
	"is not the name of a namespace",
	"letters, digits and . - _ / # : only",
)

// listenerRule is the ARN of a rule of an ALB's listener.
var listenerRule = form(
	`^arn:[a-z0-9-]+:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:listener-rule/[!-~]+$`,
	"is not the ARN of a listener rule",
	"arn:aws:elasticloadbalancing:<region>:<account>:listener-rule/…",
)

// specFields are the fields of deploy.json, in the order in which a person would write
// them. BakeTime's fallback is WaitTime, a step's Hold too; the rules of spec_rules.go
// fill them in.
var specFields = []specField{
	{name: "EnvironmentName", doc: "The environment: the name of the mesh and the cluster, and the prefix of every stack.", required: true, least: 1, most: 255, form: resourceName},
	{name: "MicroserviceName", doc: "The microservice that the file deploys.", required: true, least: 1, most: 255, form: resourceName},
	{name: "Namespace", doc: "The Cloud Map namespace of the environment.", required: true, least: 1, most: 253, form: dnsName},
	{name: "Protocol", doc: "What the service speaks. A tcp service has no response codes: it is judged by the health of its tasks.", required: true, choices: []string{string(HTTP), string(HTTP2), string(GRPC), string(TCP)}},
	{name: "Port", kind: wholeField, doc: "The port that the service listens on.", required: true, least: 1, most: 65535},
	{name: "PercentageStep", kind: wholeField, doc: "How many percent of the traffic move to the new version at every step; the last step is cut at 100. Not together with Steps.", least: 1, most: 100},
	{name: "WaitTime", kind: wholeField, doc: "How long a weight is watched, in seconds.", least: 0, most: longestTime},
	{name: "FailureThresholdValue", kind: wholeField, doc: "How many 5xx responses of the new version within FailureThresholdTime are still healthy.", fallback: 0, least: 0, most: largestCount},
	{name: "FailureThresholdTime", kind: wholeField, doc: "How far back 5xx responses are counted, in seconds.", fallback: 600, least: 1, most: longestTime},
	{name: "Sha", doc: "The name of the new version, usually the first 8 characters of the commit. The build adds it; --sha gives it too.", least: 1, most: 255, form: shaForm},
	{name: "ContainerImage", doc: "The image of the new version. The build adds it; --image gives it too.", least: 1, most: 255, form: imageForm},
	{name: "CanaryTemplate", kind: templateField, doc: "The CloudFormation template of a version in base64, line breaks allowed. The build adds it; without it, --template or canary-helper.yaml beside the file is used."},
	{name: "Steps", kind: listField, doc: "The weights of the rollout with their holds, and gates that wait for a person, instead of PercentageStep. The bake at 100 is added.", least: 1, most: mostSteps, item: &stepField},
	{name: "BakeTime", kind: wholeField, doc: "How long the new version has all traffic before the old one is removed, in seconds; WaitTime when it is not given.", least: 0, most: longestTime},
	{name: "Router", kind: objectField, doc: "What splits the traffic.", fields: []specField{
		{name: "Type", doc: "The kind of router.", fallback: string(AppMesh), choices: []string{string(AppMesh), string(ALB)}},
		{name: "ListenerRuleArn", doc: "The listener rule whose weights are set, for an alb.", least: 1, most: 1024, form: listenerRule},
	}},
	{name: "MetricPeriod", kind: wholeField, doc: "The period of the metric in seconds: 1, 5, 10, 30 or a multiple of 60.", fallback: 60, least: 1, most: longestPeriod, period: true},
	{name: "MetricDelay", kind: wholeField, doc: "How late the metric arrives, in seconds.", fallback: 120, least: 0, most: longestTime},
	{name: "OnNoData", doc: "What a hold without any data does: pass with a warning, wait for data, or fail.", fallback: string(NoDataPasses), choices: []string{string(NoDataPasses), string(NoDataHolds), string(NoDataFails)}},
	{name: "MinimumRequests", kind: wholeField, doc: "How many requests the new version must have answered before a hold may end.", fallback: 0, least: 0, most: largestCount},
	{name: "Alarms", kind: listField, doc: "CloudWatch alarms that fail the rollout when they are in ALARM.", least: 0, most: 100, item: &specField{least: 1, most: 255, form: printable}},
	{name: "ProgressDeadline", kind: wholeField, doc: "How long a version may take to become healthy, in seconds.", fallback: 900, least: 1, most: longestTime},
	{name: "TemplateParameters", kind: tableField, doc: "Further parameters of the version's template, by name.", least: 0, most: 193, names: parameterName, reserved: givenParameters, item: &specField{least: 0, most: 4096, form: printable}},
	{name: "Analysis", kind: objectField, doc: "How the evidence is judged.", fields: []specField{
		{name: "Policy", doc: "The policy; threshold is FailureThresholdValue within FailureThresholdTime.", fallback: ThresholdPolicy, choices: []string{ThresholdPolicy}},
	}},
	{name: "Metric", kind: objectField, doc: "The CloudWatch metric that counts the responses of a version.", fields: []specField{
		{name: "Namespace", doc: "The namespace of the metric.", fallback: DefaultMetricSource().Namespace, least: 1, most: 255, form: metricNamespace},
		{name: "Name", doc: "The name of the metric.", fallback: DefaultMetricSource().Name, least: 1, most: 255, form: printable},
		{name: "Dimensions", kind: tableField, doc: "Every dimension of the metric: {environment}, {service}, {sha}, {version} and {class} stand for the version's own and for the first digit of the response code.", fallback: DefaultMetricSource().Dimensions, least: 1, most: 30, names: dimensionName, item: &specField{least: 1, most: 1024, form: dimensionValue}},
	}},
}

// stepField is one step: a weight with its hold, or a gate.
var stepField = specField{kind: objectField, doc: "A weight with its hold, or a gate.", fields: []specField{
	{name: "Weight", kind: wholeField, doc: "The percentage of the traffic that the new version gets.", least: 1, most: 100},
	{name: "Hold", kind: wholeField, doc: "How long the weight is watched, in seconds; WaitTime when it is not given.", least: 0, most: longestTime},
	{name: "Gate", doc: "What a person has to say before the rollout goes on.", least: 1, most: 255, form: printable},
	{name: "Timeout", kind: wholeField, doc: "How long the gate waits, in seconds; 0 waits for ever.", least: 0, most: longestTime},
	{name: "OnTimeout", doc: "What happens when nobody passes the gate in time; rollback when it is not given.", choices: []string{string(TimeoutRollsBack), string(TimeoutPromotes)}},
}}

// shortPeriods are CloudWatch's periods under a minute; above, they are its multiples
// (CloudWatch API reference, MetricStat).
var shortPeriods = []int{1, 5, 10, 30}

// want is what to write for the field.
func (f specField) want() string {
	switch {
	case f.period:
		return "1, 5, 10, 30 or a multiple of 60"
	case f.choices != nil:
		quoted := make([]string, len(f.choices))
		for i, choice := range f.choices {
			quoted[i] = strconv.Quote(choice)
		}
		return oneOf(quoted)
	case f.form != nil && f.form != printable:
		return f.form.want
	}
	switch f.kind {
	case wholeField:
		return fmt.Sprintf("a whole number from %d to %d", f.least, f.most)
	case templateField:
		return "the template in base64, as base64 prints it"
	case listField:
		return fmt.Sprintf("a list, [ … ], of %d to %d items", f.least, f.most)
	case objectField:
		return "an object with " + oneOf(fieldNames(f.fields))
	case tableField:
		return "an object with a text for every name"
	default:
		return fmt.Sprintf("%d to %d characters in double quotes", f.least, f.most)
	}
}

// field is the field of an object with a name.
func (f specField) field(name string) (specField, bool) {
	for _, field := range f.fields {
		if field.name == name {
			return field, true
		}
	}
	return specField{}, false
}

// fieldNames are the names of fields, in their order.
func fieldNames(fields []specField) []string {
	all := make([]string, len(fields))
	for i, field := range fields {
		all[i] = field.name
	}
	return all
}

// join makes a path of a field and one within it.
func join(path, name string) string {
	if path == "" || strings.HasPrefix(name, "[") {
		return path + name
	}
	return path + "." + name
}
