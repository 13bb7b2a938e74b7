// SPDX-License-Identifier: EUPL-1.2

package message

import (
	"time"

	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/tlp"
)

// Member is a body that its provider reported for.
type Member struct {
	Report       string
	Organisation string
	Agent        string // the provider's name
	To           []To   // the body's own contact, once it took the report over
}

// TakenOver reports whether the body deals with the report itself.
func (m Member) TakenOver() bool { return len(m.To) > 0 }

// ReportedData tells a body that its provider reported for it. It knows of no
// other body. From AMBER+STRICT on only that there is something to read.
type ReportedData struct {
	Reference  string    `json:"reference"`
	Agent      string    `json:"agent,omitempty"`
	ReceivedAt time.Time `json:"received_at"`
	Open       bool      `json:"open,omitempty"` // the TLP lets the mail say what it is about
	Later      bool      `json:"later,omitempty"`
	Exercise   bool      `json:"exercise,omitempty"`
	About      string    `json:"about,omitempty"` // see Notice.About
}

// CopyData points a body to a question that its provider answers for it.
type CopyData struct {
	Reference string `json:"reference"`
	Case      string `json:"case,omitempty"`
	Agent     string `json:"agent,omitempty"`
	Open      bool   `json:"open,omitempty"`
	About     string `json:"about,omitempty"` // see Notice.About
}

// ReportedOf tells a body that its provider reported for it, once per report and body.
func ReportedOf(id string, r event.ReportSubmitted, agent string, now time.Time) Notice {
	data := ReportedData{Reference: r.Reference, ReceivedAt: r.ReceivedAt, Later: r.AddedLater, Exercise: r.Exercise, About: r.Affected.ID}
	if l, err := tlp.Parse(r.TLP); err == nil && l.MailShowsTitle() {
		data.Agent, data.Open = agent, true
	}
	return Notice{
		ID: id, Key: "reported:" + r.Report + ":" + r.Affected.ID, Kind: Reported, Report: r.Report,
		Data: encode(data), CreatedAt: now,
	}
}

// CopyOf points a body to a question of the CERT that went to its provider.
func CopyOf(id string, m event.CaseMessagePosted, c Contact, agent string, now time.Time) Notice {
	data := CopyData{Reference: c.Reference, About: m.Organisation.ID}
	if l, err := tlp.Parse(m.TLP); err == nil && l.MailShowsTitle() {
		data.Case, data.Agent, data.Open = m.Reference, agent, true
	}
	return Notice{
		ID: id, Key: "copy:" + m.Message + ":" + c.Report, Kind: Copy, Report: c.Report, Case: m.Case,
		Data: encode(data), CreatedAt: now,
	}
}
