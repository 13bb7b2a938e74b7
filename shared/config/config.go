// SPDX-License-Identifier: EUPL-1.2

// Package config reads a service's settings from the environment. Every
// variable X may also come from the file named in X_FILE, for secrets. All
// mistakes are reported together; --help prints the table of variables.
package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"text/tabwriter"

	"github.com/caarlos0/env/v11"
)

// Load fills cfg (a pointer to a struct with env tags) from environ, the lines
// of os.Environ. Each variable's name starts with prefix, such as "INTAKE_".
func Load(cfg any, prefix string, environ []string) error {
	vars, mistakes := withFiles(Variables(cfg, prefix), environ)
	err := env.ParseWithOptions(cfg, env.Options{Prefix: prefix, Environment: vars})
	if all, ok := errors.AsType[env.AggregateError](err); ok {
		err = errors.Join(all.Errors...)
	}
	if err = errors.Join(mistakes, err); err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	return nil
}

// withFiles reads X from X_FILE for every setting X. Other variables that end
// in _FILE are nobody's business here.
func withFiles(settings []Variable, environ []string) (map[string]string, error) {
	vars := env.ToMap(environ)
	var errs []error
	for _, s := range settings {
		key := s.Name + "_FILE"
		path := vars[key]
		if path == "" {
			continue
		}
		if _, both := vars[s.Name]; both {
			errs = append(errs, fmt.Errorf("%s and %s are both set", s.Name, key))
			continue
		}
		b, err := os.ReadFile(path) //nolint:gosec // the operator names the file
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
			continue
		}
		vars[s.Name] = strings.TrimRight(string(b), "\r\n")
	}
	return vars, errors.Join(errs...)
}

// Variable is one setting, as --help shows it.
type Variable struct {
	Name     string
	Default  string
	Required bool
	Doc      string
}

// Variables lists the settings of cfg with the prefix. A field's meaning stands
// in its tag doc.
func Variables(cfg any, prefix string) []Variable {
	var out []Variable
	collect(reflect.TypeOf(cfg), prefix, &out)
	return out
}

func collect(t reflect.Type, prefix string, out *[]Variable) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	for f := range t.Fields() {
		name, opts, _ := strings.Cut(f.Tag.Get("env"), ",")
		if name == "-" { // no setting: what only code may say
			continue
		}
		if name == "" {
			if f.Type.Kind() == reflect.Struct && f.IsExported() {
				collect(f.Type, prefix+f.Tag.Get("envPrefix"), out)
			}
			continue
		}
		*out = append(*out, Variable{
			Name: prefix + name, Default: f.Tag.Get("envDefault"),
			Required: strings.Contains(opts, "required") || strings.Contains(opts, "notEmpty"), Doc: f.Tag.Get("doc"),
		})
	}
}

// Help prints the table of settings.
func Help(w io.Writer, title string, cfg any, prefix string) {
	_, _ = fmt.Fprintf(w, "%s\n\nSettings come from the environment; X_FILE names a file that holds X.\n\n", title)
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, v := range Variables(cfg, prefix) {
		note := "default " + v.Default
		if v.Default == "" {
			note = "optional"
		}
		if v.Required {
			note = "required"
		}
		_, _ = fmt.Fprintf(tw, "  %s\t%s\t%s\n", v.Name, note, v.Doc)
	}
	_ = tw.Flush()
}
