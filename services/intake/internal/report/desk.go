// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"context"
	"crypto/ed25519"
	"slices"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Key makes a repeated POST harmless: the same scope and key with the same hash
// is the same attempt.
type Key struct {
	Scope string // person and organisation; for guests one that nobody else can hit
	Key   string
	Hash  []byte // SHA-256 of the request
}

// Occasion is what the door knows about a request.
type Occasion struct {
	By          actor.Actor
	Proof       string   // what the code opens that a guest has shown (Desk.Prove)
	To          []string // the bodies an addition is addressed to, by AGS or id; empty: all
	Channel     Channel
	Language    string
	RequestID   string
	TraceParent string
	Key         Key
	Window      Window // of the thread, for who reads
}

// Act is one line of the audit: who did what to which object.
type Act struct {
	At         time.Time
	By         actor.Actor
	OnBehalf   string
	Action     string
	ObjectType string
	ObjectID   string
	RequestID  string
	Denied     bool     // it was tried and not allowed
	Principals []string // on whose behalf one look was, when OnBehalf alone does not say it
}

// Pending is a checked report on its way into the store.
type Pending struct {
	Report
	Occasion
}

// Taker writes reports. Take returns the stored report: the given one with its
// reference, or, when the key is known, the earlier one with replayed. A known
// key with another hash is Invalid. When the answer of the database is lost it
// finds out, or says Unavailable.
type Taker interface {
	Take(ctx context.Context, p Pending) (stored Report, replayed bool, err error)
}

// Bodies knows the constituency.
type Bodies interface {
	// Body returns the active body that an AGS or an id names.
	Body(agsOrID string) (event.Organisation, bool)
	// Successor returns the body that took over from one that is gone.
	Successor(agsOrID string) (former, successor event.Organisation, ok bool)
	// Principals are for whom a person may do action under a mandate now, with
	// what the agent reported itself.
	Principals(person string, action actor.Action) map[string]bool
}

// Keys are intake's secrets.
type Keys struct {
	Code    []byte             // of the guests' codes
	Receipt ed25519.PrivateKey // of the receipts
}

// Desk is what can be done with reports. Page, API and feed call it.
type Desk struct {
	Store   Store
	Taker   Taker
	Bodies  Bodies
	Files   Files
	Keys    Keys
	MaxFile int64         // bytes of an attachment
	Promise time.Duration // the call-back that the CERT promises
	Guests  time.Duration // how long a code works after the last case closed
	Now     func() time.Time
}

// Submit takes a report in. All mistakes are returned at once; who may not
// report for a body is told so. Guests may report for any body: their report is
// unverified (design §7).
func (d *Desk) Submit(ctx context.Context, s Submission, o Occasion) (Report, bool, error) {
	now := d.now()
	s.Tidy(!o.By.SignedIn())
	fields := s.Check(now)
	bodies, denied := d.bodies(s, o.By, &fields)
	if denied != "" {
		d.noteDenied(ctx, o, actor.ReportCreate, "")
	}
	alert := ""
	if s.Alert != "" && len(s.Alert) <= 64 {
		a, err := d.Store.Alert(ctx, s.Alert)
		switch {
		case fault.Is(err, fault.NotFound):
			fields.Add("alert_id", "intake.err.alert", "this warning is not known")
		case err != nil:
			return Report{}, false, err
		}
		alert = a.ID
	}
	if err := fields.Err(); err != nil {
		return Report{}, false, err
	}
	if denied != "" {
		return Report{}, false, fault.New(fault.Forbidden, "you may not report for %s", denied)
	}
	r := Report{
		ID: event.NewID(), ReceivedAt: now, Channel: o.Channel, Verified: o.By.SignedIn(), Home: o.By.Home(),
		Reporter: event.Person{ID: o.By.Person, Name: o.By.Name}, Language: o.Language, Content: s.Content,
		Affected: bodies, AlertID: alert, CallbackBy: now.Add(d.Promise),
	}
	if !r.Verified {
		r.Reporter.Name = s.Callback.Name
	}
	if i := slices.IndexFunc(bodies, func(b Body) bool { return b.Agent.ID != "" }); i >= 0 {
		r.Home = bodies[i].Agent.ID // as whose agent it was sent, wherever else the person belongs
	}
	r.Sum = r.Digest()
	return d.Taker.Take(ctx, Pending{Report: r, Occasion: o})
}

// noteDenied writes that somebody signed in tried what they may not. It stands in
// nobody's way: the answer is no in any case.
func (d *Desk) noteDenied(ctx context.Context, o Occasion, action actor.Action, id string) {
	if o.By.SignedIn() {
		_ = d.Store.Note(ctx, Act{At: d.now(), By: o.By, Action: string(action), ObjectType: "report", ObjectID: id, RequestID: o.RequestID, Denied: true})
	}
}

// CodeOf is the guest's code of a report, grouped for people.
func (d *Desk) CodeOf(r Report) string { return FormatCode(Code(d.Keys.Code, r.ID)) }

// PartCodeOf is the code that opens what the report says about one body.
func (d *Desk) PartCodeOf(r Report, b Body) string {
	return FormatCode(PartCode(d.Keys.Code, r.ID, b.Organisation.ID))
}

// PartReceiptOf is the signed receipt of what the report says about one body.
func (d *Desk) PartReceiptOf(r Report, b Body) string { return r.PartReceipt(b).Sign(d.Keys.Receipt) }

// ReceiptOf is the signed receipt of a report.
func (d *Desk) ReceiptOf(r Report) string { return r.Receipt().Sign(d.Keys.Receipt) }

func (d *Desk) now() time.Time { return d.Now().UTC().Truncate(time.Microsecond) }
