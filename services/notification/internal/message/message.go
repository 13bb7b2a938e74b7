// SPDX-License-Identifier: EUPL-1.2

// Package message holds what is to be said to whom: notices, their deliveries,
// when a delivery is tried again, and the mails that are no alerts. It sends
// nothing itself.
package message

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/thueringencert/leitstelle/services/notification/internal/alert"
)

// Kind of a notice.
type Kind string

// The kinds.
const (
	Alert      Kind = "alert"
	AllClear   Kind = "all_clear"
	Receipt    Kind = "receipt"
	Question   Kind = "question"
	OnCall     Kind = "on_call"
	Invitation Kind = "invitation"
	Reported   Kind = "reported" // to a body: its provider reported for it
	Copy       Kind = "copy"     // to a body: its provider was asked
	Wanted     Kind = "notice"   // what the directory wants said; its own kind names the words
)

// Kinds lists every kind.
func Kinds() []Kind {
	return []Kind{Alert, AllClear, Receipt, Question, OnCall, Invitation, Reported, Copy, Wanted}
}

// Priority orders what waits: a call to the duty and a receipt never stand
// behind 2,000 warnings.
func (k Kind) Priority() int {
	switch k {
	case OnCall:
		return 0
	case Receipt, Question, Invitation, Reported, Copy, Wanted:
		return 1
	case Alert, AllClear:
	}
	return 2
}

// Notice is one thing to say. Key is unique: the same cause never says it twice.
type Notice struct {
	ID        string
	Key       string
	Kind      Kind
	Alert     string // id, for alerts
	Version   int    // of the alert
	Case      string
	Report    string
	Data      json.RawMessage // one of the structs below, or event.Alert
	CreatedAt time.Time
}

// Over reports whether the time to say it has passed: a link that opens nothing
// any more is not worth a mail.
func (n Notice) Over(now time.Time) bool {
	switch n.Kind {
	case Invitation, Wanted:
		var d struct {
			ExpiresAt *time.Time `json:"expires_at"`
		}
		return json.Unmarshal(n.Data, &d) == nil && d.ExpiresAt != nil && now.After(*d.ExpiresAt)
	case Alert, AllClear, Receipt, Reported, Question, Copy, OnCall:
	}
	return false
}

// About is the id of the body whose report a notice points to, "" for others.
// Who may read it is asked again in the moment of sending.
func (n Notice) About() string {
	switch n.Kind {
	case Question, Copy, Reported:
		var d struct {
			About string `json:"about"`
		}
		if json.Unmarshal(n.Data, &d) == nil {
			return d.About
		}
	case Alert, AllClear, Receipt, OnCall, Invitation, Wanted:
	}
	return ""
}

// Owner is the person who reported what a question is about, "" for a guest and
// for other notices: one's own reports stay readable in some roles.
func (n Notice) Owner() string {
	var d struct {
		Owner string `json:"owner"`
	}
	if n.Kind != Question || json.Unmarshal(n.Data, &d) != nil {
		return ""
	}
	return d.Owner
}

// Bodies are those of Notice.About, all of a question that points to messages
// about several.
func (n Notice) Bodies() []string {
	var d struct {
		Asked []Asked `json:"asked"`
	}
	if n.Kind != Question || json.Unmarshal(n.Data, &d) != nil || len(d.Asked) < 2 {
		return []string{n.About()}
	}
	out := make([]string, len(d.Asked))
	for i, a := range d.Asked {
		out[i] = a.Body
	}
	return out
}

// State of a delivery (design §7).
type State string

// The states.
const (
	Pending   State = "pending"
	Sent      State = "sent"
	Failed    State = "failed"
	Bounced   State = "bounced"
	Cancelled State = "cancelled"
)

// Email is the channel of mails.
const Email = "email"

// Delivery is one notice, one recipient, one channel.
type Delivery struct {
	ID           string
	Notice       string
	Channel      string
	Recipient    string // address of the channel
	Name         string
	Language     string
	Person       string
	Organisation string
	Bodies       []string // bodies of an alert's audience it is for
	Principals   []string // those under a mandate
	Salt         []byte   // of the answer link
	Attempts     int      // before this one
	CreatedAt    time.Time
	ClaimedUntil time.Time
}

// To is a recipient before it is a delivery.
type To struct {
	Email, Name, Language, Person, Organisation string
}

// MessageID is the same for every attempt of a delivery, so that a mailbox can
// fold a mail that came twice (RFC 5322 §3.6.4, RFC 1047).
func (d Delivery) MessageID(host string) string {
	h := sha256.Sum256([]byte("delivery " + d.ID))
	return hex.EncodeToString(h[:16]) + "@" + host
}

// Mail is a message ready to go.
type Mail struct {
	To        string
	Subject   string
	Text      string // plain, LF line ends
	MessageID string
	ListID    string // "" for none
	Return    string // where mail servers report failures; "" for the sender's address
	Alert     string // reference, for the machine header
	Urgent    bool
}

// Addressed reports whether the mail goes to exactly one plain address.
func (m Mail) Addressed() bool { return alert.ValidEmail(m.To) }

// Result of one attempt.
type Result struct {
	Delivery Delivery
	State    State // Pending: try again at Next
	Next     time.Time
	Reason   string
	At       time.Time
	Released bool // not tried at all: no attempt counts
}

// waits are the pauses after the first attempts (failure model F22); the last
// one repeats.
var waits = []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute}

// GiveUp is how long a message is tried; RFC 5321 asks for 4 to 5 days.
const GiveUp = 4 * 24 * time.Hour

// After says when to try again after so many failed attempts, or false to give up.
func After(attempts int, created, now time.Time) (time.Time, bool) {
	if now.Sub(created) > GiveUp {
		return time.Time{}, false
	}
	return now.Add(waits[min(max(attempts, 1), len(waits))-1]), true
}
