// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

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

// SubmitDraft takes a draft in as a report. The draft's id is the idempotency
// key: sending it twice gives the same report. The draft goes afterwards; when
// that fails it expires by itself.
func (d *Desk) SubmitDraft(ctx context.Context, dr Draft, s Submission, o Occasion) (Report, error) {
	o.Key = draftKey(dr.ID)
	r, _, err := d.Submit(ctx, s, o)
	if err != nil {
		return Report{}, err
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
