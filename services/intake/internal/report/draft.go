// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Draft is an unfinished report of the form. It is kept for a day, and who has
// its code opens it on any device. It holds what was typed, right or wrong, so
// that nothing is lost.
type Draft struct {
	ID        string // DraftID of the code: the code itself is stored nowhere
	Form      Form
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Form is what was typed.
type Form struct {
	What         string   `json:"what,omitempty"`
	Description  string   `json:"description,omitempty"`
	Impact       string   `json:"impact,omitempty"`
	NoticedAt    string   `json:"noticed_at,omitempty"` // as the input sends it, local time
	Approx       bool     `json:"approx,omitempty"`
	StillRunning string   `json:"still_running,omitempty"`
	Systems      []string `json:"systems,omitempty"`
	Affected     []string `json:"affected,omitempty"` // chosen organisation ids
	Body         string   `json:"body,omitempty"`     // as typed
	FreeText     bool     `json:"free_text,omitempty"`
	Name         string   `json:"name,omitempty"`
	Phone        string   `json:"phone,omitempty"`
	Email        string   `json:"email,omitempty"`
	Help         []string `json:"help,omitempty"`
	Exercise     bool     `json:"exercise,omitempty"`
	Alert        string   `json:"alert,omitempty"`
	Photo        *Photo   `json:"photo,omitempty"`

	PhotoForAll bool                  `json:"photo_for_all,omitempty"` // also for the people of the affected bodies
	List        string                `json:"list,omitempty"`          // a list of members that is being looked at
	Members     map[string]Particular `json:"members,omitempty"`       // what holds for single bodies alone, by id
}

// Photo is a file that was chosen in the form. It lies encrypted in the store
// and becomes an attachment when the report is sent; with the draft it expires.
type Photo struct {
	Name      string `json:"name"`
	MediaType string `json:"media_type"`
	Size      int64  `json:"size"`
	SHA256    string `json:"sha256"`
	Blob      string `json:"blob"`
}

// DraftID is under what a code's draft is stored.
func DraftID(code string) string {
	sum := sha256.Sum256([]byte("draft\x00" + code))
	return hex.EncodeToString(sum[:])
}

// MaskPhone hides a number from whoever opens a draft elsewhere: the last two
// digits stay, so that its owner knows it again.
func MaskPhone(p string) string {
	var b strings.Builder
	digits := 0
	for _, r := range p {
		if r >= '0' && r <= '9' {
			digits++
		}
	}
	n := 0
	for _, r := range p {
		if r >= '0' && r <= '9' {
			n++
			if n > digits-2 {
				b.WriteRune(r)
				continue
			}
			b.WriteRune('•')
			continue
		}
		if r == '+' || r == ' ' || r == '/' || r == '-' {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// NewDraft keeps an empty form, or one that is filled in, and returns its code.
func (d *Desk) NewDraft(ctx context.Context, f Form, keep time.Duration) (code string, err error) {
	code = NewCode()
	now := d.now()
	return code, d.Store.SaveDraft(ctx, Draft{ID: DraftID(code), Form: f, CreatedAt: now, ExpiresAt: now.Add(keep)})
}

// Draft opens a draft by its code; NotFound when it has expired or never was.
func (d *Desk) Draft(ctx context.Context, code string) (Draft, error) {
	dr, err := d.Store.Draft(ctx, DraftID(code))
	if err != nil {
		return Draft{}, err
	}
	if !d.now().Before(dr.ExpiresAt) {
		return Draft{}, fault.New(fault.NotFound, "this draft has expired")
	}
	return dr, nil
}

// TakePhoto stores a file for a draft; TooLarge when it is.
func (d *Desk) TakePhoto(ctx context.Context, f File) (*Photo, error) {
	stored, err := d.Files.Put(ctx, f.Body, d.MaxFile)
	if err != nil {
		return nil, err
	}
	return &Photo{Name: FileName(f.Name), MediaType: stored.MediaType, Size: stored.Size, SHA256: stored.SHA256, Blob: stored.Key}, nil
}

// DropPhoto removes a file that no draft names any more.
func (d *Desk) DropPhoto(ctx context.Context, p *Photo) {
	if p != nil {
		_ = d.Files.Delete(context.WithoutCancel(ctx), p.Blob)
	}
}

// SubmitDraft takes a draft in as a report. The draft's id is the idempotency
// key: sending it twice gives the same report, and its photo once. The draft
// goes afterwards; when that fails it expires by itself.
func (d *Desk) SubmitDraft(ctx context.Context, dr Draft, s Submission, o Occasion) (Report, error) {
	o.Key = draftKey(dr.ID)
	r, _, err := d.Submit(ctx, s, o)
	if err != nil {
		return Report{}, err
	}
	if p := dr.Form.Photo; p != nil {
		author := r.Reporter
		e := Entry{ID: event.NewID(), Report: r.ID, Author: author, Bodies: bodyIDs(r.Affected), Agent: d.agentName(r, o, actor.ReportCreate), At: d.now()}
		n := Note{Key: Key{Scope: "form", Key: "photo " + dr.ID}, Act: Act{
			At: e.At, By: o.By, OnBehalf: behalf(r, o.By, actor.ReportCreate),
			Action: string(actor.AttachmentAdd), ObjectType: "report", ObjectID: r.ID, RequestID: o.RequestID,
		}}
		n.Also = also(r, o, actor.ReportCreate, n.Act)
		a := Attachment{Entry: e, Name: p.Name, MediaType: p.MediaType, Size: p.Size, SHA256: p.SHA256, Blob: p.Blob, OnlyHome: d.onlyHome(r, o, dr.Form.PhotoForAll)}
		if _, _, err := d.Store.AddAttachment(ctx, a, d.attaching(r, a, n, o)); err != nil {
			return Report{}, err // sent again, the report is the same and the photo is tried again
		}
	}
	_ = d.Store.DeleteDraft(context.WithoutCancel(ctx), dr.ID)
	return r, nil
}

// OfDraft returns the report that a draft's code became, for a day.
func (d *Desk) OfDraft(ctx context.Context, code string, keep time.Duration) (Report, error) {
	k := draftKey(DraftID(code))
	r, err := d.Store.ByKey(ctx, k.Scope, k.Key)
	if err != nil {
		return Report{}, err
	}
	if !d.now().Before(r.ReceivedAt.Add(keep)) {
		return Report{}, notThere()
	}
	return r, nil
}

func draftKey(id string) Key {
	sum := sha256.Sum256([]byte(id))
	return Key{Scope: "form", Key: id, Hash: sum[:]}
}
