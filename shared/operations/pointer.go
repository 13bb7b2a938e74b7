// SPDX-License-Identifier: EUPL-1.2

package operations

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/thueringencert/leitstelle/shared/event"
)

const (
	longestError = 300 // characters: a first sentence, no stack
	gone         = "…" // stands where a value was
)

var (
	quoted  = regexp.MustCompile("\"[^\"]*\"|'[^']*'|`[^`]*`|„[^“”]*[“”]|\\([^()]*\\)=\\([^()]*\\)")
	name    = regexp.MustCompile(`^.[a-z][a-z0-9_.]{0,60}.$`) // of a table, a constraint, a field
	mail    = regexp.MustCompile(`[^\s<>"']+@[^\s<>"']+`)
	part    = regexp.MustCompile(`[\p{L}\p{N}_-]+`) // ids are one part
	several = regexp.MustCompile(gone + `(?:[\s.,;:/+()-]*` + gone + `)+`)
)

// pointer is what may be said of an error to somebody who works no case: its
// first line, without quoted values, addresses, and any word that the event
// itself carries. Ids stay: they are pointers.
func pointer(reason string, body []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(reason), "\n")
	carried := words(body)
	line = quoted.ReplaceAllStringFunc(line, func(q string) string {
		if name.MatchString(q) {
			return q
		}
		return gone
	})
	line = mail.ReplaceAllString(line, gone)
	line = part.ReplaceAllStringFunc(line, func(w string) string {
		if event.IsID(w) || !carries(carried, strings.ToLower(w)) {
			return w
		}
		return gone
	})
	line = several.ReplaceAllString(plain(line), gone)
	if r := []rune(line); len(r) > longestError {
		line = string(r[:longestError]) + gone
	}
	return line
}

// carries reports whether the event has the word or a part of it.
func carries(carried map[string]bool, word string) bool {
	return carried[word] || slices.ContainsFunc(strings.FieldsFunc(word, joint), func(w string) bool { return carried[w] })
}

// joint is what joins the parts of a word.
func joint(r rune) bool { return r == '-' || r == '_' }

// plain is a text without what a page or a log could take for something else.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, s)
}

// words are those of the values that an event carries, in lower case. What is no
// JSON is all value.
func words(body []byte) map[string]bool {
	out := map[string]bool{}
	add := func(s string) {
		for _, w := range part.FindAllString(strings.ToLower(s), -1) {
			out[w] = true
			if event.IsID(w) {
				continue
			}
			for _, w := range strings.FieldsFunc(w, joint) {
				out[w] = true
			}
		}
	}
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.UseNumber()
	var doc any
	if d.Decode(&doc) != nil {
		add(string(body))
		return out
	}
	if m, ok := doc.(map[string]any); ok { // the envelope is no content
		if data, ok := m["data"]; ok {
			doc = data
		}
	}
	leaves(doc, add)
	return out
}

func leaves(v any, add func(string)) {
	switch x := v.(type) {
	case string:
		add(x)
	case json.Number:
		if len(x) > 2 {
			add(x.String())
		}
	case []any:
		for _, y := range x {
			leaves(y, add)
		}
	case map[string]any:
		for _, y := range x {
			leaves(y, add)
		}
	}
}
