package ui

import (
	"slices"
	"testing"
)

func TestSettingsInALine(t *testing.T) {
	for line, want := range map[string][]string{
		"":                              nil,
		"WaitTime=30":                   {"WaitTime=30"},
		"  WaitTime=30   BakeTime=0 ":   {"WaitTime=30", "BakeTime=0"},
		"Description=a few words Sha=1": {"Description=a few words", "Sha=1"},
		"WaitTime":                      {"WaitTime"},
		`Steps=[{"Gate": "QA a=b"}, {"Weight": 5}] BakeTime=9`: {`Steps=[{"Gate": "QA a=b"}, {"Weight": 5}]`, "BakeTime=9"},
	} {
		if got := settingsIn(line); !slices.Equal(got, want) {
			t.Errorf("%q is %q, want %q", line, got, want)
		}
	}
}
