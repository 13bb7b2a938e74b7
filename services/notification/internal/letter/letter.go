// SPDX-License-Identifier: EUPL-1.2

// Package letter writes mails: one template a kind and language, plain text,
// at most 72 columns, nothing in the subject that a recipient of the TLP label
// must not see there. The templates are files that the CERT may word anew.
package letter

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"text/template"
	"time"

	"github.com/thueringencert/leitstelle/services/notification/internal/alert"
	"github.com/thueringencert/leitstelle/services/notification/internal/message"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/tlp"
)

//go:embed templates
var files embed.FS

// Site is who writes.
type Site struct {
	Operator       string
	Phone          string
	URL            string // origin of the portal
	MailHost       string // right of the @ in message ids and the list id
	InvitationPath string // "/konto/einladung/"
}

// Words and names that the letters use.
type Words interface {
	// Word is the text of an identifier, such as "severity" "high".
	Word(lang, list, id string) string
}

// Writer composes mails.
type Writer struct {
	site     Site
	keys     alert.Keyring
	words    Words
	name     func(organisation string) string
	location *time.Location
	set      map[string]map[message.Kind]*template.Template
	notices  map[string]map[string]*template.Template // language, kind of the directory's wish
	shared   [2]atomic.Pointer[shared]                // what the last alert's mails have in common, German and English
}

// New reads all templates; a mistake in one fails here.
func New(site Site, keys alert.Keyring, words Words, name func(organisation string) string, loc *time.Location) (*Writer, error) {
	w := &Writer{
		site: site, keys: keys, words: words, name: name, location: loc,
		set: map[string]map[message.Kind]*template.Template{},
	}
	for _, lang := range []string{"de", "en"} {
		w.set[lang] = map[message.Kind]*template.Template{}
		for _, k := range message.Kinds() {
			file := "templates/" + lang + "/" + string(k) + ".txt"
			raw, err := files.ReadFile(file)
			if err != nil {
				return nil, fmt.Errorf("mail template: %w", err)
			}
			t, err := template.New(file).Option("missingkey=error").Funcs(w.funcs(lang)).Parse(string(raw))
			if err != nil {
				return nil, fmt.Errorf("mail template: %w", err)
			}
			w.set[lang][k] = t
		}
	}
	if err := w.readNotices(); err != nil {
		return nil, err
	}
	return w, nil
}

// Compose writes the mail of one delivery.
func (w *Writer) Compose(n message.Notice, d message.Delivery) (message.Mail, error) {
	if m, ok := w.fromShared(n, d); ok {
		return m, nil
	}
	return w.compose(n, d)
}

func (w *Writer) compose(n message.Notice, d message.Delivery) (message.Mail, error) {
	m := message.Mail{To: d.Recipient, MessageID: d.MessageID(w.site.MailHost)}
	data, err := w.data(n, d, &m)
	if err != nil {
		return message.Mail{}, err
	}
	subject, body, err := w.write(n.Kind, d.Language, data)
	if err != nil {
		return message.Mail{}, err
	}
	m.Subject, m.Text = OneLine(subject), flowed(body)
	return m, nil
}

// write picks the words: by the notice's kind, or by what the directory wants said.
func (w *Writer) write(kind message.Kind, lang string, data any) (subject, body string, err error) {
	if v, ok := data.(noticeView); ok {
		return fill(w.noticeWords(lang, v.kind), kind, data)
	}
	return w.fill(kind, lang, data)
}

// fill runs the template of a kind; its first line is the subject.
func (w *Writer) fill(kind message.Kind, lang string, data any) (subject, body string, err error) {
	if w.set[lang] == nil {
		lang = "de"
	}
	return fill(w.set[lang][kind], kind, data)
}

func fill(t *template.Template, kind message.Kind, data any) (subject, body string, err error) {
	if t == nil {
		return "", "", fmt.Errorf("no mail template for %q", kind)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, data); err != nil {
		return "", "", fmt.Errorf("write a mail of kind %s: %w", kind, err)
	}
	subject, body, _ = strings.Cut(b.String(), "\n")
	return subject, body, nil
}

func (w *Writer) data(n message.Notice, d message.Delivery, m *message.Mail) (any, error) {
	switch n.Kind {
	case message.Alert, message.AllClear:
		return w.alertData(n, d, m)
	case message.Receipt:
		return decode[message.ReceiptData](n)
	case message.Question:
		return decode[message.QuestionData](n)
	case message.Reported:
		r, err := decode[message.ReportedData](n)
		return memberView{Reference: r.Reference, Agent: OneLine(r.Agent), Body: OneLine(w.name(d.Organisation)), ReceivedAt: r.ReceivedAt, Open: r.Open, Later: r.Later, Exercise: r.Exercise}, err
	case message.Copy:
		r, err := decode[message.CopyData](n)
		return memberView{Reference: r.Reference, Case: r.Case, Agent: OneLine(r.Agent), Body: OneLine(w.name(d.Organisation)), Open: r.Open}, err
	case message.OnCall:
		m.Urgent = true
		return decode[message.OnCallData](n)
	case message.Invitation:
		inv, err := decode[message.InvitationData](n)
		return invitationView{InvitationData: inv, Name: OneLine(d.Name)}, err
	case message.Wanted:
		return w.noticeData(n, d)
	}
	return nil, fmt.Errorf("notice %s has unknown kind %q", n.ID, n.Kind)
}

// memberView is what a body is told of what its provider does for it: its own
// name and the provider's, and never another body's.
type memberView struct {
	Reference, Case, Agent, Body string
	ReceivedAt                   time.Time
	Open, Later, Exercise        bool
}

type invitationView struct {
	message.InvitationData
	Name string
}

// alertView is what the templates of alerts see.
type alertView struct {
	event.Alert
	Changes    string
	Mark       string // "[ÜBUNG] " or ""
	Closed     bool   // AMBER+STRICT and RED: not even the title
	Full       bool   // CLEAR and GREEN: the text itself
	Own        []string
	Principals []string
	Link       string
}

func (w *Writer) alertData(n message.Notice, d message.Delivery, m *message.Mail) (alertView, error) {
	a, err := decode[alert.MailData](n)
	if err != nil {
		return alertView{}, err
	}
	label, err := tlp.Parse(a.TLP)
	if err != nil {
		label = tlp.Red // what is not known is told to nobody
	}
	a.Title = OneLine(a.Title)
	v := alertView{Alert: a.Alert, Changes: a.Changes, Closed: !label.MailShowsTitle(), Full: label.MailShowsText()}
	if a.Exercise {
		v.Mark = map[string]string{"en": "[EXERCISE] "}[d.Language]
		if v.Mark == "" {
			v.Mark = "[ÜBUNG] "
		}
	}
	principal := map[string]bool{}
	for _, id := range d.Principals {
		principal[id] = true
		v.Principals = append(v.Principals, OneLine(w.name(id)))
	}
	for _, id := range d.Bodies {
		if !principal[id] {
			v.Own = append(v.Own, OneLine(w.name(id)))
		}
	}
	v.Link = w.alertLink(a.Reference, v.Closed, d)
	m.ListID, m.Urgent = "warnungen."+w.site.MailHost, a.Severity == "critical" && n.Kind == message.Alert
	if !v.Closed {
		m.Alert = a.Reference
	}
	return v, nil
}

// alertLink is where a recipient reads and answers.
func (w *Writer) alertLink(reference string, closed bool, d message.Delivery) string {
	switch {
	case closed:
		return w.address(d.Language, "/warnungen")
	case len(d.Salt) > 0:
		return w.address(d.Language, "/warnungen/"+reference) + "?e=" + w.keys.Token(d.Salt)
	}
	return w.address(d.Language, "/warnungen/"+reference)
}

func decode[T any](n message.Notice) (T, error) {
	var v T
	if err := json.Unmarshal(n.Data, &v); err != nil {
		return v, fmt.Errorf("data of notice %s: %w", n.ID, err)
	}
	return v, nil
}

func (w *Writer) address(lang, path string) string {
	if lang == "en" {
		path = "/en" + path
	}
	return strings.TrimSuffix(w.site.URL, "/") + path
}
