// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/register"
)

// bodyFilter narrows the bodies of a report.
type bodyFilter struct {
	Query  string // in the name, or the beginning of the AGS
	Kreis  string // five digits
	Status report.Status
	After  string // cursor
	Limit  int
}

func knownStatus(s report.Status) bool {
	return slices.Contains([]report.Status{report.Received, report.InProgress, report.WaitingForYou, report.Resolved, report.Closed}, s)
}

// pageOfBodies are the bodies that a filter lets through, by name, from a cursor
// on; the cursor of the next page, and how many there are in all.
func (h *Handler) pageOfBodies(s report.Seen, f bodyFilter) (list []report.Body, next string, total int, err error) {
	after := ""
	if f.After != "" {
		raw, err := base64.RawURLEncoding.DecodeString(f.After)
		if err != nil {
			return nil, "", 0, fault.New(fault.Malformed, "after is no cursor of this list")
		}
		after = string(raw)
	}
	type keyed struct {
		key string
		report.Body
	}
	var found []keyed
	q := register.Fold(f.Query)
	for _, b := range s.Affected {
		name := register.Fold(b.Organisation.Name)
		if f.Status != "" && b.Status != f.Status || f.Kreis != "" && b.Organisation.Kreis != f.Kreis ||
			q != "" && !strings.Contains(name, q) && !strings.HasPrefix(b.Organisation.AGS, q) {
			continue
		}
		found = append(found, keyed{name + "\x00" + b.Organisation.ID, b})
	}
	slices.SortFunc(found, func(a, b keyed) int { return strings.Compare(a.key, b.key) })
	for _, k := range found {
		if k.key <= after {
			continue
		}
		if len(list) == f.Limit {
			last := list[len(list)-1].Organisation
			next = base64.RawURLEncoding.EncodeToString([]byte(register.Fold(last.Name) + "\x00" + last.ID))
			break
		}
		list = append(list, k.Body)
	}
	return list, next, len(found), nil
}
