// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"context"
	"fmt"
	"strings"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// rights are what a reader of a provider's report may do beyond adding.
func (s *Seen) rights(o Occasion) {
	s.Several = len(s.Affected) > 1
	for _, b := range s.Affected {
		s.Agent = s.Agent || o.By.May(actor.ReportRead, objectOf(s.Report, b)).OnBehalfOf != ""
		if b.OnBehalf != "" && o.By.May(actor.ReportTakeOver, objectOf(s.Report, b)).Allowed {
			s.MayTakeOver = s.MayTakeOver || b.TakenOverAt == nil
			s.MayReturn = s.MayReturn || b.TakenOverAt != nil
		}
	}
	s.MayExtend = s.Agent && o.of(s.Home) && !o.By.View(actor.ReportExtend).Empty()
}

// step prepares what a body does about a report that its provider sent. Exactly
// one body is asked: the own one. Naming another one is a mistake and does not
// become the own one.
func (d *Desk) step(ctx context.Context, ref string, o Occasion, action actor.Action, kind StepKind) (Report, Step, Note, error) {
	r, o, err := d.find(ctx, ref, o, action)
	if err != nil {
		return Report{}, Step{}, Note{}, err
	}
	var own []Body
	for _, b := range r.Affected {
		if b.OnBehalf != "" {
			own = append(own, b)
		}
	}
	switch {
	case len(own) == 0:
		return Report{}, Step{}, Note{}, fault.New(fault.Conflict, "nobody reported this on your behalf")
	case len(own) > 1 && len(o.To) != 1:
		var f fault.Fields
		f.Add("affected", "intake.err.affected", "several of your bodies are affected: name one")
		return Report{}, Step{}, Note{}, f.Err()
	case len(o.To) > 0:
		r.Affected = own
		if own, err = d.addressed(r, o, action); err != nil {
			return Report{}, Step{}, Note{}, err
		}
	}
	r.Affected = own
	s := Step{Kind: kind, Entry: Entry{
		ID: event.NewID(), Report: r.ID, Author: event.Person{ID: o.By.Person, Name: o.By.Name}, Bodies: bodyIDs(own), At: d.now(),
	}}
	act := Act{At: s.At, By: o.By, Action: string(action), ObjectType: "report", ObjectID: r.ID, RequestID: o.RequestID}
	if kind == GivenBack {
		act.Action = "report.give_back"
	}
	return r, s, Note{Act: act, Key: o.Key}, nil
}

// Foreseen returns the report to somebody who wants to take it over or to
// contradict it, before they do.
func (d *Desk) Foreseen(ctx context.Context, ref string, o Occasion, action actor.Action) (Report, error) {
	r, _, _, err := d.step(ctx, ref, o, action, TakenOver)
	return r, err
}

// TakeOver makes the body's own people whom the CERT asks from now on, though
// their provider sent the report. The provider keeps reading what its mandate
// lets it read.
func (d *Desk) TakeOver(ctx context.Context, ref string, c event.Contact, o Occasion) (Step, bool, error) {
	r, s, n, err := d.step(ctx, ref, o, actor.ReportTakeOver, TakenOver)
	if err != nil {
		return Step{}, false, err
	}
	m := Member{Particular: Particular{Callback: &c}}
	m.tidy()
	var f fault.Fields
	if m.Callback == nil {
		m.Callback = &event.Contact{}
	}
	checkContact(&f, "callback.", *m.Callback)
	if err := f.Err(); err != nil {
		return Step{}, false, err
	}
	s.Contact = *m.Callback
	n.Events = []event.Event{event.New(event.ReportTakenOver{
		Report: r.ID, Reference: r.Reference, Affected: r.Affected[0].Organisation, Author: s.Author, Callback: s.Contact, At: s.At,
	}, meta(n, o, ""))}
	return d.Store.AddStep(ctx, s, n)
}

// GiveBack undoes TakeOver: the provider's contact counts again.
func (d *Desk) GiveBack(ctx context.Context, ref string, o Occasion) (Step, bool, error) {
	r, s, n, err := d.step(ctx, ref, o, actor.ReportTakeOver, GivenBack)
	if err != nil {
		return Step{}, false, err
	}
	s.Contact = r.About(r.Affected[0]).Callback
	n.Events = []event.Event{event.New(event.ReportTakenOver{
		Report: r.ID, Reference: r.Reference, Affected: r.Affected[0].Organisation, Author: s.Author, Callback: s.Contact, Returned: true, At: s.At,
	}, meta(n, o, ""))}
	return d.Store.AddStep(ctx, s, n)
}

// Contradict says in the body's own words what is wrong with what its provider
// reported. The report stays as it was sent.
func (d *Desk) Contradict(ctx context.Context, ref, text string, o Occasion) (Step, bool, error) {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	r, s, n, err := d.step(ctx, ref, o, actor.ReportContradict, Contradicted)
	if err != nil {
		return Step{}, false, err
	}
	var f fault.Fields
	if text == "" {
		f.Add("text", "intake.err.contradiction", "say what is not right")
	}
	checkText(&f, "text", text, MaxText, true)
	if err := f.Err(); err != nil {
		return Step{}, false, err
	}
	s.Text = text
	n.Events = []event.Event{event.New(event.ReportContradicted{
		Report: r.ID, Reference: r.Reference, Affected: r.Affected[0].Organisation, Author: s.Author, Text: text, At: s.At,
	}, meta(n, o, ""))}
	return d.Store.AddStep(ctx, s, n)
}

// Extension are bodies that join a report.
type Extension struct {
	Entry
	Reference string
	Added     []Body
	Total     int
}

// Extend adds bodies to a report that its provider sent: each becomes a part and
// a case of its own, as if it had been named at once, with its own promise of a
// call-back. What was signed before stays as it was.
func (d *Desk) Extend(ctx context.Context, ref string, s Submission, o Occasion) (Extension, bool, error) {
	whole, r, o, err := d.extendable(ctx, ref, o)
	if err != nil {
		return Extension{}, false, err
	}
	fields, added := d.joining(whole, s, o)
	if err := fields.Err(); err != nil {
		return Extension{}, false, err
	}
	at := d.now()
	for i := range added {
		added[i].AddedAt = &at
	}
	x := Extension{Reference: r.Reference, Added: added, Entry: Entry{
		ID: event.NewID(), Report: r.ID, Author: event.Person{ID: o.By.Person, Name: o.By.Name}, Bodies: bodyIDs(added), At: at,
	}}
	act := Act{
		At: at, By: o.By, OnBehalf: added[0].OnBehalf, Action: string(actor.ReportExtend),
		ObjectType: "report", ObjectID: r.ID, RequestID: o.RequestID,
	}
	n := Note{Act: act, Key: o.Key}
	seen := map[string]bool{act.OnBehalf: true}
	for _, b := range added {
		if !seen[b.OnBehalf] {
			seen[b.OnBehalf] = true
			act.OnBehalf = b.OnBehalf
			n.Also = append(n.Also, act)
		}
	}
	return d.Store.AddBodies(ctx, x, n, func(total int) []event.Event { return whole.told(added, total, o.By.ID(), o.TraceParent) })
}

// MayExtend returns why somebody may not name further bodies, nil when they may.
func (d *Desk) MayExtend(ctx context.Context, ref string, o Occasion) error {
	_, _, _, err := d.extendable(ctx, ref, o)
	return err
}

// extendable loads a report for who sent it, whole and as they see it.
func (d *Desk) extendable(ctx context.Context, ref string, o Occasion) (whole, seen Report, by Occasion, err error) {
	if whole, err = d.load(ctx, ref, actor.System("intake").Seer()); err != nil { // to know who is in it already
		return whole, seen, o, err
	}
	if seen, o, err = d.find(ctx, ref, o, actor.ReportExtend); err != nil {
		return whole, seen, o, err
	}
	if o.of(seen.Home) {
		return whole, seen, o, nil
	}
	d.noteDenied(ctx, o, actor.ReportExtend, seen.ID) // another agent of the same body
	if _, readable := narrow(whole, o, actor.ReportRead); !readable {
		return whole, seen, o, notThere()
	}
	return whole, seen, o, fault.New(fault.Forbidden, "only who sent the report names further bodies")
}

// joining checks the bodies that are to join a report.
func (d *Desk) joining(r Report, s Submission, o Occasion) (f fault.Fields, added []Body) {
	for i := range s.Affected {
		s.Affected[i] = strings.TrimSpace(s.Affected[i])
	}
	if len(s.Affected) == 0 {
		f.Add("affected", "intake.err.affected", "name at least one affected body by AGS or id")
		return f, nil
	}
	if len(s.Affected)+len(r.Affected) > MaxAffected {
		f.Add("affected", "intake.err.affected.many", fmt.Sprintf("at most %d bodies in one report", MaxAffected))
		return f, nil
	}
	added, denied := d.bodies(Submission{Affected: s.Affected, Members: s.Members}, o.By, &f)
	if denied != "" && len(s.Affected) == 1 {
		f.Add("affected[0]", "intake.err.affected.mandate", "no mandate in force lets you report for "+denied)
	}
	return f, added
}
