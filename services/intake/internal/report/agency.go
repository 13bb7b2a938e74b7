// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"slices"
	"strconv"
	"strings"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
)

// agency says for whom somebody acts at a body and as which agent. A body's own
// people act for nobody else. A guest with the code of a report that an agent
// sent acts as that agent, unless the code is the body's own.
func (d *Desk) agency(r Report, b Body, o Occasion, action actor.Action) Body {
	if o.part() != "" {
		return Body{}
	}
	if !o.By.SignedIn() {
		return Body{OnBehalf: b.OnBehalf, Agent: b.Agent}
	}
	may := o.By.May(action, objectOf(r, b))
	if may.OnBehalfOf == "" {
		return Body{}
	}
	out := Body{OnBehalf: may.OnBehalfOf}
	if i := slices.IndexFunc(o.By.Mandates, func(m actor.Mandate) bool { return m.ID == may.Mandate }); i >= 0 {
		id := o.By.Mandates[i].Agent
		if out.Agent, _ = d.Bodies.Body(id); out.Agent.ID == "" {
			out.Agent = event.Organisation{ID: id}
		}
	}
	return out
}

// agentName is the organisation that acts on behalf of any of the bodies, "" for
// nobody.
func (d *Desk) agentName(r Report, o Occasion, action actor.Action) string {
	for _, b := range r.Affected {
		if a := d.agency(r, b, o, action); a.OnBehalf != "" && a.Agent.Name != "" {
			return a.Agent.Name
		}
	}
	return ""
}

// named is at most three names, then their number.
const named = 3

// Principals names those of an entry's bodies that the reader sees.
func (s Seen) Principals(e Entry) string {
	var names []string
	for _, b := range s.Affected {
		if slices.Contains(e.Bodies, b.Organisation.ID) {
			names = append(names, b.Organisation.Name)
		}
	}
	return few(names)
}

// Sender is the agent that sent the report on behalf of bodies the reader sees,
// and their names; "" when they reported themselves.
func (s Seen) Sender() (out struct{ Agent, Names string }) {
	var names []string
	for _, b := range s.Affected {
		if b.OnBehalf != "" && b.Agent.Name != "" {
			out.Agent = b.Agent.Name
			names = append(names, b.Organisation.Name)
		}
	}
	out.Names = few(names)
	return out
}

func few(names []string) string {
	if len(names) > named {
		return strings.Join(names[:named], ", ") + " +" + strconv.Itoa(len(names)-named)
	}
	return strings.Join(names, ", ")
}
