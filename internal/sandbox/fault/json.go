package fault

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// planKeys and ruleKeys are those of a plan in JSON, and of each of its rules.
var (
	planKeys = []string{"seed", "for", "rules"}
	ruleKeys = []string{"on", "calls", "probability", "fault", "by"}
)

// parseJSON reads {"seed": 7, "for": "10m", "rules": [{"on": "appmesh:DescribeRoute",
// "calls": "2-4", "probability": 0.2, "fault": "stale", "by": "5s"}]}.
func parseJSON(raw []byte) (*Plan, error) {
	var whole json.RawMessage
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if err := decoder.Decode(&whole); err != nil {
		return nil, fmt.Errorf("fault plan: %w", err)
	}
	if err := decoder.Decode(&struct{}{}); !errors.Is(err, io.EOF) {
		return nil, errors.New("fault plan: there is something after its closing brace: remove it")
	}
	var file struct {
		Seed  uint64            `json:"seed"`
		For   string            `json:"for"`
		Rules []json.RawMessage `json:"rules"`
	}
	if err := decodeObject(whole, "plan", planKeys, &file); err != nil {
		return nil, err
	}
	plan := &Plan{Seed: file.Seed}
	if file.For != "" {
		if err := plan.add("for=" + file.For); err != nil {
			return nil, err
		}
	}
	return plan, plan.addJSON(file.Rules)
}

func (p *Plan) addJSON(rules []json.RawMessage) error {
	for i, raw := range rules {
		draft := draft{where: fmt.Sprintf("rules[%d]", i)}
		if err := decodeObject(raw, draft.where, ruleKeys, &draft); err != nil {
			return err
		}
		draft.Probability = draft.Odds.String()
		rule, err := draft.rule()
		if err != nil {
			return err
		}
		p.Rules = append(p.Rules, rule)
	}
	if len(p.Rules) == 0 {
		return &Error{Field: "rules", Value: "[]", Problem: "is empty", Correction: `write one, such as {"on": "appmesh:*", "fault": "500"}`}
	}
	return nil
}

// decodeObject reads an object that has no keys but these: one that is misspelt would
// be a fault that never happens.
func decodeObject(raw []byte, where string, keys []string, into any) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return fmt.Errorf("fault %s: %w", where, err)
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if !slices.Contains(keys, name) {
			return &Error{Where: where, Field: "key", Value: name, Problem: "is not known here", Correction: "write one of " + strings.Join(keys, ", ")}
		}
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("fault %s: %w", where, err)
	}
	return nil
}
