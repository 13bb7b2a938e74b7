// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"slices"

	"github.com/thueringencert/leitstelle/shared/event"
)

// WithCases returns the bodies with what the case snapshots say about each. A
// case belongs to the body of its organisation; one that was confirmed for a
// body a guest typed belongs to that. Merged cases give way to their target.
func WithCases(bodies []Body, cases []event.Case) []Body {
	out := slices.Clone(bodies)
	merged := map[int]bool{}
	for i := range out {
		out[i].Cases, out[i].Status, out[i].Locked, out[i].LockedFor = nil, "", false, ""
	}
	for _, c := range cases {
		i := bodyOf(out, c)
		if !gaveWay(c, cases) {
			lock(out, i, c)
		}
		if i < 0 {
			continue
		}
		ref := CaseRef{ID: c.ID, Reference: c.Reference, Clocks: c.Clocks, ClosedAt: c.ClosedAt}
		if c.Assignee != nil {
			ref.Assignee = c.Assignee.Name
		}
		if c.State == "merged" {
			merged[i] = true
			continue
		}
		out[i].Cases = append(out[i].Cases, ref)
		out[i].Status = urgent(out[i].Status, Status(c.ReportStatus))
	}
	for i := range out {
		switch {
		case out[i].Status != "":
		case merged[i]:
			out[i].Status = InProgress
		default:
			out[i].Status = Received
		}
	}
	return out
}

// gaveWay reports whether a case is part of another one that is known here: that
// one's lock counts. The two events of a merge come in any order.
func gaveWay(c event.Case, cases []event.Case) bool {
	return c.State == "merged" && slices.ContainsFunc(cases, func(x event.Case) bool { return x.ID == c.MergedInto })
}

// lock carries a case's lock over to its body's part of the report, to all of it
// when no body fits: what the CERT keeps for those who need to know, it keeps
// here as well. Two locked cases of different people are nobody's.
func lock(bodies []Body, i int, c event.Case) {
	if !c.Locked {
		return
	}
	who := ""
	if c.Assignee != nil {
		who = c.Assignee.ID
	}
	for j := range bodies {
		if i >= 0 && j != i {
			continue
		}
		if b := &bodies[j]; b.Locked && b.LockedFor != who {
			b.LockedFor = ""
		} else {
			b.Locked, b.LockedFor = true, who
		}
	}
}

func bodyOf(bodies []Body, c event.Case) int {
	typed := -1
	for i, b := range bodies {
		switch {
		case b.Organisation.ID != "" && b.Organisation.ID == c.Organisation.ID:
			return i
		case b.Organisation.ID == "" && typed < 0 && (c.Organisation.ID == b.owner() || b.VisibleTo == ""):
			typed = i
		}
	}
	return typed
}

// urgent is the status that the reporter should hear of two.
func urgent(a, b Status) Status {
	order := []Status{WaitingForYou, Received, InProgress, Resolved, Closed}
	if !slices.Contains(order, b) {
		b = InProgress
	}
	if a == "" || slices.Index(order, b) < slices.Index(order, a) {
		return b
	}
	return a
}

// VisibleAfter returns the organisation that may see a body's report once a case
// snapshot is known: a guest's report only when an analyst confirmed it.
func VisibleAfter(channel Channel, b Body, c event.Case) (string, bool) {
	if channel != Guest {
		return "", false
	}
	if b.Organisation.ID != "" && b.Organisation.ID != c.Organisation.ID {
		return "", false
	}
	if !c.Verified {
		return "", b.VisibleTo != ""
	}
	return c.Organisation.ID, b.owner() != c.Organisation.ID
}

// owner is the organisation that an analyst confirmed, also when another one
// took over from it since.
func (b Body) owner() string {
	if b.Formerly != "" {
		return b.Formerly
	}
	return b.VisibleTo
}
