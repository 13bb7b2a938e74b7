// SPDX-License-Identifier: EUPL-1.2

package figures

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/tlp"
)

// Store reads what is counted.
type Store interface {
	// Lines returns what was reported about organisations from one moment until
	// before another, as the seer sees it: for each body a report with this body
	// alone, when it was taken in, and the cases about it. Of the content only kind,
	// label and whether it is an exercise.
	Lines(ctx context.Context, seer actor.Seer, organisations []string, from, to time.Time) ([]report.Report, error)
	// Note writes lines of the audit.
	Note(ctx context.Context, acts ...report.Act) error
}

// Bodies knows the constituency.
type Bodies interface {
	// Body returns the active body that an AGS or an id names.
	Body(agsOrID string) (event.Organisation, bool)
}

// Desk counts for people.
type Desk struct {
	Store  Store
	Bodies Bodies
	Now    func() time.Time
	Zone   *time.Location      // whose months are counted
	Fold   func(string) string // what names are sorted by
}

// Question is what somebody wants to know.
type Question struct {
	By           actor.Actor
	Organisation string // AGS or id; "" for all that they may count, together
	Period       string // see ParsePeriod
	RequestID    string
}

// Answer is one organisation's figures, or those of several together and of each.
type Answer struct {
	Period       Period
	At           time.Time
	Organisation event.Organisation // the one that was asked for, or the only one; empty: several
	Bodies       int                // how many are counted
	Figures
	Each []Line // those of several about which there is something, by name
}

// Line is one organisation of several.
type Line struct {
	Organisation event.Organisation
	Figures
}

// Count answers a question. An organisation that the asker may not count is not
// there; somebody who may count the whole state alone has none of their own here.
func (d *Desk) Count(ctx context.Context, q Question) (Answer, error) {
	a, _, err := d.count(ctx, q)
	return a, err
}

// Export is Count for a file that leaves the system: a line of the audit for each
// on whose behalf it was made, whose own log shows it, and one for one's own.
func (d *Desk) Export(ctx context.Context, q Question) (Answer, error) {
	a, orgs, err := d.count(ctx, q)
	if err != nil {
		return a, err
	}
	behalf := make([]string, 0, len(orgs))
	for _, o := range orgs {
		behalf = append(behalf, q.By.May(actor.Aggregate, actor.Object{Organisation: o}).OnBehalfOf)
	}
	if slices.Sort(behalf); len(behalf) == 0 {
		behalf = []string{""} // an empty file is one, too
	}
	var acts []report.Act
	for _, o := range slices.Compact(behalf) {
		acts = append(acts, report.Act{
			At: a.At, By: q.By, OnBehalf: o, Action: string(actor.AggregateExport), ObjectType: "figures", ObjectID: a.Period.Key, RequestID: q.RequestID,
		})
	}
	return a, d.Store.Note(ctx, acts...)
}

func (d *Desk) count(ctx context.Context, q Question) (a Answer, orgs []string, err error) {
	a.At = d.Now().UTC().Truncate(time.Second)
	if a.Period, err = ParsePeriod(q.Period, a.At, d.Zone); err != nil {
		return a, nil, err
	}
	if orgs, err = d.organisations(ctx, q); err != nil {
		return a, nil, err
	}
	if a.Bodies = len(orgs); a.Bodies == 1 {
		a.Organisation = d.body(orgs[0])
	}
	lines, err := d.lines(ctx, q.By, orgs, a.Period)
	if err != nil {
		return a, nil, err
	}
	a.Figures = Of(lines, a.Period, a.At)
	if a.Bodies > 1 {
		a.Each = d.each(lines, a.Period, a.At)
	}
	return a, orgs, nil
}

// organisations are the ones whose figures are asked for: the named one, or one's
// own and those one may read for.
func (d *Desk) organisations(ctx context.Context, q Question) ([]string, error) {
	if q.Organisation != "" {
		o, ok := d.Bodies.Body(q.Organisation)
		if ok && counts(q.By, o.ID) {
			return []string{o.ID}, nil
		}
		if ok && q.By.SignedIn() {
			_ = d.Store.Note(ctx, report.Act{ // stands in nobody's way: the answer is no in any case
				At: d.Now().UTC(), By: q.By, Action: string(actor.Aggregate), ObjectType: "organisation", ObjectID: o.ID, RequestID: q.RequestID, Denied: true,
			})
		}
		return nil, fault.New(fault.NotFound, "there are no figures of such an organisation")
	}
	v := q.By.View(actor.Aggregate)
	orgs := v.Organisations
	if v.Everything { // the CERT counts its own house here; all others have a name
		for _, m := range q.By.Memberships {
			orgs = append(orgs, m.Organisation)
		}
		slices.Sort(orgs)
		orgs = slices.Compact(orgs)
	}
	return slices.DeleteFunc(orgs, func(id string) bool { return !counts(q.By, id) }), nil
}

// counts reports whether somebody may count what was reported about an
// organisation: figures of single bodies are for who may read their reports.
func counts(by actor.Actor, organisation string) bool {
	o := actor.Object{Organisation: organisation}
	return by.May(actor.Aggregate, o).Allowed && by.May(actor.ReportRead, o).Allowed
}

// lines reads what the asker may read. What a body reported itself as TLP:RED is
// none of its provider's, in numbers neither. Before a step-up the list does not say
// whose a TLP:RED report is, and no number of a foreign body does.
func (d *Desk) lines(ctx context.Context, by actor.Actor, orgs []string, p Period) ([]report.Report, error) {
	if len(orgs) == 0 {
		return nil, nil
	}
	list, err := d.Store.Lines(ctx, by.Seer(actor.ReportRead), orgs, p.From, p.To)
	if err != nil {
		return nil, err
	}
	sealed := by.MustStepUp(actor.ReportRead, actor.Object{Red: true}, d.Now())
	if sealed {
		for i := range list { // deadlines and answers neither
			if list[i].TLP == string(tlp.Red) && len(list[i].Affected) == 1 {
				list[i].Affected[0].Cases = nil
			}
		}
	}
	return slices.DeleteFunc(list, func(r report.Report) bool {
		return len(r.Affected) != 1 || !report.Counted(by, r, r.Affected[0]) ||
			sealed && r.TLP == string(tlp.Red) && !of(by, r.Affected[0].VisibleTo)
	}), nil
}

// of reports whether somebody belongs to an organisation.
func of(by actor.Actor, organisation string) bool {
	return slices.ContainsFunc(by.Memberships, func(m actor.Membership) bool { return m.Organisation == organisation })
}

func (d *Desk) each(lines []report.Report, p Period, now time.Time) []Line {
	of := map[string][]report.Report{}
	for _, r := range lines {
		of[r.Affected[0].VisibleTo] = append(of[r.Affected[0].VisibleTo], r)
	}
	out := make([]Line, 0, len(of))
	for id, list := range of {
		if f := Of(list, p, now); f.Reports > 0 { // an exercise alone is nothing
			out = append(out, Line{Organisation: d.body(id), Figures: f})
		}
	}
	slices.SortFunc(out, func(a, b Line) int {
		return cmp.Or(cmp.Compare(d.Fold(a.Organisation.Name), d.Fold(b.Organisation.Name)), cmp.Compare(a.Organisation.ID, b.Organisation.ID))
	})
	return out
}

// body is an organisation by its id, also one that is gone.
func (d *Desk) body(id string) event.Organisation {
	if o, ok := d.Bodies.Body(id); ok {
		return o
	}
	return event.Organisation{ID: id}
}
