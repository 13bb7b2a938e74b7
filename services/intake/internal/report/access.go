// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"context"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Access is one act on a report of an organisation, for its own people: they may
// know who looked at what is theirs (reliability model §2.4, "own org's accesses").
type Access struct {
	Seq       int64
	At        time.Time
	Actor     string // person's id, "guest", or "service:…"
	OnBehalf  string // the organisation's id when an agent acted for it
	Action    string
	Report    string
	Reference string
	File      string // name of the attachment, "" for the report itself
	Red       bool   // the report is TLP:RED
}

// AccessFilter narrows the log of an organisation.
type AccessFilter struct {
	Organisation string
	OnBehalf     bool     // only what agents did
	People       []string // those whose acts on a report of several bodies concern this one: its own people and the CERT's
	Before       int64    // seq of the last line seen, 0 from the newest
	Limit        int
}

// Accesses returns the newest acts on the reports of an organisation, to its own
// people only. Reading the log is not written into it.
func (d *Desk) Accesses(ctx context.Context, by actor.Actor, f AccessFilter) ([]Access, error) {
	if !by.May(actor.AccessRead, actor.Object{Organisation: f.Organisation}).Allowed {
		d.noteDenied(ctx, Occasion{By: by}, actor.AccessRead, "")
		return nil, fault.New(fault.NotFound, "there is nothing here")
	}
	list, err := d.Store.As(by.Seer(actor.AccessRead)).Accesses(ctx, f)
	for i := range list {
		if by.MustStepUp(actor.AccessRead, actor.Object{Red: list[i].Red}, d.now()) {
			list[i].File = "" // a name says what is in the report
		}
	}
	return list, err
}
