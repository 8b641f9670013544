package house

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// guarantees is a row of docs/guarantees.md: its number, the promise and the proof.
var guarantees = regexp.MustCompile(`(?m)^\| (\d+) \| (.+) \| (.+) \|$`)

// proofs are the names of tests, some by their beginning, and the places of others.
var (
	testNames  = regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w*)(…?)`")
	testPlaces = regexp.MustCompile("`((?:internal|cmd)/[\\w./]+)`")
)

// What is promised is proved by tests that there are, each rule by one at the least.
func TestEveryGuaranteeHasItsProof(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "docs", "guarantees.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := guarantees.FindAllStringSubmatch(string(raw), -1)
	if len(rows) < 10 {
		t.Fatalf("%d promises: the table was not found", len(rows))
	}
	tests := testsOf(sources(t))
	for _, row := range rows {
		named := testNames.FindAllStringSubmatch(row[2]+row[3], -1)
		if len(named) == 0 && !strings.HasPrefix(row[3], "lives") {
			t.Errorf("promise %s names no test", row[1])
		}
	}
	for _, name := range testNames.FindAllStringSubmatch(string(raw), -1) {
		if !tests.has(name[1], name[2] != "") {
			t.Errorf("there is no test %s%s", name[1], name[2])
		}
	}
	for _, place := range testPlaces.FindAllStringSubmatch(string(raw), -1) {
		if _, err := os.Stat(filepath.Join("..", "..", place[1])); err != nil {
			t.Errorf("there is no %s", place[1])
		}
	}
}

// declared are the names of all tests.
type declared map[string]bool

func testsOf(files map[string]map[string]*ast.File) declared {
	names := declared{}
	for _, inDirectory := range files {
		for path, file := range inDirectory {
			for _, declaration := range file.Decls {
				function, is := declaration.(*ast.FuncDecl)
				if is && function.Recv == nil && strings.HasSuffix(path, "_test.go") {
					names[function.Name.Name] = true
				}
			}
		}
	}
	return names
}

// has tells whether there is a test of a name, or with its beginning.
func (d declared) has(name string, begins bool) bool {
	if d[name] {
		return true
	}
	for other := range d {
		if begins && strings.HasPrefix(other, name) {
			return true
		}
	}
	return false
}
