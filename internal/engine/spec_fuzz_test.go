package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// FuzzParseSpec asks of any file: no panic; a spec that is taken is one that is taken
// again as it was written; an error says where it is, what is wrong and what to do.
func FuzzParseSpec(f *testing.F) {
	originals, err := filepath.Glob(filepath.Join("testdata", "yelb", "*.deploy.json"))
	if err != nil || len(originals) != 4 {
		f.Fatalf("%d of the four original files: %v", len(originals), err)
	}
	for _, original := range originals {
		data, err := os.ReadFile(original)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, "WaitTime=3")
	}
	for _, set := range []string{
		"Router.Type=alb", "Metric.Dimensions.X=1", `Steps=[{"Weight":5,"Hold":0},{"Gate":"QA","Timeout":5}]`, "Alarms=[\"a\"]",
		"TemplateParameters.A=b", "CanaryTemplate=e30=", "Sha=3f2a91c0",
	} {
		f.Add([]byte(minimal), set)
	}
	f.Add([]byte(`{"Steps": [{"Weight": 100}], "BakeTime": 5, "Port": null, "Port": "80", "\ud83d": 1e9}`), "")
	f.Add([]byte("{\"CanaryTemplate\": \"e3\n0=\", // no\n}"), "x")
	f.Fuzz(func(t *testing.T, data []byte, set string) {
		var settings []Setting
		if s, err := ParseSetting(set); err == nil {
			settings = append(settings, s)
		}
		spec, err := ParseSpec("deploy.json", data, settings)
		if err != nil {
			explains(t, data, err)
			return
		}
		again(t, spec)
	})
}

func explains(t *testing.T, data []byte, err error) {
	t.Helper()
	var all *SpecError
	if !errors.As(err, &all) || len(all.Errors) == 0 {
		t.Fatalf("the error is no SpecError: %v", err)
	}
	for _, one := range all.Errors {
		if one.File == "" || one.Problem == "" || one.Mend == "" {
			t.Errorf("an error lacks a word: %+v", *one)
		}
		if _, mend := unreadable(data); one.Field == "" && one.Line == 0 && mend == "" {
			t.Errorf("an error is nowhere: %+v", *one)
		}
		for _, r := range one.Error() {
			if r < ' ' || r >= 0x7f && r < 0xa0 {
				t.Errorf("an error has a control character: %q", one.Error())
			}
		}
	}
}

func again(t *testing.T, spec Spec) {
	t.Helper()
	written, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	second, err := ParseSpec("again.json", written, nil)
	if err != nil {
		t.Fatalf("%s\nis refused: %v", written, err)
	}
	rewritten, err := json.Marshal(second)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(written, rewritten) {
		t.Errorf("%s\nbecame\n%s", written, rewritten)
	}
	for _, first := range []bool{true, false} {
		steps := NewPlan(spec, first).Steps
		if len(steps) == 0 || !steps[len(steps)-1].Bake || steps[len(steps)-1].Weight != 100 {
			t.Errorf("the plan does not end in a bake: %+v", steps)
		}
	}
}
