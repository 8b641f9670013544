package template

// truth decides a condition's expression: Fn::Equals, Fn::And, Fn::Or, Fn::Not and
// Condition.
func (e *evaluator) truth(raw any) (bool, error) {
	expression, ok := raw.(map[string]any)
	if !ok || len(expression) != 1 {
		return false, formatErrorf("Every Conditions member must be a condition function: Fn::And, Fn::Equals, Fn::Not, Fn::Or or Condition.")
	}
	for name, argument := range expression {
		switch name {
		case "Fn::Equals":
			return e.equals(argument)
		case "Fn::Not":
			return e.not(argument)
		case "Fn::And":
			return e.every(argument)
		case "Fn::Or":
			return e.some(argument)
		case "Condition":
			if named, ok := argument.(string); ok {
				return e.condition(named)
			}
		}
		return false, formatErrorf("Every Conditions member must be a condition function: Fn::And, Fn::Equals, Fn::Not, Fn::Or or Condition.")
	}
	return false, nil
}

func (e *evaluator) equals(argument any) (bool, error) {
	pair, ok := argument.([]any)
	if !ok || len(pair) != 2 {
		return false, templateErrorf("every Fn::Equals object requires a list of 2 string parameters.")
	}
	left, err := e.text(pair[0])
	if err != nil {
		return false, err
	}
	right, err := e.text(pair[1])
	return left == right, err
}

func (e *evaluator) not(argument any) (bool, error) {
	operands, ok := argument.([]any)
	if !ok || len(operands) != 1 {
		return false, templateErrorf("every Fn::Not object requires one boolean parameter.")
	}
	holds, err := e.truth(operands[0])
	return !holds, err
}

func (e *evaluator) every(argument any) (bool, error) {
	operands, err := e.operands("Fn::And", argument)
	all := true
	for _, holds := range operands {
		all = all && holds
	}
	return all, err
}

func (e *evaluator) some(argument any) (bool, error) {
	operands, err := e.operands("Fn::Or", argument)
	one := false
	for _, holds := range operands {
		one = one || holds
	}
	return one, err
}

// operands decides all of them: an error in one that would not matter is still the
// author's.
func (e *evaluator) operands(name string, argument any) ([]bool, error) {
	expressions, ok := argument.([]any)
	if !ok || len(expressions) < 2 || len(expressions) > 10 {
		return nil, templateErrorf("every %s object requires a list of at least 2 and at most 10 boolean parameters.", name)
	}
	decided := make([]bool, len(expressions))
	for i, expression := range expressions {
		holds, err := e.truth(expression)
		if err != nil {
			return nil, err
		}
		decided[i] = holds
	}
	return decided, nil
}
