package cloudwatch

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Bounds of an expression.
const (
	maxExpression = 2048
	maxNesting    = 64
)

// expression works out metric math: numbers, the ids of other queries, + - * / and
// parentheses, SUM, AVG, MIN, MAX, ABS and FILL. All else is refused, so that nobody
// takes the sandbox's answer for AWS's.
func (e *evaluation) expression(text string) (operand, error) {
	if len(text) > maxExpression {
		return operand{}, validationError("An expression must not have more than %d characters.", maxExpression)
	}
	tokens, err := tokenise(text)
	if err != nil {
		return operand{}, err
	}
	p := &parser{evaluation: e, text: text, tokens: tokens}
	found, err := p.sum()
	if err != nil {
		return operand{}, err
	}
	if p.peek() != "" {
		return operand{}, p.unexpected()
	}
	return found, nil
}

// tokenise splits an expression into numbers, names and single signs.
func tokenise(text string) ([]string, error) {
	var tokens []string
	runes := []rune(text)
	for i := 0; i < len(runes); {
		from := i
		switch r := runes[i]; {
		case unicode.IsSpace(r):
			i++
			continue
		case unicode.IsDigit(r) || r == '.':
			for i < len(runes) && (unicode.IsDigit(runes[i]) || runes[i] == '.') {
				i++
			}
		case unicode.IsLetter(r) || r == '_':
			for i < len(runes) && (unicode.IsLetter(runes[i]) || unicode.IsDigit(runes[i]) || runes[i] == '_') {
				i++
			}
		case strings.ContainsRune("+-*/()[],", r):
			i++
		default:
			return nil, validationError("The sandbox does not understand '%c' in the expression '%s'.", r, text)
		}
		tokens = append(tokens, string(runes[from:i]))
	}
	return tokens, nil
}

// parser reads an expression and works it out as it goes.
type parser struct {
	evaluation *evaluation
	text       string
	tokens     []string
	depth      int
}

func (p *parser) peek() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

func (p *parser) take(token string) bool {
	if p.peek() != token {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

func (p *parser) next() string {
	token := p.peek()
	if token != "" {
		p.tokens = p.tokens[1:]
	}
	return token
}

func (p *parser) unexpected() error {
	if p.peek() == "" {
		return validationError("The expression '%s' ends too early.", p.text)
	}
	return validationError("The sandbox does not understand '%s' in the expression '%s'.", p.peek(), p.text)
}

func (p *parser) sum() (operand, error) {
	return p.chain(p.product, map[string]arithmetic{
		"+": func(a, b float64) float64 { return a + b },
		"-": func(a, b float64) float64 { return a - b },
	})
}

func (p *parser) product() (operand, error) {
	return p.chain(p.factor, map[string]arithmetic{
		"*": func(a, b float64) float64 { return a * b },
		"/": func(a, b float64) float64 { return a / b },
	})
}

// chain reads operands of one rank with the operations between them, from the left.
func (p *parser) chain(read func() (operand, error), operations map[string]arithmetic) (operand, error) {
	left, err := read()
	for err == nil {
		apply, more := operations[p.peek()]
		if !more {
			return left, nil
		}
		p.next()
		var right operand
		if right, err = read(); err == nil {
			left, err = combine(left, right, apply)
		}
	}
	return operand{}, err
}

func (p *parser) factor() (operand, error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxNesting {
		return operand{}, validationError("The expression '%s' is nested too deeply.", p.text)
	}
	switch token := p.peek(); {
	case token == "":
		return operand{}, p.unexpected()
	case p.take("-"):
		inner, err := p.factor()
		if err != nil {
			return operand{}, err
		}
		return combine(operand{kind: kindScalar, scalar: -1}, inner, func(a, b float64) float64 { return a * b })
	case p.take("("):
		inner, err := p.sum()
		if err == nil && !p.take(")") {
			err = p.unexpected()
		}
		return inner, err
	case p.take("["):
		list, err := p.series("]")
		return operand{kind: kindList, list: list}, err
	case token[0] >= '0' && token[0] <= '9' || token[0] == '.':
		number, err := strconv.ParseFloat(p.next(), 64)
		if err != nil {
			return operand{}, validationError("'%s' in the expression '%s' is no number.", token, p.text)
		}
		return operand{kind: kindScalar, scalar: number}, nil
	case len(p.tokens) > 1 && p.tokens[1] == "(":
		return p.function()
	case unicode.IsLetter([]rune(token)[0]):
		return p.evaluation.query(p.next())
	default:
		return operand{}, p.unexpected()
	}
}

// series reads time series with commas between them, to the closing sign.
func (p *parser) series(closing string) ([]timeSeries, error) {
	var list []timeSeries
	for {
		element, err := p.sum()
		if err != nil {
			return nil, err
		}
		if element.kind != kindSeries {
			return nil, validationError("The list in the expression '%s' must consist of time series.", p.text)
		}
		list = append(list, element.series)
		if p.take(closing) {
			return list, nil
		}
		if !p.take(",") {
			return nil, p.unexpected()
		}
	}
}

func (p *parser) function() (operand, error) {
	name := strings.ToUpper(p.next())
	p.next() // The parenthesis that made it a function.
	if name == "FILL" {
		return p.fill()
	}
	apply, known := aggregates()[name]
	if !known && name != "ABS" {
		return operand{}, validationError("The sandbox does not have the function %s.", name)
	}
	argument, err := p.sum()
	if err != nil {
		return operand{}, err
	}
	if !p.take(")") {
		return operand{}, p.unexpected()
	}
	if name == "ABS" {
		return absolute(argument)
	}
	return reduce(argument, apply)
}

func absolute(o operand) (operand, error) {
	zero := operand{kind: kindScalar}
	return combine(o, zero, func(a, _ float64) float64 { return math.Abs(a) })
}

// fill reads FILL's arguments: a series, and a number or REPEAT.
func (p *parser) fill() (operand, error) {
	argument, err := p.sum()
	if err != nil {
		return operand{}, err
	}
	if argument.kind != kindSeries || !p.take(",") {
		return operand{}, validationError("FILL in the expression '%s' needs a time series and a value.", p.text)
	}
	if window := argument.series; (window.end-window.start)/max(window.period, 1) > maxDatapoints {
		return operand{}, validationError("FILL in the expression '%s' would make more than %d datapoints.", p.text, maxDatapoints)
	}
	if strings.EqualFold(p.peek(), "REPEAT") {
		p.next()
		argument.series = repeat(argument.series)
	} else {
		value, err := p.sum()
		if err != nil {
			return operand{}, err
		}
		if value.kind != kindScalar {
			return operand{}, validationError("FILL in the expression '%s' must fill with a number or REPEAT.", p.text)
		}
		argument.series = fill(argument.series, value.scalar)
	}
	if !p.take(")") {
		return operand{}, p.unexpected()
	}
	return argument, nil
}

func aggregates() map[string]aggregate {
	sum := func(values []float64) float64 {
		total := 0.0
		for _, value := range values {
			total += value
		}
		return total
	}
	return map[string]aggregate{
		"SUM": sum,
		"AVG": func(values []float64) float64 { return sum(values) / float64(len(values)) },
		"MIN": slices.Min[[]float64],
		"MAX": slices.Max[[]float64],
	}
}
