package yelb

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Exit codes of a shell (POSIX, exit status for commands; bash for a syntax error).
const (
	codeSyntax   = 2
	codeNotFound = 127
)

var errUnclosed = errors.New("unterminated quoted string")

// result is what a command left behind.
type result struct {
	code int
	out  string
	// complaint is what it wrote to its standard error.
	complaint string
	// exits ends the whole script, as exit does.
	exits bool
}

// runner runs one command with its arguments and standard input.
type runner func(ctx context.Context, words []string, input string) result

// runScript runs the part of the shell's language that health checks are written in:
// words with quotes, pipes, && || ; and redirections, which are ignored.
func runScript(ctx context.Context, script string, run runner) result {
	tokens, err := tokenize(script)
	if err != nil {
		return result{code: codeSyntax, complaint: "sh: " + err.Error()}
	}
	var last result
	for len(tokens) > 0 {
		var pipeline [][]string
		var connector string
		pipeline, connector, tokens = nextPipeline(tokens)
		if pipeline == nil {
			return result{code: codeSyntax, complaint: fmt.Sprintf("sh: syntax error near %q", connector)}
		}
		last = runPipeline(ctx, pipeline, run)
		if last.exits {
			return last
		}
		tokens = skip(tokens, connector, last.code)
	}
	return last
}

// skip drops the pipelines that do not run because of how the last one ended: after &&
// when it failed, after || when it did not.
func skip(tokens []token, connector string, code int) []token {
	for connector == "&&" && code != 0 || connector == "||" && code == 0 {
		_, connector, tokens = nextPipeline(tokens)
	}
	return tokens
}

// nextPipeline takes the commands of one pipeline and the operator after it. The
// pipeline is nil when a command is missing.
func nextPipeline(tokens []token) (pipeline [][]string, connector string, rest []token) {
	var words []string
	for i, t := range tokens {
		if !t.operator {
			words = append(words, t.text)
			continue
		}
		if len(words) == 0 {
			return nil, t.text, nil
		}
		pipeline = append(pipeline, words)
		words = nil
		if t.text != "|" {
			return pipeline, t.text, tokens[i+1:]
		}
	}
	if len(words) == 0 {
		return nil, "|", nil
	}
	return append(pipeline, words), "", nil
}

// runPipeline ends with the last command's code.
func runPipeline(ctx context.Context, pipeline [][]string, run runner) result {
	var last result
	for _, words := range pipeline {
		before := last.complaint
		last = run(ctx, words, last.out)
		if last.complaint == "" {
			last.complaint = before
		}
	}
	return last
}

// token is a word or an operator of a script.
type token struct {
	text     string
	operator bool
	// quoted words are never redirections.
	quoted bool
}

// operators by length, so that || is not read as two pipes.
var operators = [...]string{"||", "&&", "|", ";", "\n"}

// tokenize cuts a script into words and operators; redirections are dropped.
func tokenize(script string) ([]token, error) {
	var tokens []token
	for rest := strings.TrimLeft(script, " \t"); rest != ""; rest = strings.TrimLeft(rest, " \t") {
		if operator := prefixOf(rest); operator != "" {
			tokens = append(tokens, token{text: operator, operator: true})
			rest = rest[len(operator):]
			continue
		}
		word, length, err := nextWord(rest)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, token{text: word, quoted: strings.ContainsAny(rest[:1], `'"\`)})
		rest = rest[length:]
	}
	return endless(withoutRedirections(tokens)), nil
}

func prefixOf(text string) string {
	for _, operator := range operators {
		if strings.HasPrefix(text, operator) {
			return operator
		}
	}
	return ""
}

// nextWord is the word that a text begins with and how long it is in the text, its
// quotes included. The & of a redirection such as 2>&1 belongs to the word.
func nextWord(text string) (word string, length int, err error) {
	var quote byte
	var built strings.Builder
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote == 0 && (c == ' ' || c == '\t' || prefixOf(text[i:]) != ""):
			return built.String(), i, nil
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case quote != 0 && c == quote:
			quote = 0
		case c == '\\' && i+1 < len(text) && (quote == 0 || quote == '"' && strings.IndexByte("$`\"\\", text[i+1]) >= 0):
			i++
			built.WriteByte(text[i])
		default:
			built.WriteByte(c)
		}
	}
	if quote != 0 {
		return "", 0, errUnclosed
	}
	return built.String(), len(text), nil
}

// withoutRedirections drops words such as >/dev/null and 2>&1, and what follows a bare
// > or <: where a health check writes to makes no difference to it.
func withoutRedirections(tokens []token) []token {
	var kept []token
	for i := 0; i < len(tokens); i++ {
		text := strings.TrimLeft(tokens[i].text, "012&")
		switch {
		case tokens[i].operator || tokens[i].quoted || !strings.HasPrefix(text, ">") && !strings.HasPrefix(text, "<"):
			kept = append(kept, tokens[i])
		case strings.Trim(text, "><") == "":
			i++
		}
	}
	return kept
}

// endless drops a separator after the last command, which asks for nothing.
func endless(tokens []token) []token {
	for len(tokens) > 0 && tokens[len(tokens)-1].operator && strings.Trim(tokens[len(tokens)-1].text, ";\n") == "" {
		tokens = tokens[:len(tokens)-1]
	}
	return tokens
}
