// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Store keeps reports and what belongs to them.
type Store interface {
	// As reads on behalf of somebody: what the seer may not see is not there.
	As(seer actor.Seer) Reading
	// ID returns the id of the report that an id or a reference names; NotFound.
	ID(ctx context.Context, idOrReference string) (string, error)
	// ByKey returns the report that an idempotency key made; NotFound.
	ByKey(ctx context.Context, scope, key string) (Report, error)
	// Alert returns the copy of a warning by id or reference; NotFound.
	Alert(ctx context.Context, idOrReference string) (Alert, error)

	// The additions commit with their events and their line in the audit. With
	// a key that is known they return what the first one made, and replayed.
	AddMessage(ctx context.Context, m Message, n Note) (Message, bool, error)
	AddSupplement(ctx context.Context, s Supplement, n Note) (Supplement, bool, error)
	AddAttachment(ctx context.Context, a Attachment, n Note) (Attachment, bool, error)
	AddStep(ctx context.Context, s Step, n Note) (Step, bool, error)
	// AddBodies adds bodies to a report; Invalid when one is in it already, or when
	// it were too many. told are the events, of how many there are then: two who add
	// at once wait for each other, and the later one counts the earlier one's.
	AddBodies(ctx context.Context, x Extension, n Note, told func(total int) []event.Event) (Extension, bool, error)
	// Note writes lines of the audit by themselves.
	Note(ctx context.Context, acts ...Act) error

	// Drafts of the form; NotFound also when one has expired.
	SaveDraft(ctx context.Context, d Draft) error
	Draft(ctx context.Context, id string) (Draft, error)
	DeleteDraft(ctx context.Context, id string) error
}

// Reading is what one reader sees of reports.
type Reading interface {
	// Report returns a report with the status at each body; NotFound.
	Report(ctx context.Context, id string) (Report, error)
	ByReference(ctx context.Context, reference string) (Report, error)
	// List returns the newest first.
	List(ctx context.Context, f Filter) ([]Report, error)
	// Thread reads a window of what came after the report about one of the bodies,
	// and notes who read it, on behalf of each principal.
	Thread(ctx context.Context, id string, bodies []string, w Window, read ...Act) (Thread, error)
	// Accesses reads the log of an organisation, the newest first.
	Accesses(ctx context.Context, f AccessFilter) ([]Access, error)
}

// Note goes with a change: its events, its line in the audit, its key.
type Note struct {
	Events []event.Event
	Act    Act
	Also   []Act // further lines of the audit, one for each other principal
	Key    Key
}

// Files keeps attachments, encrypted before the first disk write.
type Files interface {
	// Put stores at most limit bytes under a key of its own; TooLarge.
	Put(ctx context.Context, body io.Reader, limit int64) (Stored, error)
	Open(ctx context.Context, key string) (io.ReadCloser, error)
	Delete(ctx context.Context, key string) error
}

// addition prepares what all additions share: the report as the author sees it,
// narrowed to the bodies that are addressed and to which the author may add.
func (d *Desk) addition(ctx context.Context, ref string, o Occasion, action actor.Action) (Report, Occasion, Entry, Note, error) {
	r, o, err := d.find(ctx, ref, o, action)
	if err == nil {
		r.Affected, err = d.addressed(r, o, action)
	}
	if err != nil {
		return Report{}, o, Entry{}, Note{}, err
	}
	author := event.Person{ID: o.By.Person, Name: o.By.Name}
	if !o.By.SignedIn() {
		author.Name = r.Callback.Name
	}
	e := Entry{ID: event.NewID(), Report: r.ID, Author: author, Bodies: bodyIDs(r.Affected), Agent: d.agentName(r, o, action), At: d.now()}
	act := Act{
		At: e.At, By: o.By, OnBehalf: behalf(r, o.By, action), Action: string(action),
		ObjectType: "report", ObjectID: r.ID, RequestID: o.RequestID,
	}
	return r, o, e, Note{Act: act, Also: also(r, o, action, act), Key: o.Key}, nil
}

// also are the further lines of the audit: each principal's own log shows what
// its agent did, and the own body's what its own people did beside that.
func also(r Report, o Occasion, action actor.Action, first Act) []Act {
	var out []Act
	seen := map[string]bool{first.OnBehalf: true}
	for _, b := range r.Affected {
		may := o.By.May(action, objectOf(r, b))
		if may.Allowed && !seen[may.OnBehalfOf] {
			seen[may.OnBehalfOf] = true
			act := first
			act.OnBehalf = may.OnBehalfOf
			out = append(out, act)
		}
	}
	return out
}

// forAll is one look at several bodies: one line of the audit that names each
// principal, so that each one's own log shows it. A provider opens a report about
// 605 bodies as one act; who looks for the own body too looks on nobody's behalf first.
func forAll(r Report, o Occasion, action actor.Action, look Act) Act {
	seen := map[string]bool{}
	for _, b := range r.Affected {
		switch may := o.By.May(action, objectOf(r, b)); {
		case may.Allowed && may.OnBehalfOf == "":
			look.OnBehalf = ""
		case may.OnBehalfOf != "" && !seen[may.OnBehalfOf]:
			seen[may.OnBehalfOf] = true
			look.Principals = append(look.Principals, may.OnBehalfOf)
		}
	}
	if len(look.Principals) == 1 && look.Principals[0] == look.OnBehalf {
		look.Principals = nil // OnBehalf says it all
	}
	return look
}

// addressed are the bodies that an addition is for. A body that deals with the
// report itself is left out of what its agent addresses to all, and refused when
// the agent names it.
func (d *Desk) addressed(r Report, o Occasion, action actor.Action) ([]Body, error) {
	wanted := map[string]int{}
	var f fault.Fields
	for i, ref := range o.To {
		org, ok := d.Bodies.Body(strings.TrimSpace(ref))
		if !ok || !slices.ContainsFunc(r.Affected, func(b Body) bool { return b.Organisation.ID == org.ID }) {
			f.Add(fmt.Sprintf("affected[%d]", i), "intake.err.affected.unknown", fmt.Sprintf("%.64q is none of the report's bodies", ref))
			continue
		}
		wanted[org.ID] = i
	}
	if err := f.Err(); err != nil {
		return nil, err
	}
	var out []Body
	for _, b := range r.Affected {
		i, named := wanted[b.Organisation.ID]
		if len(wanted) > 0 && !named {
			continue
		}
		if b.TakenOverAt != nil && d.agency(r, b, o, action).OnBehalf != "" {
			if named {
				f.Add(fmt.Sprintf("affected[%d]", i), "intake.err.affected.taken", b.Organisation.Name+" deals with this report itself")
			}
			continue
		}
		out = append(out, b)
	}
	if err := f.Err(); err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, fault.New(fault.Conflict, "the body deals with this report itself")
	}
	return out, nil
}

func meta(n Note, o Occasion, behalf string) event.Meta {
	return event.Meta{At: n.Act.At, Actor: o.By.ID(), OnBehalfOf: behalf, TraceParent: o.TraceParent}
}

// Say adds a message of the reporter's side, also to a closed report: there it
// only flags.
func (d *Desk) Say(ctx context.Context, ref, text string, o Occasion) (Message, bool, error) {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	var f fault.Fields
	if text == "" {
		f.Add("text", "intake.err.text", "write a message")
	}
	checkText(&f, "text", text, MaxText, true)
	r, o, e, n, err := d.addition(ctx, ref, o, actor.ReportMessage)
	if err != nil {
		return Message{}, false, err
	}
	if err := f.Err(); err != nil {
		return Message{}, false, err
	}
	for _, b := range r.Affected {
		as := d.agency(r, b, o, actor.ReportMessage)
		n.Events = append(n.Events, event.New(event.ReportMessagePosted{
			Report: r.ID, Reference: r.Reference, Message: e.ID,
			Affected: b.Organisation, Author: e.Author, OnBehalf: as.OnBehalf, Agent: as.agent(), Text: text, At: e.At,
		}, meta(n, o, as.OnBehalf)))
	}
	return d.Store.AddMessage(ctx, Message{Entry: e, Side: Reporter, Text: text}, n)
}

// Supplement adds what became known later.
func (d *Desk) Supplement(ctx context.Context, ref string, l Later, o Occasion) (Supplement, bool, error) {
	l.tidy()
	r, o, e, n, err := d.addition(ctx, ref, o, actor.ReportSupplement)
	if err != nil {
		return Supplement{}, false, err
	}
	fields := l.check(d.now())
	if err := fields.Err(); err != nil {
		return Supplement{}, false, err
	}
	s := Supplement{Entry: e, Description: l.Description, Fields: l.fields()}
	for _, b := range r.Affected {
		as := d.agency(r, b, o, actor.ReportSupplement)
		n.Events = append(n.Events, event.New(event.ReportSupplemented{
			Report: r.ID, Reference: r.Reference, Supplement: e.ID,
			Affected: b.Organisation, Author: e.Author, OnBehalf: as.OnBehalf, Agent: as.agent(), Description: s.Description,
			Fields: s.Fields, At: e.At,
		}, meta(n, o, as.OnBehalf)))
	}
	return d.Store.AddSupplement(ctx, s, n)
}

// Attach stores a file at a report. The bytes are encrypted on their way to the
// store; when the record cannot be written the blob goes again, so that nothing
// visible is left of an aborted upload.
func (d *Desk) Attach(ctx context.Context, ref string, f File, o Occasion) (Attachment, bool, error) {
	r, o, e, n, err := d.addition(ctx, ref, o, actor.AttachmentAdd)
	if err != nil {
		return Attachment{}, false, err
	}
	stored, err := d.Files.Put(ctx, f.Body, d.MaxFile)
	if err != nil {
		return Attachment{}, false, err
	}
	a := Attachment{
		Entry: e, Name: FileName(f.Name), MediaType: stored.MediaType, Size: stored.Size, SHA256: stored.SHA256, Blob: stored.Key,
		OnlyHome: d.onlyHome(r, o, f.ForAll),
	}
	kept, replayed, err := d.Store.AddAttachment(ctx, a, d.attaching(r, a, n, o))
	if replayed || err != nil && !fault.Is(err, fault.Unavailable) {
		// Unavailable may mean that it was stored: then the blob stays.
		_ = d.Files.Delete(context.WithoutCancel(ctx), stored.Key)
	}
	return kept, replayed, err
}

// onlyHome keeps a file that an agent adds to several bodies' parts with the
// agent, unless the agent says that they may all see it. It is the agent of the
// mandate, whatever else the person is, and whether they signed in or show the
// code.
func (d *Desk) onlyHome(r Report, o Occasion, forAll bool) string {
	if forAll || len(r.Affected) < 2 {
		return ""
	}
	for _, b := range r.Affected {
		if a := d.agency(r, b, o, actor.AttachmentAdd); a.OnBehalf != "" && a.Agent.ID != "" {
			return a.Agent.ID
		}
	}
	switch behalf := slices.ContainsFunc(r.Affected, func(b Body) bool { return b.OnBehalf != "" }); {
	case !behalf:
		return ""
	case o.By.SignedIn():
		return o.By.Home()
	}
	return r.Home
}

// attaching adds to a note the events of a file, one for each body, and the hash
// of what it is.
func (d *Desk) attaching(r Report, a Attachment, n Note, o Occasion) Note {
	n.Key.Hash = []byte(r.ID + " " + a.SHA256 + " " + a.Name)
	for _, b := range r.Affected {
		as := d.agency(r, b, o, actor.AttachmentAdd)
		n.Events = append(n.Events, event.New(event.ReportAttachmentAdded{
			Report: r.ID, Reference: r.Reference, Attachment: a.ID,
			Affected: b.Organisation, Author: a.Author, OnBehalf: as.OnBehalf, Agent: as.agent(), Name: a.Name, MediaType: a.MediaType,
			Size: a.Size, SHA256: a.SHA256, Blob: a.Blob, At: a.At,
		}, meta(n, o, as.OnBehalf)))
	}
	return n
}

// File returns an attachment's record and its decrypted bytes, and notes who
// took it. Only the reporter's side comes here; the CERT has its own door.
func (d *Desk) File(ctx context.Context, ref, id string, o Occasion) (Attachment, io.ReadCloser, error) {
	if !event.IsID(id) { // what cannot be a file is not noted as one that was taken
		return Attachment{}, nil, fault.New(fault.NotFound, "there is no such file")
	}
	r, o, err := d.find(ctx, ref, o, actor.AttachmentDownload)
	if err != nil {
		return Attachment{}, nil, err
	}
	act := Act{
		At: d.now(), By: o.By, OnBehalf: behalf(r, o.By, actor.AttachmentDownload), Action: string(actor.AttachmentDownload),
		ObjectType: "attachment", ObjectID: id, RequestID: o.RequestID,
	}
	t, err := d.Store.As(o.seer(actor.AttachmentDownload)).Thread(ctx, r.ID, bodyIDs(r.Affected), Window{File: id}, forAll(r, o, actor.AttachmentDownload, act))
	if err != nil {
		return Attachment{}, nil, err
	}
	for _, a := range d.seen(r, t, o).Attachments {
		if a.ID == id && a.DestroyedAt != nil {
			return a, nil, fault.New(fault.NotFound, "the file was destroyed when its period ended")
		}
		if a.ID == id {
			body, err := d.Files.Open(ctx, a.Blob)
			return a, body, err
		}
	}
	return Attachment{}, nil, fault.New(fault.NotFound, "there is no such file")
}
