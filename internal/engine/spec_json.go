package engine

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonKind is the type of a JSON value.
type jsonKind int

const (
	jsonObject jsonKind = iota
	jsonList
	jsonText
	jsonNumber
	jsonBoolean
	jsonNull
)

// jsonNode is one value of a JSON text with the place that it is at. encoding/json
// would do, were it not that it takes the last of two members with one name, matches
// names in any case, knows no places, and refuses the raw line breaks that the
// original's build leaves in CanaryTemplate (original.md, "deploy.json").
type jsonNode struct {
	kind jsonKind
	// text is a text's characters, or a number or a word as it was written.
	text    string
	members []jsonMember
	items   []jsonNode
	// at is the offset in the text, in bytes.
	at int
	// flag is the flag that gave the value; empty for a value of the file.
	flag string
}

// jsonMember is one member of an object.
type jsonMember struct {
	name  string
	at    int
	value jsonNode
}

// member is the member of an object with a name, or nil.
func (n *jsonNode) member(name string) *jsonNode {
	for i := range n.members {
		if n.members[i].name == name {
			return &n.members[i].value
		}
	}
	return nil
}

// jsonError is an error of syntax at an offset.
type jsonError struct {
	at            int
	problem, mend string
}

func (e *jsonError) Error() string { return e.problem + ": " + e.mend }

// deepestJSON is how deep values may be nested: a spec needs four levels, and a text
// must not be able to exhaust the stack.
const deepestJSON = 32

// jsonReader reads one JSON text (RFC 8259).
type jsonReader struct {
	text  string
	pos   int
	depth int
	// wrapped is the one member whose text may hold raw line breaks.
	wrapped string
	flag    string
}

// document reads the one value that the text holds.
func (r *jsonReader) document() (jsonNode, error) {
	node, err := r.value(false)
	if err != nil {
		return jsonNode{}, err
	}
	c, err := r.peek()
	if err != nil {
		return jsonNode{}, err
	}
	if c != 0 {
		return jsonNode{}, r.fail(r.pos, "there is more after the end of the value", "remove it")
	}
	return node, nil
}

func (r *jsonReader) fail(at int, problem, mend string) error {
	return &jsonError{at: at, problem: problem, mend: mend}
}

// peek is the first byte of what comes next; 0 at the end.
func (r *jsonReader) peek() (byte, error) {
	for r.pos < len(r.text) {
		switch c := r.text[r.pos]; c {
		case ' ', '\t', '\r', '\n':
			r.pos++
		case '/', '#':
			return 0, r.fail(r.pos, "JSON has no comments", "remove it")
		default:
			return c, nil
		}
	}
	return 0, nil
}

// value reads a value; wrapped allows raw line breaks in it, if it is a text.
func (r *jsonReader) value(wrapped bool) (jsonNode, error) {
	c, err := r.peek()
	if err != nil {
		return jsonNode{}, err
	}
	if r.depth++; r.depth > deepestJSON {
		return jsonNode{}, r.fail(r.pos, "the values are nested too deep", "remove some of the brackets")
	}
	defer func() { r.depth-- }()
	node := jsonNode{at: r.pos, flag: r.flag}
	switch c {
	case 0:
		err = r.fail(r.pos, "the text ends where a value belongs", "write one")
	case '{':
		node.kind = jsonObject
		node.members, err = r.members()
	case '[':
		node.kind = jsonList
		node.items, err = r.list()
	case '"':
		node.kind = jsonText
		node.text, err = r.quoted(wrapped)
	default:
		node.kind, node.text, err = r.word()
	}
	return node, err
}

func (r *jsonReader) members() ([]jsonMember, error) {
	r.pos++
	var members []jsonMember
	for {
		another, err := r.more('}', len(members) == 0)
		if err != nil || !another {
			return members, err
		}
		at := r.pos
		if r.text[at] != '"' {
			return nil, r.fail(at, "the name of a field belongs here, in double quotes", `write "Name": value`)
		}
		name, err := r.quoted(false)
		if err != nil {
			return nil, err
		}
		c, err := r.peek()
		if err != nil {
			return nil, err
		}
		if c != ':' {
			return nil, r.fail(r.pos, "a colon belongs after the name "+shown(name), `write "Name": value`)
		}
		r.pos++
		value, err := r.value(name == r.wrapped)
		if err != nil {
			return nil, err
		}
		members = append(members, jsonMember{name: name, at: at, value: value})
	}
}

func (r *jsonReader) list() ([]jsonNode, error) {
	r.pos++
	var items []jsonNode
	for {
		another, err := r.more(']', len(items) == 0)
		if err != nil || !another {
			return items, err
		}
		item, err := r.value(false)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
}

// more moves to the next element of an object or a list, and tells whether there is
// one before the closing bracket.
func (r *jsonReader) more(closing byte, first bool) (bool, error) {
	c, err := r.peek()
	switch {
	case err != nil:
		return false, err
	case c == closing:
		r.pos++
		return false, nil
	case c == 0:
		return false, r.fail(r.pos, fmt.Sprintf("the text ends before the closing %c", closing), "add what is missing")
	case first:
		return true, nil
	case c != ',':
		return false, r.fail(r.pos, fmt.Sprintf("a comma or the closing %c belongs here", closing), "add it")
	}
	comma := r.pos
	r.pos++
	c, err = r.peek()
	switch {
	case err != nil:
		return false, err
	case c == closing:
		return false, r.fail(comma, fmt.Sprintf("there is a comma before the closing %c", closing), "remove the comma")
	case c == 0:
		return false, r.fail(r.pos, fmt.Sprintf("the text ends before the closing %c", closing), "add what is missing")
	}
	return true, nil
}

// quoted reads a text in double quotes.
func (r *jsonReader) quoted(wrapped bool) (string, error) {
	start := r.pos
	r.pos++
	var text strings.Builder
	for r.pos < len(r.text) {
		c := r.text[r.pos]
		switch {
		case c == '"':
			r.pos++
			return text.String(), nil
		case c == '\\':
			decoded, err := r.escape()
			if err != nil {
				return "", err
			}
			text.WriteRune(decoded)
			continue
		case (c == '\n' || c == '\r') && !wrapped:
			return "", r.fail(start, "the text has no closing quote on its line", `close it with ", or write a line break as \n`)
		case c < ' ' && c != '\n' && c != '\r':
			return "", r.fail(r.pos, fmt.Sprintf("there is a raw control character (U+%04X) in a text", c), "remove it")
		}
		text.WriteByte(c)
		r.pos++
	}
	return "", r.fail(start, "the text has no closing quote", `close it with "`)
}

// jsonEscapes are what the short escapes stand for (RFC 8259, section 7).
var jsonEscapes = map[byte]rune{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// escape reads one escape; one of a pair of surrogates takes its other half with it.
func (r *jsonReader) escape() (rune, error) {
	start := r.pos
	rest := r.text[start+1:]
	if rest == "" {
		return 0, r.fail(start, "the text has no closing quote", `close it with "`)
	}
	if short, ok := jsonEscapes[rest[0]]; ok {
		r.pos += 2
		return short, nil
	}
	first, ok := hexEscape(r.text[start:])
	if !ok {
		return 0, r.fail(start, `there is no such escape in JSON`, `write \\ for a backslash`)
	}
	r.pos += 6
	if !utf16.IsSurrogate(first) {
		return first, nil
	}
	second, _ := hexEscape(r.text[r.pos:])
	decoded := utf16.DecodeRune(first, second)
	if decoded == utf8.RuneError {
		return 0, r.fail(start, "there is half a character", `write both halves, as in \ud83d\ude00`)
	}
	r.pos += 6
	return decoded, nil
}

// hexEscape is what a \uXXXX at the start of a text stands for.
func hexEscape(text string) (rune, bool) {
	if len(text) < 6 || text[:2] != `\u` {
		return 0, false
	}
	code, err := strconv.ParseUint(text[2:6], 16, 16)
	return rune(code), err == nil
}

// jsonNumberForm is a number of JSON (RFC 8259, section 6).
var jsonNumberForm = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// word reads a number, true, false or null.
func (r *jsonReader) word() (jsonKind, string, error) {
	start := r.pos
	length := strings.IndexAny(r.text[start:], " \t\r\n,:]}[{\"/#")
	if length < 0 {
		length = len(r.text) - start
	}
	r.pos += length
	word := r.text[start:r.pos]
	switch {
	case word == "true", word == "false":
		return jsonBoolean, word, nil
	case word == "null":
		return jsonNull, word, nil
	case jsonNumberForm.MatchString(word):
		return jsonNumber, word, nil
	case length == 0:
		return 0, "", r.fail(start, "a value belongs before "+strconv.QuoteRune(rune(r.text[start])), "write one")
	case strings.HasPrefix(word, "'"):
		return 0, "", r.fail(start, "JSON has no single quotes", `write texts in double quotes, as in "http"`)
	case strings.Contains("+-.0123456789", word[:1]):
		return 0, "", r.fail(start, shown(word)+" is not a number of JSON", "write it in plain digits, as in 60")
	}
	return 0, "", r.fail(start, shown(word)+" is not JSON", "write texts in double quotes, and numbers in digits")
}
