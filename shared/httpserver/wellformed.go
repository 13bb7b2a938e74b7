// SPDX-License-Identifier: EUPL-1.2

package httpserver

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/thueringencert/leitstelle/shared/fault"
)

// wellFormed looks at the bytes once before they are decoded: one value, bounded
// depth, no duplicate keys (also not in another case, which the decoder takes
// for the same field), no NUL in strings.
func wellFormed(b []byte) error {
	if !json.Valid(b) {
		err := json.Unmarshal(b, new(json.RawMessage))
		if err != nil && strings.Contains(err.Error(), "after top-level value") {
			return fault.New(fault.Malformed, "there is something after the JSON value")
		}
		return fault.Wrap(fault.Malformed, err, "the body is not JSON")
	}
	var w walker
	for i := 0; i < len(b); i++ {
		switch c := b[i]; c {
		case '{', '[':
			if w.depth == maxDepth {
				return fault.New(fault.Malformed, "the JSON nests deeper than %d levels", maxDepth)
			}
			w.depth++
			w.levels[w.depth-1] = level{object: c == '{', key: c == '{'}
		case '}', ']':
			w.depth--
		case ',':
			if w.depth > 0 {
				w.levels[w.depth-1].key = w.levels[w.depth-1].object
			}
		case '"':
			end, plain, nul := stringEnd(b, i)
			if nul {
				return fault.New(fault.Malformed, "the JSON has a NUL character")
			}
			if err := w.name(b[i:end+1], plain); err != nil {
				return err
			}
			i = end
		}
	}
	return nil
}

// walker knows which objects the walk is in, and their keys so far.
type walker struct {
	levels [maxDepth]level
	depth  int
}

type level struct {
	object bool
	key    bool // the next string is a key
	few    [][]byte
	many   map[string]bool
}

// fewKeys is how many keys are compared one by one; an object with more gets a set.
const fewKeys = 24

// name notes a string that is a key; a value passes.
func (w *walker) name(quoted []byte, plain bool) error {
	if w.depth == 0 || !w.levels[w.depth-1].key {
		return nil
	}
	l := &w.levels[w.depth-1]
	l.key = false
	key := quoted[1 : len(quoted)-1]
	if !plain {
		var s string
		if err := json.Unmarshal(quoted, &s); err != nil {
			return fault.Wrap(fault.Malformed, err, "the body is not JSON")
		}
		key = []byte(s)
	}
	if l.has(key) {
		return fault.New(fault.Malformed, "field %.64q is there twice", key)
	}
	return nil
}

// has reports whether the key is there already, and notes it.
func (l *level) has(key []byte) bool {
	if l.many != nil {
		folded := strings.ToLower(string(key))
		if l.many[folded] {
			return true
		}
		l.many[folded] = true
		return false
	}
	for _, k := range l.few {
		if bytes.EqualFold(k, key) {
			return true
		}
	}
	l.few = append(l.few, key)
	if len(l.few) == fewKeys {
		l.many = make(map[string]bool, 2*fewKeys)
		for _, k := range l.few {
			l.many[strings.ToLower(string(k))] = true
		}
	}
	return false
}

// stringEnd finds the quote that ends the string at i; plain: it has no escapes;
// nul: it has an escaped NUL.
func stringEnd(b []byte, i int) (end int, plain, nul bool) {
	plain = true
	for i++; ; i++ {
		switch b[i] {
		case '"':
			return i, plain, nul
		case '\\':
			plain = false
			if bytes.HasPrefix(b[i:], []byte(`\u0000`)) {
				nul = true
			}
			i++
		}
	}
}
