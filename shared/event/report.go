// SPDX-License-Identifier: EUPL-1.2

package event

import "time"

// ReportSubmitted says that a report was taken in, one event for each affected
// body: same report id, own event id. Intake sends it to triage and notification.
type ReportSubmitted struct {
	Report        string        `json:"report"`
	Reference     string        `json:"reference"` // M-2026-000123
	Affected      Organisation  `json:"affected"`
	AffectedTotal int           `json:"affected_total"`
	Channel       string        `json:"channel"` // portal, guest, api, phone, mail
	Verified      bool          `json:"verified"`
	Reporter      Person        `json:"reporter"`
	OnBehalf      string        `json:"on_behalf,omitempty"`   // principal's organisation id when an agent reported
	Agent         *Organisation `json:"agent,omitempty"`       // who reported on the principal's behalf
	Mandate       string        `json:"mandate,omitempty"`     // id of the mandate that allowed it
	AddedLater    bool          `json:"added_later,omitempty"` // the body joined a report that was already in

	What          string    `json:"what"`
	Description   string    `json:"description,omitempty"`
	NoticedAt     time.Time `json:"noticed_at"`
	NoticedApprox bool      `json:"noticed_approx,omitempty"`
	Impact        string    `json:"impact"`
	StillRunning  string    `json:"still_running,omitempty"` // yes, no, unclear
	Systems       []string  `json:"systems,omitempty"`
	Callback      Contact   `json:"callback"`
	ReportContact *Contact  `json:"report_contact,omitempty"` // the report's own, where callback is this body's alone
	TLP           string    `json:"tlp"`
	HelpNeeded    []string  `json:"help_needed,omitempty"`
	Exercise      bool      `json:"exercise,omitempty"`
	Language      string    `json:"language,omitempty"`

	ReceivedAt time.Time `json:"received_at"`
	CallbackBy time.Time `json:"callback_by"` // what intake promised the reporter
	AlertID    string    `json:"alert_id,omitempty"`
}

// Type of the event.
func (ReportSubmitted) Type() string { return "report.submitted" }

// Subject of the event: ends in the affected body's region.
func (p ReportSubmitted) Subject() string { return p.Type() + "." + p.Affected.Region() }

// Key is the report's id.
func (p ReportSubmitted) Key() (string, int) { return p.Report, 0 }

// ReportSupplemented says that the reporter's side added to a report. Fields
// holds the later fields of the domain page (§1d, as far as S2) by their ids.
type ReportSupplemented struct {
	Report      string         `json:"report"`
	Reference   string         `json:"reference"`
	Supplement  string         `json:"supplement"`
	Affected    Organisation   `json:"affected"`
	Author      Person         `json:"author"`
	OnBehalf    string         `json:"on_behalf,omitempty"`
	Agent       *Organisation  `json:"agent,omitempty"`
	Description string         `json:"description,omitempty"`
	Fields      map[string]any `json:"fields,omitempty"`
	At          time.Time      `json:"at"`
}

// Type of the event.
func (ReportSupplemented) Type() string { return "report.supplemented" }

// Subject of the event.
func (p ReportSupplemented) Subject() string { return p.Type() + "." + p.Affected.Region() }

// Key is the report's id.
func (p ReportSupplemented) Key() (string, int) { return p.Report, 0 }

// ReportMessagePosted is a message of the reporter's side in the conversation.
type ReportMessagePosted struct {
	Report    string        `json:"report"`
	Reference string        `json:"reference"`
	Message   string        `json:"message"`
	Affected  Organisation  `json:"affected"`
	Author    Person        `json:"author"`
	OnBehalf  string        `json:"on_behalf,omitempty"`
	Agent     *Organisation `json:"agent,omitempty"`
	Text      string        `json:"text"`
	At        time.Time     `json:"at"`
}

// Type of the event.
func (ReportMessagePosted) Type() string { return "report.message.posted" }

// Subject of the event.
func (p ReportMessagePosted) Subject() string { return p.Type() + "." + p.Affected.Region() }

// Key is the report's id.
func (p ReportMessagePosted) Key() (string, int) { return p.Report, 0 }

// ReportAttachmentAdded says that a file was stored, encrypted to the age keys
// of intake and triage, under the blob key.
type ReportAttachmentAdded struct {
	Report     string        `json:"report"`
	Reference  string        `json:"reference"`
	Attachment string        `json:"attachment"`
	Affected   Organisation  `json:"affected"`
	Author     Person        `json:"author"`
	OnBehalf   string        `json:"on_behalf,omitempty"`
	Agent      *Organisation `json:"agent,omitempty"`
	Name       string        `json:"name"`
	MediaType  string        `json:"media_type"` // sniffed, advisory only
	Size       int64         `json:"size"`       // bytes of the plaintext
	SHA256     string        `json:"sha256"`     // hex, of the plaintext
	Blob       string        `json:"blob"`       // key in the shared bucket
	At         time.Time     `json:"at"`
}

// Type of the event.
func (ReportAttachmentAdded) Type() string { return "report.attachment.added" }

// Subject of the event.
func (p ReportAttachmentAdded) Subject() string { return p.Type() + "." + p.Affected.Region() }

// Key is the report's id.
func (p ReportAttachmentAdded) Key() (string, int) { return p.Report, 0 }

// ReportTakenOver says that an affected body deals with a report itself from
// now on, though its provider sent it: the CERT asks the body's own contact. The
// provider keeps what its mandate lets it read. Returned undoes it: the callback
// is the provider's again.
type ReportTakenOver struct {
	Report    string       `json:"report"`
	Reference string       `json:"reference"`
	Affected  Organisation `json:"affected"`
	Author    Person       `json:"author"`
	Callback  Contact      `json:"callback"` // whom to ask from now on
	Returned  bool         `json:"returned,omitempty"`
	At        time.Time    `json:"at"`
}

// Type of the event.
func (ReportTakenOver) Type() string { return "report.taken_over" }

// Subject of the event.
func (p ReportTakenOver) Subject() string { return p.Type() + "." + p.Affected.Region() }

// Key is the report's id.
func (p ReportTakenOver) Key() (string, int) { return p.Report, 0 }

// ReportContradicted says that an affected body does not agree with what its
// provider reported about it, in its own words. The report stays as it was sent.
type ReportContradicted struct {
	Report    string       `json:"report"`
	Reference string       `json:"reference"`
	Affected  Organisation `json:"affected"`
	Author    Person       `json:"author"`
	Text      string       `json:"text"`
	At        time.Time    `json:"at"`
}

// Type of the event.
func (ReportContradicted) Type() string { return "report.contradicted" }

// Subject of the event.
func (p ReportContradicted) Subject() string { return p.Type() + "." + p.Affected.Region() }

// Key is the report's id.
func (p ReportContradicted) Key() (string, int) { return p.Report, 0 }
