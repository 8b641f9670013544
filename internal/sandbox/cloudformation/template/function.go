package template

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// functionNames are the intrinsic functions that a template may use.
var functionNames = []string{
	"Fn::And", "Fn::Base64", "Fn::Cidr", "Fn::Equals", "Fn::FindInMap", "Fn::GetAZs", "Fn::GetAtt",
	"Fn::If", "Fn::ImportValue", "Fn::Join", "Fn::Not", "Fn::Or", "Fn::Select", "Fn::Split", "Fn::Sub",
}

func supported(name string) bool { return slices.Contains(functionNames, name) }

// function is the name and the argument of an intrinsic function: a mapping with one
// member that is called Ref or Fn::something.
func function(value map[string]any) (string, any, bool) {
	if len(value) != 1 {
		return "", nil, false
	}
	for name, argument := range value {
		if name == "Ref" || strings.HasPrefix(name, "Fn::") {
			return name, argument, true
		}
	}
	return "", nil, false
}

func (e *evaluator) call(name string, argument any) (any, error) {
	calls := map[string]func(any) (any, error){
		"Ref":             e.callRef,
		"Fn::Base64":      e.callBase64,
		"Fn::Cidr":        e.callCidr,
		"Fn::FindInMap":   e.callFindInMap,
		"Fn::GetAZs":      e.callGetAZs,
		"Fn::GetAtt":      e.callGetAtt,
		"Fn::If":          e.callIf,
		"Fn::ImportValue": e.callImportValue,
		"Fn::Join":        e.callJoin,
		"Fn::Select":      e.callSelect,
		"Fn::Split":       e.callSplit,
		"Fn::Sub":         e.callSub,
	}
	call, ok := calls[name]
	if !ok {
		return nil, templateErrorf("%s is not valid here.", name)
	}
	return call(argument)
}

func (e *evaluator) callRef(argument any) (any, error) {
	name, ok := argument.(string)
	if !ok {
		return nil, templateErrorf("every Ref object must have a single String value.")
	}
	return e.ref(name)
}

func (e *evaluator) callGetAtt(argument any) (any, error) {
	logicalID, attribute, err := attributePath(argument)
	if err != nil {
		return nil, err
	}
	name, err := e.text(attribute)
	if err != nil {
		return nil, err
	}
	return e.attribute(logicalID, name)
}

func (e *evaluator) attribute(logicalID, attribute string) (any, error) {
	if e.evaluation.template.Resources[logicalID] == nil || e.resolver == nil {
		return nil, templateErrorf("instance of Fn::GetAtt references undefined resource %s", logicalID)
	}
	return e.resolver.Attribute(logicalID, attribute)
}

// attributePath is the resource and the attribute of a GetAtt, which may be written as
// a list or with a dot.
func attributePath(argument any) (string, any, error) {
	malformed := templateErrorf("every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute")
	switch path := argument.(type) {
	case string:
		logicalID, attribute, found := strings.Cut(path, ".")
		if !found || logicalID == "" || attribute == "" {
			return "", nil, malformed
		}
		return logicalID, attribute, nil
	case []any:
		if len(path) != 2 || path[1] == "" {
			return "", nil, malformed
		}
		logicalID, ok := path[0].(string)
		if !ok || logicalID == "" {
			return "", nil, malformed
		}
		return logicalID, path[1], nil
	default:
		return "", nil, malformed
	}
}

var placeholder = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\$\{([^}]*)\}`)
})

// substitution is the text and the variables of an Fn::Sub, in both its forms.
func substitution(argument any) (string, map[string]any, error) {
	switch form := argument.(type) {
	case string:
		return form, nil, nil
	case []any:
		if len(form) == 2 {
			body, isString := form[0].(string)
			variables, isMapping := form[1].(map[string]any)
			if isString && isMapping {
				return body, variables, nil
			}
		}
	}
	return "", nil, templateErrorf("One or more Fn::Sub intrinsic functions don't specify expected arguments. " +
		"Specify a string as first argument, and an optional second argument to specify a mapping of values to replace in the string")
}

func (e *evaluator) callSub(argument any) (any, error) {
	body, variables, err := substitution(argument)
	if err != nil {
		return nil, err
	}
	var failure error
	replaced := placeholder().ReplaceAllStringFunc(body, func(match string) string {
		name := match[2 : len(match)-1]
		if literal, escaped := strings.CutPrefix(name, "!"); escaped {
			return "${" + literal + "}"
		}
		value, err := e.variable(strings.TrimSpace(name), variables)
		if err != nil && failure == nil {
			failure = err
		}
		return value
	})
	return replaced, failure
}

func (e *evaluator) variable(name string, variables map[string]any) (string, error) {
	value, err := e.lookUp(name, variables)
	if err != nil {
		return "", err
	}
	s, ok := value.(string)
	if !ok {
		return "", templateErrorf("variable %s in Fn::Sub expression does not resolve to a string", name)
	}
	return s, nil
}

func (e *evaluator) lookUp(name string, variables map[string]any) (any, error) {
	if raw, local := variables[name]; local {
		return e.value(raw)
	}
	if logicalID, attribute, dotted := strings.Cut(name, "."); dotted {
		return e.attribute(logicalID, attribute)
	}
	return e.ref(name)
}

func (e *evaluator) callJoin(argument any) (any, error) {
	malformed := templateErrorf("every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined.")
	pair, ok := argument.([]any)
	if !ok || len(pair) != 2 {
		return nil, malformed
	}
	delimiter, ok := pair[0].(string)
	if !ok {
		return nil, malformed
	}
	members, err := e.strings(pair[1], malformed)
	if err != nil {
		return nil, err
	}
	return strings.Join(members, delimiter), nil
}

// strings is a value that must be a list of strings.
func (e *evaluator) strings(raw any, malformed error) ([]string, error) {
	value, err := e.value(raw)
	if err != nil {
		return nil, err
	}
	list, ok := value.([]any)
	if !ok {
		return nil, malformed
	}
	members := make([]string, len(list))
	for i, member := range list {
		if members[i], ok = member.(string); !ok {
			return nil, malformed
		}
	}
	return members, nil
}

func (e *evaluator) callIf(argument any) (any, error) {
	name, branches, err := choice(argument)
	if err != nil {
		return nil, err
	}
	holds, defined := e.evaluation.conditions[name]
	if !defined {
		return nil, templateErrorf("unresolved condition dependency %s", name)
	}
	if holds {
		return e.value(branches[0])
	}
	return e.value(branches[1])
}

// choice is the condition and the two branches of an Fn::If.
func choice(argument any) (string, []any, error) {
	members, ok := argument.([]any)
	if ok && len(members) == 3 {
		if name, ok := members[0].(string); ok {
			return name, members[1:], nil
		}
	}
	return "", nil, templateErrorf("Fn::If requires a list argument with three elements")
}

func (e *evaluator) callSelect(argument any) (any, error) {
	pair, ok := argument.([]any)
	if !ok || len(pair) != 2 {
		return nil, templateErrorf("Fn::Select requires a list argument with two elements: an integer index and a list")
	}
	written, err := e.text(pair[0])
	if err != nil {
		return nil, err
	}
	index, err := strconv.Atoi(written)
	if err != nil {
		return nil, templateErrorf("Fn::Select requires a list argument with two elements: an integer index and a list")
	}
	value, err := e.value(pair[1])
	if err != nil {
		return nil, err
	}
	list, ok := value.([]any)
	if !ok {
		return nil, templateErrorf("Fn::Select requires a list argument with two elements: an integer index and a list")
	}
	if index < 0 || index >= len(list) {
		return nil, templateErrorf("Fn::Select cannot select nonexistent value at index %d", index)
	}
	return list[index], nil
}

func (e *evaluator) callSplit(argument any) (any, error) {
	pair, ok := argument.([]any)
	if !ok || len(pair) != 2 {
		return nil, templateErrorf("every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be split or a function that returns a string to be split.")
	}
	delimiter, ok := pair[0].(string)
	if !ok || delimiter == "" {
		return nil, templateErrorf("every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be split or a function that returns a string to be split.")
	}
	value, err := e.text(pair[1])
	if err != nil {
		return nil, err
	}
	return listOf(strings.Split(value, delimiter)), nil
}

func (e *evaluator) callFindInMap(argument any) (any, error) {
	path, ok := argument.([]any)
	if !ok || len(path) != 3 {
		return nil, templateErrorf("every Fn::FindInMap object requires three parameters, the map name, map key and the attribute for return value")
	}
	var keys [3]string
	for i, raw := range path {
		key, err := e.text(raw)
		if err != nil {
			return nil, err
		}
		keys[i] = key
	}
	mapping, ok := e.evaluation.template.Mappings[keys[0]].(map[string]any)
	if !ok {
		return nil, templateErrorf("Mapping named '%s' is not present in the 'Mappings' section of template.", keys[0])
	}
	entry, _ := mapping[keys[1]].(map[string]any)
	value, found := entry[keys[2]]
	if !found {
		return nil, templateErrorf("Unable to get mapping for %s::%s::%s", keys[0], keys[1], keys[2])
	}
	return value, nil
}

func (e *evaluator) callImportValue(argument any) (any, error) {
	name, err := e.text(argument)
	if err != nil {
		return nil, err
	}
	if e.resolver == nil {
		return nil, templateErrorf("Fn::ImportValue is not valid here.")
	}
	return e.resolver.Import(name)
}

func (e *evaluator) callBase64(argument any) (any, error) {
	value, err := e.text(argument)
	if err != nil {
		return nil, err
	}
	return base64.StdEncoding.EncodeToString([]byte(value)), nil
}

func (e *evaluator) callGetAZs(argument any) (any, error) {
	region, err := e.text(argument)
	if err != nil {
		return nil, err
	}
	if region != "" && region != e.evaluation.scope.Region {
		return nil, templateErrorf("Fn::GetAZs cannot find the region %s", region)
	}
	return listOf(e.evaluation.scope.Zones), nil
}

// callCidr is a list of IPv4 blocks of a block: [block, count, host bits].
func (e *evaluator) callCidr(argument any) (any, error) {
	malformed := templateErrorf("Fn::Cidr requires an IPv4 block, a count from 1 to 256 and the number of host bits")
	members, err := e.strings(argument, malformed)
	if err != nil {
		return nil, err
	}
	if len(members) < 2 || len(members) > 3 {
		return nil, malformed
	}
	bits := 8
	if len(members) == 3 {
		if bits, err = strconv.Atoi(members[2]); err != nil {
			return nil, malformed
		}
	}
	count, err := strconv.Atoi(members[1])
	block, blockErr := netip.ParsePrefix(members[0])
	if err != nil || blockErr != nil || !block.Addr().Is4() || count < 1 || count > 256 || bits < 1 || bits > 32-block.Bits() {
		return nil, malformed
	}
	if uint64(count)<<bits > 1<<(32-block.Bits()) {
		return nil, templateErrorf("Fn::Cidr cannot make %d blocks of /%d in %s", count, 32-bits, members[0])
	}
	return subnets(block.Masked(), count, bits), nil
}

func subnets(block netip.Prefix, count, bits int) []any {
	octets := block.Addr().As4()
	first := binary.BigEndian.Uint32(octets[:])
	blocks := make([]any, count)
	for i := range blocks {
		binary.BigEndian.PutUint32(octets[:], first+uint32(i)<<bits)
		blocks[i] = fmt.Sprintf("%s/%d", netip.AddrFrom4(octets), 32-bits)
	}
	return blocks
}
