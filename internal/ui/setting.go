package ui

import "strings"

// settingsIn are the settings that are typed in one line, as --set has them: Field=Value,
// apart by spaces. Spaces within quotes, brackets and braces are the value's, and so is a
// word without an equals sign.
func settingsIn(line string) []string {
	var settings []string
	for _, word := range wordsIn(line) {
		if last := len(settings) - 1; last >= 0 && !strings.Contains(word, "=") {
			settings[last] += " " + word
			continue
		}
		settings = append(settings, word)
	}
	return settings
}

// wordsIn are the words of a line, where those within quotes, brackets and braces are one.
func wordsIn(line string) []string {
	depth, quoted := 0, false
	return strings.FieldsFunc(line, func(char rune) bool {
		switch char {
		case '"':
			quoted = !quoted
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		}
		return char == ' ' && !quoted && depth <= 0
	})
}
