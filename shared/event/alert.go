// SPDX-License-Identifier: EUPL-1.2

package event

import "time"

// Product is an affected product in words; CSAF export builds on it.
type Product struct {
	Name     string `json:"name"`
	Versions string `json:"versions,omitempty"`
}

// Audience is who an alert is for: all lists narrow, empty ones do not.
type Audience struct {
	Levels        []string `json:"levels,omitempty"`
	Kreise        []string `json:"kreise,omitempty"`        // 5 digits
	Organisations []string `json:"organisations,omitempty"` // ids; when given, only these
}

// Poll is the question of an alert to its audience.
type Poll struct {
	Question string     `json:"question"`
	DueAt    *time.Time `json:"due_at,omitempty"`
}

// Alert is one published version of a warning.
type Alert struct {
	ID           string     `json:"id"`
	Reference    string     `json:"reference"` // W-2026-0018
	Version      int        `json:"version"`
	State        string     `json:"state"` // draft, published, withdrawn
	Title        string     `json:"title"`
	Summary      string     `json:"summary"`
	Text         string     `json:"text"`
	Severity     string     `json:"severity"`
	WarningLevel int        `json:"warning_level"` // BSI 1–4
	TLP          string     `json:"tlp"`
	Category     string     `json:"category,omitempty"`
	Products     []Product  `json:"products,omitempty"`
	CVEs         []string   `json:"cves,omitempty"`
	CaseID       string     `json:"case_id,omitempty"`
	Audience     Audience   `json:"audience"`
	AudienceSize int        `json:"audience_size"` // organisations
	Poll         *Poll      `json:"poll,omitempty"`
	Exercise     bool       `json:"exercise,omitempty"`
	Author       Person     `json:"author"`
	Approver     Person     `json:"approver"`
	PublishedAt  time.Time  `json:"published_at"`
	ValidUntil   *time.Time `json:"valid_until,omitempty"`
	WithdrawnAt  *time.Time `json:"withdrawn_at,omitempty"`
}

// Key is the alert's id and version.
func (a Alert) Key() (string, int) { return a.ID, a.Version }

// AlertPublished says that a second person released an alert.
type AlertPublished struct {
	Alert
	Bodies []string `json:"bodies,omitempty"` // ids of the organisations that get it
}

// Type of the event.
func (AlertPublished) Type() string { return "alert.published" }

// Subject of the event.
func (p AlertPublished) Subject() string { return p.Type() }

// AlertWithdrawn ends an alert ("Entwarnung").
type AlertWithdrawn struct{ Alert }

// Type of the event.
func (AlertWithdrawn) Type() string { return "alert.withdrawn" }

// Subject of the event.
func (p AlertWithdrawn) Subject() string { return p.Type() }

// PollAnswered is one organisation's answer to an alert; a later one replaces it.
type PollAnswered struct {
	Alert        string        `json:"alert"`
	Reference    string        `json:"reference"`
	AlertVersion int           `json:"alert_version"`
	Organisation Organisation  `json:"organisation"`
	Author       Person        `json:"author"`
	OnBehalf     string        `json:"on_behalf,omitempty"`
	Agent        *Organisation `json:"agent,omitempty"`    // who answered on the organisation's behalf
	Answer       string        `json:"answer"`             // not_affected, fixed, mitigating, help, checking
	Previous     string        `json:"previous,omitempty"` // the answer it replaces
	Detail       string        `json:"detail,omitempty"`   // not_in_use, in_use, patched, compromised
	Text         string        `json:"text,omitempty"`
	At           time.Time     `json:"at"`
}

// Type of the event.
func (PollAnswered) Type() string { return "poll.answered" }

// Subject of the event.
func (p PollAnswered) Subject() string { return p.Type() }

// Key is the alert's id.
func (p PollAnswered) Key() (string, int) { return p.Alert, 0 }

// DeliveryFailed says that a recipient could not be reached on a channel.
type DeliveryFailed struct {
	Delivery     string    `json:"delivery"`
	Organisation string    `json:"organisation,omitempty"`
	Person       string    `json:"person,omitempty"`
	Recipient    string    `json:"recipient,omitempty"` // the address, only of what goes to the constituency itself
	Channel      string    `json:"channel"`
	Reason       string    `json:"reason"`
	Alert        string    `json:"alert,omitempty"`
	Case         string    `json:"case,omitempty"`
	At           time.Time `json:"at"`
}

// Type of the event.
func (DeliveryFailed) Type() string { return "delivery.failed" }

// Subject of the event.
func (p DeliveryFailed) Subject() string { return p.Type() }

// Key is the delivery's id.
func (p DeliveryFailed) Key() (string, int) { return p.Delivery, 0 }
