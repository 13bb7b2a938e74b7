// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// contract is what the source of shared/event says.
type contract struct {
	structs  map[string]structure
	payloads []*payload
	streams  []stream
}

type structure struct {
	doc string
	all []field
}

type field struct {
	json, typ, doc     string
	optional, embedded bool
}

type payload struct {
	typeName, kind, subject, doc string
	from, to                     []string
}

type stream struct{ name, subjects, kept string }

// readContract reads the package in dir.
func readContract(dir string) (*contract, error) {
	files, err := parseDir(dir)
	if err != nil {
		return nil, err
	}
	c := &contract{structs: map[string]structure{}}
	methods := map[string]map[string]ast.Expr{} // type → method → what it returns
	var order []string
	for _, f := range files {
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.GenDecl:
				order = append(order, c.addStructs(d)...)
			case *ast.FuncDecl:
				addMethod(methods, d)
			}
		}
	}
	for _, name := range order {
		m := methods[name]
		kind, ok := m["Type"].(*ast.BasicLit)
		if !ok {
			continue
		}
		p := &payload{typeName: name, kind: unquote(kind), doc: c.structs[name].doc}
		if p.subject, err = c.subject(p, m["Subject"]); err != nil {
			return nil, err
		}
		c.payloads = append(c.payloads, p)
	}
	slices.SortStableFunc(c.payloads, func(a, b *payload) int { return group(a.kind) - group(b.kind) })
	return c, nil
}

// group keeps the order of the road: directory, report, case, alert.
func group(kind string) int {
	first, _, _ := strings.Cut(kind, ".")
	return slices.Index([]string{"directory", "report", "case", "alert", "poll", "delivery"}, first)
}

func parseDir(dir string) ([]*ast.File, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	var out []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no Go files in %s: run this in the root of the repository", dir)
	}
	return out, nil
}

func (c *contract) addStructs(d *ast.GenDecl) []string {
	var names []string
	for _, spec := range d.Specs {
		t, ok := spec.(*ast.TypeSpec)
		if !ok {
			continue
		}
		s, ok := t.Type.(*ast.StructType)
		if !ok {
			continue
		}
		doc := d.Doc
		if t.Doc != nil {
			doc = t.Doc
		}
		c.structs[t.Name.Name] = structure{doc: oneLine(doc.Text()), all: fieldsOf(s)}
		names = append(names, t.Name.Name)
	}
	return names
}

func fieldsOf(s *ast.StructType) []field {
	var out []field
	for _, f := range s.Fields.List {
		typ := types.ExprString(f.Type)
		if len(f.Names) == 0 {
			out = append(out, field{typ: typ, embedded: true})
			continue
		}
		if f.Tag == nil {
			continue
		}
		name, opts, _ := strings.Cut(reflect.StructTag(unquote(f.Tag)).Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		out = append(out, field{
			json: name, typ: typ, doc: oneLine(f.Doc.Text() + " " + f.Comment.Text()),
			optional: strings.Contains(opts, "omitempty"),
		})
	}
	return out
}

// fields are those of a type with the embedded ones in their place.
func (c *contract) fields(name string) []field {
	var out []field
	for _, f := range c.structs[name].all {
		if f.embedded {
			out = append(out, c.fields(f.typ)...)
			continue
		}
		out = append(out, f)
	}
	return out
}

// parts are the types that only occur inside others.
func (c *contract) parts() []string {
	used := map[string]bool{}
	for _, s := range c.structs {
		for _, f := range s.all {
			if t := strings.TrimLeft(f.typ, "[]*"); !f.embedded && c.structs[t].all != nil {
				used[t] = true
			}
		}
	}
	var out []string
	for name := range used {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func addMethod(methods map[string]map[string]ast.Expr, d *ast.FuncDecl) {
	if d.Recv == nil || d.Body == nil || len(d.Body.List) != 1 {
		return
	}
	ret, ok := d.Body.List[0].(*ast.ReturnStmt)
	if !ok || len(ret.Results) == 0 {
		return
	}
	name := strings.TrimPrefix(types.ExprString(d.Recv.List[0].Type), "*")
	if methods[name] == nil {
		methods[name] = map[string]ast.Expr{}
	}
	methods[name][d.Name.Name] = ret.Results[0]
}

// subject reads what the method Subject puts together.
func (c *contract) subject(p *payload, e ast.Expr) (string, error) {
	switch e := e.(type) {
	case *ast.BinaryExpr:
		left, err := c.subject(p, e.X)
		if err != nil {
			return "", err
		}
		right, err := c.subject(p, e.Y)
		return left + right, err
	case *ast.BasicLit:
		return unquote(e), nil
	case *ast.CallExpr:
		switch s, _ := e.Fun.(*ast.SelectorExpr); {
		case s != nil && s.Sel.Name == "Type":
			return p.kind, nil
		case s != nil && s.Sel.Name == "Region":
			return "<land>.<kreis>.<gemeinde>", nil
		}
	case *ast.SelectorExpr:
		return "<" + strings.ToLower(e.Sel.Name) + ">", nil
	}
	return "", fmt.Errorf("the subject of %s is put together in a way this program does not know", p.typeName)
}

// readStreams reads the table of streams.
func readStreams(path string) ([]stream, error) {
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		return nil, err
	}
	values := map[string]string{} // constants
	var out []stream
	ast.Inspect(f, func(n ast.Node) bool {
		s, ok := n.(*ast.ValueSpec)
		if !ok || len(s.Values) != 1 {
			return true
		}
		if lit, ok := s.Values[0].(*ast.BasicLit); ok {
			values[s.Names[0].Name] = unquote(lit)
		}
		if table, ok := s.Values[0].(*ast.CompositeLit); ok && s.Names[0].Name == "streams" {
			for _, row := range table.Elts {
				out = append(out, streamOf(row.(*ast.CompositeLit), values))
			}
		}
		return true
	})
	if len(out) == 0 {
		return nil, fmt.Errorf("%s has no table of streams", path)
	}
	return out, nil
}

func streamOf(row *ast.CompositeLit, constants map[string]string) stream {
	s := stream{kept: "for ever"}
	for _, e := range row.Elts {
		kv := e.(*ast.KeyValueExpr)
		text := types.ExprString(kv.Value)
		switch kv.Key.(*ast.Ident).Name {
		case "Name":
			s.name = constants[text]
		case "Subjects":
			var subjects []string
			for _, v := range kv.Value.(*ast.CompositeLit).Elts {
				subjects = append(subjects, "`"+unquote(v.(*ast.BasicLit))+"`")
			}
			s.subjects = strings.Join(subjects, ", ")
		case "MaxAge":
			s.kept = strings.ReplaceAll(strings.TrimSuffix(text, " * time.Hour"), " * 24", "") + " days"
		case "MaxMsgsPerSubject":
			s.kept = "the last message of each subject, for ever"
		}
	}
	return s
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func unquote(l *ast.BasicLit) string {
	s, err := strconv.Unquote(l.Value)
	if err != nil {
		return l.Value
	}
	return s
}

// walk calls fn with every Go file that ships: no tests and no samples for them.
func walk(dir string, fn func(path string, f *ast.File)) error {
	return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "sample" {
			return filepath.SkipDir
		}
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		fn(path, f)
		return nil
	})
}
