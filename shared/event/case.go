// SPDX-License-Identifier: EUPL-1.2

package event

import "time"

// Clock is one running duty of a case.
type Clock struct {
	Rule    string     `json:"rule"` // TH-ACK, DSGVO-33
	State   string     `json:"state"`
	StartAt *time.Time `json:"start_at,omitempty"`
	DueAt   *time.Time `json:"due_at,omitempty"`
	DoneAt  *time.Time `json:"done_at,omitempty"`
}

// ReportRef names a report that feeds a case.
type ReportRef struct {
	ID        string `json:"id"`
	Reference string `json:"reference"`
}

// CampaignRef names a campaign: several cases with one cause.
type CampaignRef struct {
	ID        string `json:"id"`
	Reference string `json:"reference"` // L-2026-0007
}

// Case is the snapshot of a case file that other services may keep. It carries
// no notes and no messages.
type Case struct {
	ID           string       `json:"id"`
	Reference    string       `json:"reference"` // V-2026-000147
	Version      int          `json:"version"`
	State        string       `json:"state"`
	Severity     string       `json:"severity"`
	TLP          string       `json:"tlp"`
	Class        string       `json:"class,omitempty"` // RSIT class:type
	Disposition  string       `json:"disposition,omitempty"`
	Title        string       `json:"title"`
	What         string       `json:"what"`
	Organisation Organisation `json:"organisation"`
	Verified     bool         `json:"verified"`
	Exercise     bool         `json:"exercise,omitempty"`
	Reports      []ReportRef  `json:"reports"`
	Assignee     *Person      `json:"assignee,omitempty"`
	Campaign     *CampaignRef `json:"campaign,omitempty"` // for the CERT alone: it tells that others are affected
	Clocks       []Clock      `json:"clocks,omitempty"`
	ReportStatus string       `json:"report_status"` // received, in_progress, waiting_for_you, resolved, closed
	MergedInto   string       `json:"merged_into,omitempty"`
	Hold         bool         `json:"hold,omitempty"`   // a legal hold: nobody deletes what belongs to it
	Locked       bool         `json:"locked,omitempty"` // need to know: of the analysts only who has it assigned reads it; its reports, too
	ReceivedAt   time.Time    `json:"received_at"`
	OpenedAt     time.Time    `json:"opened_at"`
	ChangedAt    time.Time    `json:"changed_at"`
	ClosedAt     *time.Time   `json:"closed_at,omitempty"`
}

// Key is the case's id and version.
func (c Case) Key() (string, int) { return c.ID, c.Version }

// CaseOpened says that triage opened a case file.
type CaseOpened struct{ Case }

// Type of the event.
func (CaseOpened) Type() string { return "case.opened" }

// Subject of the event: ends in the organisation's region.
func (p CaseOpened) Subject() string { return p.Type() + "." + p.Organisation.Region() }

// CaseUpdated says that a case changed; What changed is in the snapshot.
type CaseUpdated struct{ Case }

// Type of the event.
func (CaseUpdated) Type() string { return "case.updated" }

// Subject of the event.
func (p CaseUpdated) Subject() string { return p.Type() + "." + p.Organisation.Region() }

// CaseClosed says that the work on a case ended.
type CaseClosed struct{ Case }

// Type of the event.
func (CaseClosed) Type() string { return "case.closed" }

// Subject of the event.
func (p CaseClosed) Subject() string { return p.Type() + "." + p.Organisation.Region() }

// CaseMessagePosted is a message of the CERT to the reporter's side. Intake
// shows it at each of the reports, notification mails a pointer to it. One order
// that wrote to many cases is one Batch: who deals with several of them is told once.
type CaseMessagePosted struct {
	Case         string       `json:"case"`
	Reference    string       `json:"reference"`
	Message      string       `json:"message"`
	Organisation Organisation `json:"organisation"`
	Reports      []ReportRef  `json:"reports"`
	Author       Person       `json:"author"`
	TLP          string       `json:"tlp"`
	Text         string       `json:"text"`
	At           time.Time    `json:"at"`
	Batch        string       `json:"batch,omitempty"` // id of the order that wrote it to many cases
}

// Type of the event.
func (CaseMessagePosted) Type() string { return "case.message.posted" }

// Subject of the event.
func (p CaseMessagePosted) Subject() string { return p.Type() + "." + p.Organisation.Region() }

// Key is the case's id.
func (p CaseMessagePosted) Key() (string, int) { return p.Case, 0 }
