package engine

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// FieldError is one thing that is wrong in a specfile, in words for who wrote it: where
// it is, what is there, what is wrong with it and what to write instead.
type FieldError struct {
	// File is the file as it was named, or the flag that gave the value.
	File string
	// Field is the path of the field, like Steps[1].Weight; empty for an error that is
	// in no field, as those of the file's syntax are.
	Field string
	// Value is what is there, quoted and shortened for a terminal; it may be empty.
	Value string
	// Problem is what is wrong, Mend what to do about it.
	Problem string
	Mend    string
	// Line and Column are where it is, counted from 1; 0 for what is in no line, like a
	// field that is missing. Column counts characters.
	Line   int
	Column int
}

// Error is all of it in one line: the file, the field (or the place), the value with its
// problem, and the mend.
func (e *FieldError) Error() string {
	place := e.Field
	if place == "" && e.Line > 0 {
		place = fmt.Sprintf("line %d, column %d", e.Line, e.Column)
	}
	problem := strings.TrimSpace(e.Value + " " + e.Problem)
	var parts []string
	for _, part := range []string{e.File, place, problem, e.Mend} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ": ")
}

// SpecError is all that is wrong in a specfile, in the order of its lines.
type SpecError struct {
	Errors []*FieldError
}

// Error lists the errors, one a line.
func (e *SpecError) Error() string {
	lines := make([]string, len(e.Errors))
	for i, err := range e.Errors {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap are the errors, for errors.As and errors.Is.
func (e *SpecError) Unwrap() []error {
	errs := make([]error, len(e.Errors))
	for i, err := range e.Errors {
		errs[i] = err
	}
	return errs
}

// longestShown is how many characters of a value an error shows.
const longestShown = 64

// shown is a text as an error shows it: in quotes, without anything that a terminal
// would obey, and short.
func shown(text string) string {
	if utf8.RuneCountInString(text) > longestShown {
		text = string([]rune(text)[:longestShown-1]) + "…"
	}
	return strconv.Quote(text)
}

// shownName is the name of a field as an error shows it: bare when it is harmless.
func shownName(name string) string {
	odd := func(r rune) bool { return r == utf8.RuneError || !unicode.IsGraphic(r) || r == '"' }
	if name == "" || utf8.RuneCountInString(name) > longestShown || strings.ContainsFunc(name, odd) {
		return shown(name)
	}
	return name
}

// Nearest is the candidate that a mistyped name most likely meant, whatever its case;
// empty when none is near enough: more than a third of its letters, and at least two,
// would have to change.
func Nearest(name string, candidates []string) string {
	best, distance := "", max(2, utf8.RuneCountInString(name)/3)+1
	if utf8.RuneCountInString(name) > longestShown {
		return ""
	}
	for _, candidate := range candidates {
		d := editDistance(strings.ToLower(name), strings.ToLower(candidate))
		if d < distance && d < utf8.RuneCountInString(candidate) {
			best, distance = candidate, d
		}
	}
	return best
}

// editDistance counts the letters to insert, delete or replace to make one word another
// (Levenshtein), row by row.
func editDistance(from, to string) int {
	a, b := []rune(from), []rune(to)
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j := range b {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// oneOf lists words as a choice: a, b or c.
func oneOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
