// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"errors"
	"go/ast"
	"path/filepath"
	"slices"
	"strings"
)

// services are the folders below services/ in the order of the road.
var services = []string{"directory", "intake", "triage", "notification"}

// readUse finds who sends and who receives each event: a service that fills in
// the struct sends it, one that decodes it or asks for its type receives it.
// What shared/register and shared/privacy take, every service receives.
func (c *contract) readUse(root string) error {
	byName := map[string]*payload{}
	for _, p := range c.payloads {
		byName[p.typeName] = p
	}
	for _, s := range services {
		err := walk(filepath.Join(root, "services", s), func(_ string, f *ast.File) {
			use(f, func(name string, sends bool) {
				p := byName[name]
				switch {
				case p == nil:
				case sends:
					add(&p.from, s)
				default:
					add(&p.to, s)
				}
			})
		})
		if err != nil {
			return err
		}
	}
	var err error
	for _, room := range []string{"register", "privacy"} {
		err = errors.Join(err, walk(filepath.Join(root, "shared", room), func(_ string, f *ast.File) {
			use(f, func(name string, sends bool) {
				if p := byName[name]; p != nil && !sends {
					p.to = []string{"all services"}
				}
			})
		}))
	}
	for _, p := range c.payloads {
		// A sender asks for the type of what it sends, too.
		p.to = slices.DeleteFunc(p.to, func(s string) bool { return slices.Contains(p.from, s) })
	}
	return err
}

// use reports the types of shared/event in f: filled in, or decoded by
// event.Decode[event.T] or another generic function of that kind.
func use(f *ast.File, found func(name string, sends bool)) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit:
			if name, ok := eventType(n.Type); ok && len(n.Elts) > 0 {
				found(name, true)
			}
		case *ast.CallExpr:
			if name, ok := asksType(n.Fun); ok {
				found(name, false)
			}
			for _, arg := range typeArguments(n.Fun) {
				if name, ok := eventType(arg); ok {
					found(name, false)
				}
			}
		}
		return true
	})
}

// asksType knows event.T{}.Type().
func asksType(fun ast.Expr) (string, bool) {
	s, ok := fun.(*ast.SelectorExpr)
	if !ok || s.Sel.Name != "Type" {
		return "", false
	}
	lit, ok := s.X.(*ast.CompositeLit)
	if !ok {
		return "", false
	}
	return eventType(lit.Type)
}

func typeArguments(fun ast.Expr) []ast.Expr {
	switch fun := fun.(type) {
	case *ast.IndexExpr:
		return []ast.Expr{fun.Index}
	case *ast.IndexListExpr:
		return fun.Indices
	}
	return nil
}

func eventType(e ast.Expr) (string, bool) {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return "", false
	}
	pkg, ok := s.X.(*ast.Ident)
	return s.Sel.Name, ok && pkg.Name == "event"
}

func add(list *[]string, s string) {
	if !slices.Contains(*list, s) && !slices.ContainsFunc(*list, func(x string) bool { return strings.HasPrefix(x, "all ") }) {
		*list = append(*list, s)
	}
}
