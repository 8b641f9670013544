package engine

import (
	"errors"
	"maps"
	"reflect"
	"strings"
	"testing"
)

func setting(t *testing.T, text string) Setting {
	t.Helper()
	s, err := ParseSetting(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSettingsAreLaidOverTheFile(t *testing.T) {
	t.Parallel()
	dimensions := maps.Clone(DefaultMetricSource().Dimensions)
	dimensions["Shard.1"] = "a=b"
	tests := []struct {
		set  string
		want any
		got  func(Spec) any
	}{
		{"WaitTime=3", 3, func(s Spec) any { return s.WaitTime }},
		{"WaitTime= 3 ", 3, func(s Spec) any { return s.WaitTime }},
		{"BakeTime=0", 0, func(s Spec) any { return s.BakeTime }},
		{"Protocol=tcp", TCP, func(s Spec) any { return s.Protocol }},
		{"Sha=12345678", "12345678", func(s Spec) any { return s.Sha }},
		{"CanaryTemplate=e30=", []byte("{}"), func(s Spec) any { return s.CanaryTemplate }},
		{"Router.Type=appmesh", AppMesh, func(s Spec) any { return s.Router.Type }},
		{"TemplateParameters.ContainerHealthCheck=off", map[string]string{"ContainerHealthCheck": "off"}, func(s Spec) any { return s.TemplateParameters }},
		{"TemplateParameters.Empty=", map[string]string{"Empty": ""}, func(s Spec) any { return s.TemplateParameters }},
		{`TemplateParameters={"A": "1"}`, map[string]string{"A": "1"}, func(s Spec) any { return s.TemplateParameters }},
		{`Alarms=["one", "two"]`, []string{"one", "two"}, func(s Spec) any { return s.Alarms }},
		{"Metric.Name=requests", "requests", func(s Spec) any { return s.Metric.Name }},
		{"Metric.Dimensions.Shard.1=a=b", dimensions, func(s Spec) any { return s.Metric.Dimensions }},
		{`Router={"Type": "appmesh"}`, AppMesh, func(s Spec) any { return s.Router.Type }},
	}
	for _, test := range tests {
		spec := mustParse(t, minimal, setting(t, test.set))
		if got := test.got(spec); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %v, want %v", test.set, got, test.want)
		}
	}
}

func TestTheLastSettingWins(t *testing.T) {
	t.Parallel()
	if spec := mustParse(t, minimal, setting(t, "Port=1"), setting(t, "Port=2")); spec.Port != 2 {
		t.Errorf("port %d, want 2", spec.Port)
	}
}

func TestASettingMendsTheFile(t *testing.T) {
	t.Parallel()
	if spec := mustParse(t, with(t, `"Port": "80"`), setting(t, "Port=80")); spec.Port != 80 {
		t.Errorf("port %d, want 80", spec.Port)
	}
}

func TestSettingsThatAreRefused(t *testing.T) {
	t.Parallel()
	tests := []struct{ set, want string }{
		{"WaitTime=soon", `--set: WaitTime: "soon" is not a whole number: write a whole number from 0 to 604800`},
		{"WaitTime=", `--set: WaitTime: "" is not a whole number`},
		{"WaitTime=2.5", "--set: WaitTime: 2.5 is not a whole number"},
		{"WaitTime=-1", "--set: WaitTime: -1 is not between 0 and 604800"},
		{"Waittime=1", "--set: Waittime: not a known field: Did you mean WaitTime?"},
		{"Router.Typ=alb", "--set: Router.Typ: not a known field: Did you mean Type?"},
		{"Router.=alb", `--set: Router.: "alb" is for no field: its name ends in a dot`},
		{"Router=alb", `--set: Router: "alb" is not JSON`},
		{"Port.Number=80", `--set: Port: "80" has no fields of its own`},
		{"Steps=[{", `--set: Steps: "[{" is not JSON: the text ends before the closing }`},
		{"Alarms=one", `--set: Alarms: "one" is not JSON`},
		{"Alarms=5", "--set: Alarms: 5 is not a list"},
		{"Sha=a-b", `--set: Sha: "a-b" has characters that a version's name cannot hold`},
		{"Namespace=\xff", `--set: Namespace: "\xff" is not UTF-8 text`},
		{"Alarms=[\"\xff\"]", "is not UTF-8 text"},
	}
	for _, test := range tests {
		_, err := ParseSpec("deploy.json", []byte(minimal), []Setting{setting(t, test.set)})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s:\n got %v\nwant %s", test.set, err, test.want)
		}
	}
}

func TestASettingNamesItsFlag(t *testing.T) {
	t.Parallel()
	_, err := ParseSpec("deploy.json", []byte(minimal), []Setting{{Field: "Sha", Value: "a-b", Flag: "--sha"}})
	if err == nil || !strings.HasPrefix(err.Error(), `--sha: Sha: "a-b"`) {
		t.Errorf("got %v, want an error of --sha", err)
	}
}

func TestASettingForNoFieldIsRefused(t *testing.T) {
	t.Parallel()
	_, err := ParseSpec("deploy.json", []byte(minimal), []Setting{{Value: minimal}})
	if err == nil || !strings.Contains(err.Error(), "is for no field") {
		t.Errorf("got %v", err)
	}
}

func TestTheFileIsBlamedForWhatASettingMeets(t *testing.T) {
	t.Parallel()
	_, err := ParseSpec("deploy.json", []byte(with(t, `"Router": 5`)), []Setting{setting(t, "Router.Type=alb")})
	if err == nil || err.Error() != "deploy.json: Router: 5 is not an object: write an object with Type or ListenerRuleArn" {
		t.Errorf("got %v", err)
	}
}

func TestParseSettingWantsAField(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "WaitTime", "=3", " =3"} {
		var bad *FieldError
		if _, err := ParseSetting(text); !errors.As(err, &bad) || bad.Mend == "" {
			t.Errorf("%q: got %v, want a FieldError with a mend", text, err)
		}
	}
}

func TestASettingReplacesWhatItExcludes(t *testing.T) {
	file := func(field string) []byte {
		return []byte(`{"EnvironmentName":"blog","MicroserviceName":"app","Namespace":"n","Protocol":"http","Port":80,"WaitTime":5,` + field + `}`)
	}
	steps, err := ParseSpec("f", file(`"PercentageStep":10`), []Setting{{Field: "Steps", Value: `[{"Weight":5}]`}})
	if err != nil || len(steps.Steps) != 1 || steps.PercentageStep != 0 {
		t.Errorf("%+v, %v", steps.Steps, err)
	}
	percent, err := ParseSpec("f", file(`"Steps":[{"Weight":5}]`), []Setting{{Field: "PercentageStep", Value: "20"}})
	if err != nil || len(percent.Steps) != 0 || percent.PercentageStep != 20 {
		t.Errorf("%+v, %v", percent.Steps, err)
	}
	for _, data := range [][]byte{file(`"Steps":[{"Weight":5}],"PercentageStep":10`)} {
		if _, err := ParseSpec("f", data, nil); err == nil {
			t.Error("a file with both is taken")
		}
	}
	both := []Setting{{Field: "Steps", Value: `[{"Weight":5}]`}, {Field: "PercentageStep", Value: "20"}}
	if _, err := ParseSpec("f", file(`"OnNoData":"pass"`), both); err == nil {
		t.Error("settings of both are taken")
	}
}
