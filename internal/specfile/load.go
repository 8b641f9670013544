package specfile

import (
	"encoding/json"
	"errors"
	"path/filepath"

	"serin/internal/engine"
)

// DefaultTemplate is the file beside deploy.json that the template of a version is read
// from when neither a flag nor deploy.json gives one.
const DefaultTemplate = "canary-helper.yaml"

// Options are what flags say over the file. Every one may be empty.
type Options struct {
	// Set are settings as --set takes them: Field=Value.
	Set []string
	// Sha and Image are the version's, over the file's and over Set.
	Sha   string
	Image string
	// Template is the path of the version's template, over the file's CanaryTemplate.
	Template string
}

// Load reads a deploy.json, lays the options over it, finds its template and checks the
// two against each other. The error is an engine.SpecError with all that is wrong. Sha,
// ContainerImage and CanaryTemplate may still be missing: Spec.Complete tells.
func Load(path string, options Options) (engine.Spec, error) {
	loaded, problems := load(path, options)
	if len(problems) > 0 {
		return engine.Spec{}, &engine.SpecError{Errors: problems}
	}
	return loaded.spec, nil
}

// loaded is a deploy.json with its template, where it has one.
type loaded struct {
	spec         engine.Spec
	template     Template
	templateFile string
}

// Again lays the options over a spec that was deployed once, and checks it as Load does.
// It keeps its template unless the options name another; it does not keep its version,
// which the options have to name. Errors call it name.
func Again(name string, spec engine.Spec, options Options) (engine.Spec, error) {
	spec.Sha, spec.ContainerImage = "", ""
	data, err := json.Marshal(spec)
	if err != nil {
		return engine.Spec{}, err
	}
	laid, problems := lay(name, data, options)
	if len(problems) > 0 {
		return engine.Spec{}, &engine.SpecError{Errors: problems}
	}
	return laid.spec, nil
}

func load(path string, options Options) (loaded, []*engine.FieldError) {
	data, problem := readFile(path)
	if problem != nil {
		_, problems := options.settings()
		return loaded{}, append(problems, problem)
	}
	return lay(path, data, options)
}

// lay reads what is in a file, or could be, with the options over it.
func lay(path string, data []byte, options Options) (loaded, []*engine.FieldError) {
	settings, problems := options.settings()
	spec, err := engine.ParseSpec(path, data, settings)
	problems = append(problems, fieldErrors(err)...)
	if len(problems) > 0 {
		veil(problems, path, data, options)
		return loaded{}, problems
	}
	all := loaded{spec: spec}
	var problem *engine.FieldError
	all.templateFile, problem = all.findTemplate(path, options)
	if problem != nil {
		return all, []*engine.FieldError{problem}
	}
	if len(all.spec.CanaryTemplate) == 0 {
		return all, nil
	}
	all.template, err = Inspect(all.spec.CanaryTemplate)
	if err == nil {
		err = all.template.Check(all.spec)
	}
	return all, inFile(all.templateFile, path, fieldErrors(err))
}

func (o Options) settings() ([]engine.Setting, []*engine.FieldError) {
	var settings []engine.Setting
	var problems []*engine.FieldError
	for _, text := range o.Set {
		setting, err := engine.ParseSetting(text)
		if err != nil {
			problems = append(problems, fieldErrors(err)...)
			continue
		}
		settings = append(settings, setting)
	}
	if o.Sha != "" {
		settings = append(settings, engine.Setting{Field: "Sha", Value: o.Sha, Flag: "--sha"})
	}
	if o.Image != "" {
		settings = append(settings, engine.Setting{Field: "ContainerImage", Value: o.Image, Flag: "--image"})
	}
	return settings, problems
}

// findTemplate puts the template into the spec: the flag's, else the file's, else that
// of the file beside it. It returns the name of the file that holds it; the last one may
// be missing.
func (l *loaded) findTemplate(path string, options Options) (string, *engine.FieldError) {
	file := options.Template
	if file == "" && len(l.spec.CanaryTemplate) > 0 {
		return path, nil
	}
	byDefault := file == ""
	if byDefault {
		file = filepath.Join(filepath.Dir(path), DefaultTemplate)
		if absent(file) {
			return "", nil
		}
	}
	data, problem := readFile(file)
	if problem != nil {
		return file, problem
	}
	l.spec.CanaryTemplate = data
	if len(data) == 0 {
		return file, &engine.FieldError{File: file, Field: templateField, Problem: "the file is empty", Mend: writeTemplate}
	}
	return file, nil
}

// inFile names the file of errors that a check without one found: what is wrong with a
// parameter's value is wrong in deploy.json, all else in the template's file.
func inFile(template, deploy string, problems []*engine.FieldError) []*engine.FieldError {
	for _, problem := range problems {
		switch {
		case problem.File != "":
		case problem.Field == templateField:
			problem.File = template
		default:
			problem.File = deploy
		}
	}
	return problems
}

// fieldErrors are the errors within an error of the engine or of this package.
func fieldErrors(err error) []*engine.FieldError {
	var all *engine.SpecError
	var one *engine.FieldError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &all):
		return all.Errors
	case errors.As(err, &one):
		return []*engine.FieldError{one}
	default:
		return []*engine.FieldError{{Problem: err.Error()}}
	}
}
