// SPDX-License-Identifier: EUPL-1.2

package message

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/services/notification/internal/alert"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/tlp"
)

// ReceiptData is all that a receipt says of a report: no word of its content.
type ReceiptData struct {
	Reference  string    `json:"reference"`
	What       string    `json:"what"` // for the first steps; "" from AMBER+STRICT on, whose mails say nothing
	ReceivedAt time.Time `json:"received_at"`
	CallbackBy time.Time `json:"callback_by"`
	Exercise   bool      `json:"exercise,omitempty"`
	Bodies     int       `json:"bodies,omitempty"` // affected, when more than one
}

// QuestionData points to a new message. Reference is empty from AMBER+STRICT on.
type QuestionData struct {
	Reference string  `json:"reference,omitempty"` // of the report, for the link
	Case      string  `json:"case,omitempty"`
	TLP       string  `json:"tlp"`
	About     string  `json:"about,omitempty"`   // see Notice.About
	Owner     string  `json:"owner,omitempty"`   // see Notice.Owner
	Bundle    bool    `json:"bundle,omitempty"`  // one of many cases' messages, and the TLP lets the mail say so
	Several   bool    `json:"several,omitempty"` // its reader deals with several bodies
	Asked     []Asked `json:"asked,omitempty"`   // what it points to
}

// Asked is one message that a notice points to: ids, and the case's number where
// the TLP lets a mail name it.
type Asked struct {
	Message   string    `json:"message"`
	Report    string    `json:"report"`
	Case      string    `json:"case"`
	Reference string    `json:"reference,omitempty"`
	Body      string    `json:"body"`
	TLP       string    `json:"tlp"`
	At        time.Time `json:"at"`
}

// Told is a message with whom it was told to.
type Told struct {
	Asked
	To []string // addresses
}

// event is the message again, as far as a mail needs it.
func (a Asked) event() event.CaseMessagePosted {
	return event.CaseMessagePosted{Case: a.Case, Reference: a.Reference, Message: a.Message, Organisation: event.Organisation{ID: a.Body}, TLP: a.TLP, At: a.At}
}

// OnCallData calls the duty. It names no organisation (ux §5).
type OnCallData struct {
	Case      string     `json:"case"`
	Reference string     `json:"reference"`
	DueAt     *time.Time `json:"due_at,omitempty"`
	OpenedAt  time.Time  `json:"opened_at"`
	Assigned  bool       `json:"assigned"`
	Campaign  string     `json:"campaign,omitempty"` // reference; the call is about all its cases
	Exercise  bool       `json:"exercise,omitempty"`
}

// InvitationData holds the token until the mail is sent; then it is wiped.
type InvitationData struct {
	Organisation string    `json:"organisation"`
	Token        string    `json:"token,omitempty"`
	ExpiresAt    time.Time `json:"expires_at"`
}

// WantedData is what the directory wants said. The words of Kind are the
// letter's; Path may carry a token and is wiped when the mail is gone.
type WantedData struct {
	Kind         string            `json:"kind"`
	Organisation string            `json:"organisation,omitempty"`
	Path         string            `json:"path,omitempty"`
	Words        map[string]string `json:"words,omitempty"`
	ExpiresAt    *time.Time        `json:"expires_at,omitempty"`
}

// Contact is how notification reaches the reporter of a report.
type Contact struct {
	Report    string
	Reference string
	Language  string
	To        []To
}

// reporter is the person who reported, "" for a guest.
func (c Contact) reporter() string {
	for _, t := range c.To {
		if t.Person != "" {
			return t.Person
		}
	}
	return ""
}

// ContactOf reads the reporter's addresses from a report: the call-back address
// and the address of the person who was signed in, each once.
func ContactOf(r event.ReportSubmitted, person *To) Contact {
	lang := r.Language
	if lang != "en" {
		lang = "de"
	}
	c := Contact{Report: r.Report, Reference: r.Reference, Language: lang}
	to := r.Callback
	if r.ReportContact != nil { // the contact of one body is not to learn of the others
		to = *r.ReportContact
	}
	if alert.ValidEmail(to.Email) {
		c.To = append(c.To, To{Email: to.Email, Name: to.Name, Language: lang})
	}
	if person != nil && alert.ValidEmail(person.Email) {
		if len(c.To) > 0 && strings.EqualFold(c.To[0].Email, person.Email) {
			c.To[0].Person, c.To[0].Organisation = person.Person, person.Organisation
			return c
		}
		c.To = append(c.To, *person)
	}
	return c
}

// ReceiptOf confirms a report to its reporter: once, though there is one event
// for each affected body.
func ReceiptOf(id string, r event.ReportSubmitted, now time.Time) Notice {
	what := ""
	if l, err := tlp.Parse(r.TLP); err == nil && l.MailShowsTitle() {
		what = r.What // the steps to take tell what happened
	}
	bodies := 0
	if r.AffectedTotal > 1 {
		bodies = r.AffectedTotal
	}
	return Notice{
		ID: id, Key: "receipt:" + r.Report, Kind: Receipt, Report: r.Report, CreatedAt: now,
		Data: encode(ReceiptData{
			Reference: r.Reference, What: what, ReceivedAt: r.ReceivedAt,
			CallbackBy: r.CallbackBy, Exercise: r.Exercise, Bodies: bodies,
		}),
	}
}

// QuestionOf points the reporter of one report to a message of the CERT. The
// mail never carries the text; from AMBER+STRICT on not even the case's number.
func QuestionOf(id string, m event.CaseMessagePosted, c Contact, now time.Time) Notice {
	data, asked := QuestionData{Reference: c.Reference, TLP: m.TLP, About: m.Organisation.ID, Owner: c.reporter()}, askedOf(m, c)
	data.Case, data.Asked = asked.Reference, []Asked{asked}
	return Notice{
		ID: id, Key: "question:" + m.Message + ":" + c.Report, Kind: Question, Report: c.Report, Case: m.Case,
		Data: encode(data), CreatedAt: now,
	}
}

// BundleOf is QuestionOf for one recipient of what the CERT wrote to many cases
// at once: one notice for each recipient, however many of the cases are theirs.
// It names no case and no body, so that it may stand for any of them. A person
// finds all reports behind the sign-in; a plain address gets one for each report.
func BundleOf(id string, m event.CaseMessagePosted, c Contact, to To, several bool, now time.Time) Notice {
	n := QuestionOf(id, m, c, now)
	asked := askedOf(m, c)
	n.Data = encode(QuestionData{
		Reference: c.Reference, TLP: m.TLP, About: m.Organisation.ID, Owner: c.reporter(), Bundle: asked.Reference != "", Several: several && asked.Reference != "", Asked: []Asked{asked},
	})
	who := strings.ToLower(to.Email)
	if to.Person == "" {
		who += " " + c.Report
	}
	sum := sha256.Sum256([]byte(who))
	n.Key = "question:batch:" + m.Batch + ":" + hex.EncodeToString(sum[:16])
	return n
}

// AgainOf tells a message to the side that was to be asked when it was written,
// though the mail had gone to the other one before the change was known here.
func AgainOf(id string, a Asked, c Contact, to To, now time.Time) Notice {
	n := QuestionOf(id, a.event(), c, now)
	sum := sha256.Sum256([]byte(strings.ToLower(to.Email)))
	n.Key += ":" + hex.EncodeToString(sum[:16])
	return n
}

func askedOf(m event.CaseMessagePosted, c Contact) Asked {
	a := Asked{Message: m.Message, Report: c.Report, Case: m.Case, Body: m.Organisation.ID, TLP: m.TLP, At: m.At}
	if l, err := tlp.Parse(m.TLP); err == nil && l.MailShowsTitle() {
		a.Reference = m.Reference
	}
	return a
}

// NeedsCall reports whether a case calls the duty: critical and not over.
func NeedsCall(c event.Case) bool {
	switch c.State {
	case "resolved", "closed", "merged":
		return false
	}
	return c.Severity == "critical"
}

// OnCallOf calls the duty to a critical case, once per case, and once for all
// cases of a campaign: 605 critical cases are one call.
func OnCallOf(id string, c event.Case, now time.Time) Notice {
	data := OnCallData{Case: c.ID, Reference: c.Reference, OpenedAt: c.OpenedAt, Assigned: c.Assignee != nil, Exercise: c.Exercise}
	for _, k := range c.Clocks {
		if k.DueAt != nil && k.DoneAt == nil && (data.DueAt == nil || k.DueAt.Before(*data.DueAt)) {
			data.DueAt = k.DueAt
		}
	}
	key := "on_call:" + c.ID
	if c.Campaign != nil {
		key, data.Campaign = "on_call:campaign:"+c.Campaign.ID, c.Campaign.Reference
	}
	return Notice{ID: id, Key: key, Kind: OnCall, Case: c.ID, Data: encode(data), CreatedAt: now}
}

// InvitationOf invites a person to sign in for the first time.
func InvitationOf(id, eventID string, p event.PersonInvited, now time.Time) Notice {
	return Notice{
		ID: id, Key: "invitation:" + eventID, Kind: Invitation, CreatedAt: now,
		Data: encode(InvitationData{Organisation: p.Organisation.Name, Token: p.Token, ExpiresAt: p.ExpiresAt}),
	}
}

// WantedOf says what the directory wants said, once for each wish. Words that
// are no text are left out, and an address outside of this site is none.
func WantedOf(id string, w event.NoticeWanted, now time.Time) Notice {
	d := WantedData{Kind: w.Kind, Organisation: w.Organisation.Name, Words: map[string]string{}, ExpiresAt: w.ExpiresAt}
	if OnThisSite(w.Path) {
		d.Path = w.Path
	}
	for k, v := range w.Data {
		if s, ok := v.(string); ok {
			d.Words[k] = s
		}
	}
	return Notice{ID: id, Key: "notice:" + w.ID, Kind: Wanted, CreatedAt: now, Data: encode(d)}
}

// OnThisSite reports whether a path leads to a page of this site and nowhere
// else: no second slash, no backslash, nothing that ends a line.
func OnThisSite(path string) bool {
	return strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") &&
		!strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r == '\\' || r >= 0x7f })
}

func encode(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("message: %T cannot be encoded: %v", v, err)) // own structs: cannot happen
	}
	return b
}
