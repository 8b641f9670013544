package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sources parses every Go file of the module, by directory. What is itself a part of
// tests, and of their packages' goroutines, is left out.
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
		if imports(file, "testing") && !strings.HasSuffix(path, "_test.go") {
			return nil
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

// A package that starts a goroutine proves, when its tests end, that none is left.
func TestWhoStartsGoroutinesLooksForLeaks(t *testing.T) {
	starting := 0
	for directory, files := range sources(t) {
		starts, looks := "", false
		for name, file := range files {
			if strings.HasSuffix(name, "_test.go") {
				looks = looks || imports(file, "go.uber.org/goleak")
			} else if hasGoStatement(file) || calls(file, "Go") {
				starts = name
			}
		}
		if starts == "" {
			continue
		}
		starting++
		if !looks {
			t.Errorf("%s/%s starts a goroutine, and no test of the package asks goleak", directory, starts)
		}
	}
	if starting < 10 {
		t.Errorf("only %d packages start goroutines: the sources were not found", starting)
	}
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
