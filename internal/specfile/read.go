package specfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"serin/internal/engine"
)

// largestFile is how much of a file is read. A deploy.json with the largest template
// that CloudFormation takes has a tenth of it; what is larger is something else.
const largestFile = 1 << 20

// readFile reads a file, or says in words for an operator why it cannot. What is no
// regular file, such as a pipe, is read to its end.
func readFile(path string) ([]byte, *engine.FieldError) {
	file, err := os.Open(path)
	if err != nil {
		return nil, unopened(path, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, unopened(path, err)
	}
	if info.IsDir() {
		return nil, &engine.FieldError{
			File: path, Problem: "this is a directory", Mend: "name a file in it, like " + filepath.Join(path, "deploy.json"),
		}
	}
	data, err := io.ReadAll(io.LimitReader(file, largestFile+1))
	switch {
	case err != nil:
		return nil, unopened(path, err)
	case len(data) > largestFile:
		return nil, &engine.FieldError{
			File: path, Problem: "the file is larger than 1 MiB", Mend: "name the service's deploy.json or its template",
		}
	}
	return data, nil
}

func unopened(path string, err error) *engine.FieldError {
	problem := &engine.FieldError{File: path}
	switch {
	case path == "":
		problem.Problem, problem.Mend = "no file is named", "name the service's deploy.json"
	case errors.Is(err, fs.ErrNotExist):
		problem.Problem, problem.Mend = "there is no such file", "check the path"
	case errors.Is(err, fs.ErrPermission):
		problem.Problem, problem.Mend = "permission denied", "let this user read it"
	default:
		cause := err
		if path := new(fs.PathError); errors.As(err, &path) {
			cause = path.Err
		}
		problem.Problem, problem.Mend = fmt.Sprintf("the file cannot be read: %v", cause), "check the path"
	}
	return problem
}

// absent tells whether a file is surely not there.
func absent(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}
