// SPDX-License-Identifier: EUPL-1.2

package pages

import (
	"encoding/json"
	"io/fs"
	"strings"

	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/page"
)

// line is an entry with its words.
type line struct {
	audit.Row
	Name    string // of the person who acted
	Words   string // message instead of a name: a guest, the system, somebody unknown
	Service string // of the system's own work
	Behalf  string // names of the organisations
	Did     string // message: the action in plain words
	Object  string // message: what kind of thing, "" without words
	Outcome string // message
}

// words are the ids that have a text.
var words = idsOf("messages/audit.de.json")

func idsOf(file string) map[string]bool {
	out := map[string]bool{}
	raw, err := fs.ReadFile(page.OwnMessages(), file)
	var texts map[string]any
	if err != nil || json.Unmarshal(raw, &texts) != nil {
		panic("audit/pages: there is no " + file)
	}
	for id := range texts {
		out[id] = true
	}
	return out
}

const (
	doing = "page.audit.do."
	thing = "page.audit.thing."
)

// Named reports whether an action has plain words.
func Named(action string) bool { return words[doing+action] }

func (h *Handler) line(r audit.Row) line {
	l := line{Row: r, Did: doing + r.Action, Outcome: "page.audit.result." + r.Result}
	if !Named(r.Action) {
		l.Did = "page.audit.other"
	}
	if words[thing+r.ObjectType] {
		l.Object = thing + r.ObjectType
	}
	if !words[l.Outcome] {
		l.Outcome = "page.audit.other"
	}
	service, system := strings.CutPrefix(r.Actor, "service:")
	p, known := h.Register.Person(r.Actor)
	switch {
	case known:
		l.Name = p.Name
	case system:
		l.Words, l.Service = "page.audit.system", service
	case r.Actor == "guest":
		l.Words = "page.audit.guest"
	default:
		l.Words = "page.audit.gone"
	}
	names := make([]string, len(r.OnBehalfOf))
	for i, id := range r.OnBehalfOf {
		names[i] = id
		if o, ok := h.Register.Organisation(id); ok {
			names[i] = o.Name
		}
	}
	l.Behalf = strings.Join(names, ", ")
	return l
}
