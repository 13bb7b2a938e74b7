// SPDX-License-Identifier: EUPL-1.2

package event_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"reflect"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// A type that the list of the contract forgets would have no golden.
func TestEveryPayloadStandsInTheContract(t *testing.T) {
	t.Parallel()
	listed := map[string]bool{}
	for _, p := range payloads {
		listed[reflect.TypeOf(p).Elem().Name()] = true
	}
	packages, err := parser.ParseDir(token.NewFileSet(), ".", func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }, 0) //nolint:staticcheck // the types of one folder, no build needed
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(packages["event"], func(n ast.Node) bool {
		f, ok := n.(*ast.FuncDecl)
		if !ok || f.Name.Name != "Type" || f.Recv == nil {
			return true
		}
		found++
		if name, ok := f.Recv.List[0].Type.(*ast.Ident); !ok || !listed[name.Name] {
			t.Errorf("%v is an event without a golden", f.Recv.List[0].Type)
		}
		return true
	})
	if found != len(payloads) {
		t.Errorf("%d types in the code, %d in the contract", found, len(payloads))
	}
}

// A poison whose id no table takes would come again for ever.
func TestF20AnIDThatNoTableTakesIsInvalid(t *testing.T) {
	t.Parallel()
	good := event.NewID()
	for name, id := range map[string]string{
		"a URN": "urn:uuid:" + good, "in braces": "{" + good + "}", "without dashes": strings.ReplaceAll(good, "-", ""),
		"too long": good + "0", "a NUL": good[:35] + `\u0000`, "a word": "poll",
	} {
		if _, err := event.Parse([]byte(`{"id":"` + id + `","type":"poll.answered","data":{}}`)); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
	if _, err := event.Parse([]byte(`{"id":"` + good + `","type":"poll.answered","data":{}}`)); err != nil {
		t.Errorf("a good id: %v", err)
	}
}

func TestIDsSortByTimeAndAreNew(t *testing.T) {
	t.Parallel()
	last := ""
	for range 10000 {
		id := event.NewID()
		if id <= last || id[14] != '7' {
			t.Fatalf("%s follows %s, want a later UUIDv7", id, last)
		}
		last = id
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"id":"01900000-0000-7000-8000-00000000000a","type":"poll.answered","version":1,"data":{"alert":"a"}}`))
	f.Add([]byte(`{"id":7}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := event.Parse(b)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Errorf("Parse(%q) = %v, want invalid", b, err)
			}
			return
		}
		if _, err := event.Decode[event.PollAnswered](e); err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("Decode(%q) = %v, want invalid", b, err)
		}
	})
}

func TestOnlyTheUsualFormIsAnID(t *testing.T) {
	t.Parallel()
	id := event.NewID()
	for in, want := range map[string]bool{
		id: true, strings.ToUpper(id): true, "": false, "urn:uuid:" + id: false, "{" + id + "}": false,
		strings.ReplaceAll(id, "-", ""): false, "x" + id + "x": false, id[:35] + "g": false,
	} {
		if got := event.IsID(in); got != want {
			t.Errorf("IsID(%q) = %v, want %v", in, got, want)
		}
	}
}
