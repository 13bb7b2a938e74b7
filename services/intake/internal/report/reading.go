// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/tlp"
)

// Filter narrows a list. Everything false and no organisations: nothing.
type Filter struct {
	Everything    bool
	Organisations []string
	Person        string // what this person reported
	After         string // id of the last one seen
	Limit         int
}

// List returns the newest reports that the actor may see, own and mandated, and
// the cursor of the next page.
func (d *Desk) List(ctx context.Context, by actor.Actor, after string, limit int) ([]Report, string, error) {
	v := by.View(actor.ReportRead)
	if v.Empty() {
		return nil, "", nil
	}
	f := Filter{Everything: v.Everything, Organisations: v.Organisations, After: after, Limit: limit + 1}
	if v.Mine {
		f.Person = by.Person
	}
	out := make([]Report, 0, f.Limit)
	for { // what is not for them leaves no gap in the page
		list, err := d.Store.As(by.Seer(actor.ReportRead)).List(ctx, f)
		if err != nil {
			return nil, "", err
		}
		for _, r := range list {
			f.After = r.ID
			seen, ok := narrow(r, Occasion{By: by}, actor.ReportRead)
			if by.MustStepUp(actor.ReportRead, actor.Object{Red: r.TLP == string(tlp.Red)}, d.now()) {
				seen = seen.sealed()
			}
			if ok {
				out = append(out, seen)
			}
		}
		if len(out) > limit {
			return out[:limit], out[limit-1].ID, nil
		}
		if len(list) < f.Limit {
			return out, "", nil
		}
	}
}

// Open shows a report to a reader and writes one line of the audit. Who may not
// see it is told that there is none.
func (d *Desk) Open(ctx context.Context, ref string, o Occasion) (Seen, error) {
	r, o, err := d.find(ctx, ref, o, actor.ReportRead)
	if err != nil {
		return Seen{}, err
	}
	act := Act{
		At: d.now(), By: o.By, OnBehalf: behalf(r, o.By, actor.ReportRead), Action: string(actor.ReportRead),
		ObjectType: "report", ObjectID: r.ID, RequestID: o.RequestID,
	}
	t, err := d.Store.As(o.seer(actor.ReportRead)).Thread(ctx, r.ID, bodyIDs(r.Affected), o.Window, forAll(r, o, actor.ReportRead, act))
	if err != nil {
		return Seen{}, err
	}
	return d.seen(r, t, o), nil
}

// sealed is all that a list says of a TLP:RED report before a step-up: that it is
// there, and how far it is.
func (r Report) sealed() Report {
	out := Report{ID: r.ID, Reference: r.Reference, ReceivedAt: r.ReceivedAt, Channel: r.Channel, Sealed: true, Affected: []Body{{Status: r.Status()}}}
	out.What, out.Impact, out.TLP = "unknown", "unknown", r.TLP
	return out
}

// find loads a report by id or reference, as the reader may see it. A code that
// opens nothing is taken out of the occasion.
func (d *Desk) find(ctx context.Context, ref string, o Occasion, action actor.Action) (Report, Occasion, error) {
	r, err := d.load(ctx, ref, o.seer(actor.ReportRead, action))
	if fault.Is(err, fault.NotFound) && o.By.SignedIn() {
		if id, idErr := d.id(ctx, ref); idErr == nil { // it is there, but not for them
			d.noteDenied(ctx, o, action, id)
		}
	}
	if err != nil {
		return Report{}, o, err
	}
	if o.holds(r) {
		switch open := d.openToCode(r, o.part(), action); {
		case len(open) == len(r.Affected):
		case len(open) > 0 && !o.By.SignedIn():
			r.Affected = open
		default: // the code opens nothing; who is signed in sees what they may
			o.Proof = ""
		}
	}
	seen, ok := narrow(r, o, action)
	if !ok {
		d.noteDenied(ctx, o, action, r.ID)
		return Report{}, o, notThere()
	}
	if o.By.MustStepUp(action, actor.Object{Red: r.TLP == string(tlp.Red), Code: o.holds(r)}, d.now()) {
		d.noteDenied(ctx, o, action, r.ID)
		return Report{}, o, fault.New(fault.StepUpRequired, "this report is TLP:RED: please confirm with your second factor first")
	}
	return seen, o, nil
}

func (d *Desk) load(ctx context.Context, ref string, seer actor.Seer) (Report, error) {
	if known, ok := ParseReference(ref); ok {
		return d.Store.As(seer).ByReference(ctx, known)
	}
	return d.Store.As(seer).Report(ctx, ref)
}

func (d *Desk) id(ctx context.Context, ref string) (string, error) {
	if known, ok := ParseReference(ref); ok {
		ref = known
	}
	return d.Store.ID(ctx, ref)
}

// seer is what the asker sees by rights, and by the code that was shown.
func (o Occasion) seer(actions ...actor.Action) actor.Seer {
	s := o.By.Seer(actions...)
	s.Object, s.Part, _ = strings.Cut(o.Proof, "~")
	return s
}

// Prove checks a code against the report with that reference or id, and returns
// what to put into an occasion as proof. The code of the whole report opens all
// of it, that of one body this body's part. It never tells what was wrong.
func (d *Desk) Prove(ctx context.Context, ref, code string) (r Report, proof string, err error) {
	typed, ok := ParseCode(code)
	if !ok {
		return Report{}, "", notThere()
	}
	id, err := d.id(ctx, ref)
	if err != nil {
		return Report{}, "", err
	}
	// Read to compare the code; nothing of it is shown before it fits.
	if r, err = d.load(ctx, id, actor.Seer{Object: id}); err != nil {
		return Report{}, "", err
	}
	if SameCode(typed, Code(d.Keys.Code, r.ID)) && len(d.openToCode(r, "", actor.ReportRead)) > 0 {
		return r, r.ID, nil
	}
	part := ""
	for _, b := range r.Affected { // all are compared: the time must not tell which
		if id := b.Organisation.ID; id != "" && SameCode(typed, PartCode(d.Keys.Code, r.ID, id)) {
			part = id
		}
	}
	if part == "" || len(d.openToCode(r, part, actor.ReportRead)) == 0 {
		return Report{}, "", notThere()
	}
	return r, r.ID + "~" + part, nil
}

// openToCode returns the bodies of a report that its code opens for action: all
// until some time after the last case closed (design §7: 90 days), but none of a
// principal who took the mandate away, or its scope: what an agent wrote down must
// not outlive it. The code of one body opens that one.
func (d *Desk) openToCode(r Report, part string, action actor.Action) []Body {
	var out []Body
	var principals map[string]bool
	for _, b := range r.Affected {
		switch {
		case part != "":
			if b.Organisation.ID == part {
				out = append(out, b)
			}
			continue
		case b.OnBehalf != "" && principals == nil:
			principals = d.Bodies.Principals(r.Reporter.ID, action)
		}
		if b.OnBehalf == "" || principals[b.OnBehalf] {
			out = append(out, b)
		}
	}
	ended := r.EndedAt()
	if part != "" {
		ended = endedAt(out)
	}
	if !ended.IsZero() && !d.now().Before(ended.Add(d.Guests)) {
		return nil
	}
	return out
}

// holds reports whether the guest has shown a code of this report.
func (o Occasion) holds(r Report) bool {
	id, _, _ := strings.Cut(o.Proof, "~")
	return id != "" && id == r.ID
}

// part is the body whose code was shown, "" for the code of the whole report.
func (o Occasion) part() string {
	_, part, _ := strings.Cut(o.Proof, "~")
	return part
}

func notThere() error { return fault.New(fault.NotFound, "there is no such report") }

// narrow leaves of a report what the reader may see. A guest's contact stays
// with the CERT and the guest.
func narrow(r Report, o Occasion, action actor.Action) (Report, bool) {
	bodies := make([]Body, 0, len(r.Affected))
	for _, b := range r.Affected {
		if mayAt(r, o, action, b) {
			bodies = append(bodies, b)
		}
	}
	r.Affected = bodies
	if len(bodies) == 1 { // what was said about it, and nothing of the whole
		b := bodies[0]
		r.Sum = r.PartSum(b)
		r.Content = r.About(b)
		r.ReceivedAt, r.CallbackBy = r.TakenIn(b)
		bodies[0].Own = Particular{} // it is in the content now
		bodies[0].AddedAt = nil      // it is in the times now; that others were there before is nobody's business
	}
	if r.Channel == Guest && !o.holds(r) && !o.By.View(action).Everything {
		r.Callback, r.Reporter = event.Contact{}, event.Person{}
	}
	return r, len(bodies) > 0
}

func mayAt(r Report, o Occasion, action actor.Action, b Body) bool {
	if part := o.part(); part != "" && o.holds(r) && part != b.Organisation.ID {
		return false
	}
	if o.holds(r) && o.By.May(action, actor.Object{Code: true}).Allowed {
		return true
	}
	return o.By.May(action, objectOf(r, b)).Allowed
}

// objectOf is a report at one body, as the matrix asks. What a body reported
// itself as TLP:RED is for its own people; what its agent reported the agent knows.
func objectOf(r Report, b Body) actor.Object {
	agent := ""
	if b.OnBehalf != "" {
		agent = cmp.Or(b.Agent.ID, r.Home)
	}
	return actor.Object{
		Organisation: b.VisibleTo, Owner: r.Reporter.ID, Agent: agent, OwnOnly: r.TLP == string(tlp.Red) && b.OnBehalf == "",
		Locked: b.Locked, Assignee: b.LockedFor,
	}
}

// Counted reports whether the report at a body is in the figures of somebody: who
// may not read it is not told by a number that it is there.
func Counted(by actor.Actor, r Report, b Body) bool {
	o := objectOf(r, b)
	return by.May(actor.Aggregate, o).Allowed && by.May(actor.ReportRead, o).Allowed
}

func behalf(r Report, by actor.Actor, action actor.Action) string {
	for _, b := range r.Affected {
		if may := by.May(action, objectOf(r, b)); may.Allowed {
			return may.OnBehalfOf
		}
	}
	return ""
}

func (d *Desk) seen(r Report, t Thread, o Occasion) Seen {
	open := make(map[string]bool, len(r.Affected))
	for _, b := range r.Affected {
		open[b.Organisation.ID] = true
	}
	hide := r.Channel == Guest && !o.holds(r) && !o.By.View(actor.ReportRead).Everything
	mine := func(e *Entry) bool {
		if hide && e.Author.ID == "" {
			e.Author = event.Person{}
		}
		// What else it was addressed to is nobody's business.
		e.Bodies = slices.DeleteFunc(slices.Clone(e.Bodies), func(b string) bool { return !open[b] })
		return len(e.Bodies) > 0
	}
	s := Seen{Report: r, Thread: Thread{Window: t.Window, Earlier: t.Earlier}, ByCode: o.holds(r), Deadlines: d.Deadlines(r)}
	for _, m := range t.Messages {
		if mine(&m.Entry) {
			s.Messages = append(s.Messages, m)
		}
	}
	for _, x := range t.Supplements {
		if mine(&x.Entry) {
			s.Supplements = append(s.Supplements, x)
		}
	}
	for _, a := range t.Attachments {
		if mine(&a.Entry) && (a.OnlyHome == "" || o.of(a.OnlyHome)) {
			s.Attachments = append(s.Attachments, a)
		}
	}
	for _, x := range t.Steps {
		if mine(&x.Entry) {
			s.Steps = append(s.Steps, x)
		}
	}
	for _, b := range r.Affected {
		s.MayAdd = s.MayAdd || mayAt(r, o, actor.ReportMessage, b)
		s.MayRead = s.MayRead || mayAt(r, o, actor.AttachmentDownload, b)
	}
	s.rights(o)
	return s
}

// of reports whether who asks belongs to an organisation.
func (o Occasion) of(organisation string) bool {
	return slices.ContainsFunc(o.By.Memberships, func(m actor.Membership) bool { return m.Organisation == organisation })
}

func bodyIDs(bodies []Body) []string {
	out := make([]string, len(bodies))
	for i, b := range bodies {
		out[i] = b.Organisation.ID
	}
	return out
}

// Deadlines are the promise that intake gave and, until triage knows better,
// the data protection duty as "to check". Of several bodies each rule has one
// line for each state: the earliest.
func (d *Desk) Deadlines(r Report) []Deadline {
	var out []Deadline
	at := map[[2]string]int{}
	for _, b := range r.Affected {
		for _, c := range b.Cases {
			for _, k := range c.Clocks {
				key := [2]string{k.Rule, k.State}
				i, known := at[key]
				switch {
				case !known || len(r.Affected) == 1:
					at[key] = len(out)
					out = append(out, Deadline{Rule: k.Rule, State: k.State, DueAt: k.DueAt})
				case k.DueAt != nil && (out[i].DueAt == nil || k.DueAt.Before(*out[i].DueAt)):
					out[i].DueAt = k.DueAt
				}
			}
		}
	}
	if len(out) > 0 {
		return out
	}
	promise, privacy := r.CallbackBy, r.NoticedAt.Add(PrivacyTime)
	return []Deadline{{Rule: "TH-ACK", State: "running", DueAt: &promise}, {Rule: "DSGVO-33", State: "to_check", DueAt: &privacy}}
}

// PrivacyTime is the 72 hours of Art. 33 DSGVO.
const PrivacyTime = 72 * time.Hour
