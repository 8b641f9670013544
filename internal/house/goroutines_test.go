package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sources parses every Go file of the module, by directory.
func sources(t *testing.T) map[string]map[string]*ast.File {
	t.Helper()
	files := map[string]map[string]*ast.File{}
	set := token.NewFileSet()
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, entry fs.DirEntry, err error) error {
		switch name := entry.Name(); {
		case err != nil:
			return err
		case entry.IsDir() && (name == "testdata" || strings.HasPrefix(name, ".") && len(name) > 2):
			return fs.SkipDir
		case entry.IsDir() || filepath.Ext(name) != ".go":
			return nil
		}
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		directory := filepath.Dir(path)
		if files[directory] == nil {
			files[directory] = map[string]*ast.File{}
		}
		files[directory][filepath.Base(path)] = file
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// A package that starts a goroutine, be it in a test, proves that none is left when its
// tests end. One without tests of its own is a part of others' tests, which prove it.
func TestWhoStartsGoroutinesLooksForLeaks(t *testing.T) {
	all := sources(t)
	starting := 0
	for directory, files := range all {
		starts := startsIn(files)
		if starts == "" {
			continue
		}
		starting++
		tests := testedIn(all, directory)
		if len(tests) == 0 {
			t.Errorf("%s/%s starts a goroutine, and no test runs it", directory, starts)
		}
		for _, tested := range tests {
			if !looks(all[tested]) {
				t.Errorf("%s/%s starts a goroutine, and no test of %s asks goleak", directory, starts, tested)
			}
		}
	}
	if starting < 20 {
		t.Errorf("only %d packages start goroutines: the sources were not found", starting)
	}
}

// startsIn is a file that starts a goroutine, itself or by a timer; empty without one.
func startsIn(files map[string]*ast.File) (name string) {
	for name, file := range files {
		if hasGoStatement(file) || calls(file, "Go") || calls(file, "AfterFunc") {
			return name
		}
	}
	return ""
}

// testedIn are the directories of the tests that a package's goroutines run in.
func testedIn(all map[string]map[string]*ast.File, directory string) []string {
	if slices.ContainsFunc(slices.Collect(maps.Keys(all[directory])), isTest) {
		return []string{directory}
	}
	path := "serin" + strings.TrimPrefix(filepath.ToSlash(directory), "../..")
	var users []string
	for other, files := range all {
		for name, file := range files {
			if isTest(name) && imports(file, path) {
				users = append(users, other)
			}
		}
	}
	slices.Sort(users)
	return slices.Compact(users)
}

func isTest(name string) bool { return strings.HasSuffix(name, "_test.go") }

// looks tells whether a test asks goleak.
func looks(files map[string]*ast.File) bool {
	for name, file := range files {
		if isTest(name) && imports(file, "go.uber.org/goleak") {
			return true
		}
	}
	return false
}

func imports(file *ast.File, path string) bool {
	return slices.ContainsFunc(file.Imports, func(spec *ast.ImportSpec) bool { return spec.Path.Value == strconv.Quote(path) })
}

func hasGoStatement(file *ast.File) bool {
	found := false
	ast.Inspect(file, func(node ast.Node) bool {
		_, is := node.(*ast.GoStmt)
		found = found || is
		return !found
	})
	return found
}

// calls tells whether a file calls a method, or a function of another package, of a
// name.
func calls(file *ast.File, name string) bool {
	found := false
	ast.Inspect(file, func(node ast.Node) bool {
		if call, is := node.(*ast.CallExpr); is {
			selector, is := call.Fun.(*ast.SelectorExpr)
			found = found || is && selector.Sel.Name == name
		}
		return !found
	})
	return found
}
