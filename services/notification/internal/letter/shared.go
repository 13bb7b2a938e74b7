// SPDX-License-Identifier: EUPL-1.2

package letter

import (
	"strings"

	"github.com/thueringencert/leitstelle/services/notification/internal/message"
)

// The mails of one alert differ in two places only: the organisation they are
// for and the answer link. So one mail is written in full with marks in these
// places, and each of 2,000 recipients gets it with their own words there.
const (
	ownMark  = "\ue000own\ue001"
	linkMark = "\ue000link\ue001"
)

// shared is such a mail. Nobody changes it.
type shared struct {
	notice    string
	language  string
	closed    bool
	reference string
	mail      message.Mail
	parts     []part
}

// part is a piece of the text: finished, or one line with marks before it was
// wrapped.
type part struct {
	text   string
	marked bool
}

// fromShared writes a mail of an alert from what its mails have in common. False
// for other kinds, and for who gets it for others: their lines differ more.
func (w *Writer) fromShared(n message.Notice, d message.Delivery) (message.Mail, bool) {
	if n.ID == "" || n.Kind != message.Alert || len(d.Principals) > 0 || len(d.Bodies) == 0 {
		return message.Mail{}, false
	}
	known := &w.shared[0]
	if d.Language == "en" {
		known = &w.shared[1]
	}
	s := known.Load()
	if s == nil || s.notice != n.ID || s.language != d.Language {
		var ok bool
		if s, ok = w.share(n, d); !ok {
			return message.Mail{}, false
		}
		known.Store(s)
	}
	own := make([]string, len(d.Bodies))
	for i, id := range d.Bodies {
		own[i] = OneLine(w.name(id))
	}
	fill := strings.NewReplacer(ownMark, join(own), linkMark, w.alertLink(s.reference, s.closed, d))
	m := s.mail
	m.To, m.MessageID = d.Recipient, d.MessageID(w.site.MailHost)
	var text strings.Builder
	for _, p := range s.parts {
		if p.marked {
			wrap(&text, fill.Replace(p.text))
		} else {
			text.WriteString(p.text)
		}
	}
	m.Text = text.String()
	return m, true
}

// share writes the mail with marks. False when it cannot be written, or when
// somebody used the marks in a text.
func (w *Writer) share(n message.Notice, d message.Delivery) (*shared, bool) {
	if strings.ContainsAny(string(n.Data), "\ue000\ue001") || strings.Contains(string(n.Data), `\ue00`) {
		return nil, false
	}
	s := &shared{notice: n.ID, language: d.Language}
	v, err := w.alertData(n, d, &s.mail)
	if err != nil {
		return nil, false // the full way says what is wrong
	}
	s.closed, s.reference = v.Closed, v.Reference
	v.Own, v.Link = []string{ownMark}, linkMark
	subject, body, err := w.fill(n.Kind, d.Language, v)
	if err != nil {
		return nil, false
	}
	s.mail.Subject = OneLine(subject)
	var done strings.Builder
	flow(body, func(line string) {
		if !strings.Contains(line, ownMark) && !strings.Contains(line, linkMark) {
			wrap(&done, line)
			return
		}
		s.parts = append(s.parts, part{text: done.String()}, part{text: line, marked: true})
		done.Reset()
	})
	s.parts = append(s.parts, part{text: done.String()})
	return s, true
}
