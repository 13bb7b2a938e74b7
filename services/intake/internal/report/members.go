// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Member is what a report says about one of its bodies alone, before it is
// checked.
type Member struct {
	Affected string // AGS or id, as in Submission.Affected
	Particular
}

func (m *Member) tidy() {
	m.Affected = strings.TrimSpace(m.Affected)
	m.Description = strings.TrimSpace(strings.ReplaceAll(m.Description, "\r\n", "\n"))
	if c := m.Callback; c != nil {
		tidied := event.Contact{Name: oneLine(c.Name), Phone: oneLine(c.Phone), Email: strings.TrimSpace(c.Email)}
		m.Callback = &tidied
		if tidied == (event.Contact{}) {
			m.Callback = nil
		}
	}
}

// check returns the mistakes of what is said about one body; at names its place.
func (m Member) check(f *fault.Fields, at string) {
	checkText(f, at+"description", m.Description, MaxText, true)
	if m.Impact != "" && !among(Impacts, m.Impact) {
		f.Add(at+"impact", "intake.err.choice", at+"impact is none of: "+strings.Join(Impacts, ", "))
	}
	if m.Callback != nil {
		checkContact(f, at+"callback.", *m.Callback)
	}
}

// CheckMember returns the mistakes of what is said about one body alone.
func CheckMember(m Member) fault.Fields {
	var f fault.Fields
	m.tidy()
	m.check(&f, "")
	return f
}

// bodies resolves what is affected, with every mistake at its place in the list.
// Of several, each that the actor may not report for is named; one alone is
// returned as denied.
func (d *Desk) bodies(s Submission, by actor.Actor, f *fault.Fields) (out []Body, denied string) {
	place := placing(by, d.Bodies)
	seen := make(map[string]int, len(s.Affected))
	for i, ref := range s.Affected {
		at := fmt.Sprintf("affected[%d]", i)
		org, ok := d.Bodies.Body(ref)
		if was, is, merged := d.Bodies.Successor(ref); !ok && merged {
			f.Add(at, "intake.err.affected.merged",
				fmt.Sprintf("%s (%s) merged into %s; report for the AGS %s", was.Name, was.AGS, is.Name, is.AGS))
			continue
		}
		if !ok {
			f.Add(at, "intake.err.affected.unknown", fmt.Sprintf("no body has the AGS or id %.64q", ref))
			continue
		}
		if first, twice := seen[org.ID]; twice {
			f.Add(at, "intake.err.affected.twice", fmt.Sprintf("%s is the same body as affected[%d]", org.Name, first))
			continue
		}
		seen[org.ID] = i
		b, ok := place(org)
		if !ok {
			denied = org.Name
			if len(s.Affected) > 1 {
				f.Add(at, "intake.err.affected.mandate", fmt.Sprintf("no mandate in force lets you report for %s", org.Name))
			}
		}
		out = append(out, b)
	}
	if s.AffectedText != "" {
		b, ok := place(event.Organisation{Name: s.AffectedText})
		if !ok {
			f.Add("affected_text", "intake.err.affected.text", "signed-in people name bodies by AGS or id")
		}
		out = append(out, b)
	}
	d.members(s.Members, out, f)
	return out, denied
}

// members gives each body what is said about it alone.
func (d *Desk) members(list []Member, bodies []Body, f *fault.Fields) {
	index := make(map[string]int, len(bodies))
	for i, b := range bodies {
		index[b.Organisation.ID] = i
	}
	for i, m := range list {
		at := fmt.Sprintf("members[%d].", i)
		m.tidy()
		m.check(f, at)
		org, known := d.Bodies.Body(m.Affected)
		j, affected := index[org.ID]
		switch {
		case !known || !affected:
			f.Add(at+"affected", "intake.err.affected.unknown", fmt.Sprintf("members[%d] is none of the affected bodies", i))
		case !bodies[j].Own.Empty():
			f.Add(at+"affected", "intake.err.affected.twice", fmt.Sprintf("members[%d] is named twice", i))
		default:
			bodies[j].Own = m.Particular
		}
	}
}

// placing decides for each body whether by may report for it and in whose name,
// under which mandate and as which agent.
func placing(by actor.Actor, known Bodies) func(event.Organisation) (Body, bool) {
	agents := map[string]event.Organisation{}
	for _, m := range by.Mandates {
		if _, ok := agents[m.Agent]; !ok {
			org, _ := known.Body(m.Agent)
			agents[m.Agent] = org
		}
	}
	return func(org event.Organisation) (Body, bool) {
		b := Body{Organisation: org, Status: Received}
		if !by.SignedIn() {
			return b, by.May(actor.ReportCreate, actor.Object{Code: true}).Allowed
		}
		may := by.May(actor.ReportCreate, actor.Object{Organisation: org.ID})
		b.OnBehalf, b.Mandate, b.VisibleTo = may.OnBehalfOf, may.Mandate, org.ID
		if i := slices.IndexFunc(by.Mandates, func(m actor.Mandate) bool { return m.ID == may.Mandate }); may.Mandate != "" && i >= 0 {
			b.Agent = agents[by.Mandates[i].Agent]
		}
		return b, may.Allowed
	}
}
