package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"maps"
	"slices"
)

// renderXML writes a tree as the Query protocol has it: a list's elements are called
// member, a map's entries entry, with key and value.
func renderXML(root, namespace string, document structure) []byte {
	var out bytes.Buffer
	out.WriteString(xml.Header)
	fmt.Fprintf(&out, `<%s xmlns="%s">`, root, namespace)
	writeXML(&out, document)
	fmt.Fprintf(&out, "</%s>", root)
	return out.Bytes()
}

func writeXML(out *bytes.Buffer, tree any) {
	switch tree := tree.(type) {
	case structure:
		for _, name := range slices.Sorted(maps.Keys(tree)) {
			writeElement(out, name, tree[name])
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(tree)) {
			writeElement(out, "entry", structure{"key": key, "value": tree[key]})
		}
	case []any:
		for _, element := range tree {
			writeElement(out, "member", element)
		}
	case []byte:
		out.WriteString(base64.StdEncoding.EncodeToString(tree))
	case nil:
	default:
		// EscapeText fails only when its writer does, and a Buffer never does.
		_ = xml.EscapeText(out, []byte(fmt.Sprint(tree)))
	}
}

func writeElement(out *bytes.Buffer, name string, tree any) {
	out.WriteString("<" + name + ">")
	writeXML(out, tree)
	out.WriteString("</" + name + ">")
}
