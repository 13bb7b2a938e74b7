// SPDX-License-Identifier: EUPL-1.2

package mailsink

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/http"
	"net/mail"
	"strconv"
	"strings"
	"time"
)

// Message is one message as it came in.
type Message struct {
	ID         int64
	From       string // envelope
	To         []string
	ReceivedAt time.Time
	Raw        []byte
}

// Header returns a decoded header field, "" when it is not there.
func (m Message) Header(name string) string {
	h, _ := m.parse()
	v, err := new(mime.WordDecoder).DecodeHeader(h.Get(name))
	if err != nil {
		return h.Get(name)
	}
	return v
}

// Values returns every value of a header field, undecoded.
func (m Message) Values(name string) []string {
	h, _ := m.parse()
	return h[name]
}

// Subject is the decoded subject.
func (m Message) Subject() string { return m.Header("Subject") }

// Text is the decoded plain part, with LF line ends.
func (m Message) Text() string { return m.part("text/plain") }

// HTML is the decoded HTML part, "" without one.
func (m Message) HTML() string { return m.part("text/html") }

func (m Message) parse() (mail.Header, io.Reader) {
	p, err := mail.ReadMessage(bytes.NewReader(m.Raw))
	if err != nil {
		return mail.Header{}, bytes.NewReader(nil)
	}
	return p.Header, p.Body
}

func (m Message) part(kind string) string {
	h, body := m.parse()
	return find(kind, h.Get("Content-Type"), h.Get("Content-Transfer-Encoding"), body)
}

func find(kind, contentType, encoding string, body io.Reader) string {
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		media = "text/plain"
	}
	if strings.HasPrefix(media, "multipart/") {
		r := multipart.NewReader(body, params["boundary"])
		for {
			p, err := r.NextRawPart()
			if err != nil {
				return ""
			}
			if s := find(kind, p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p); s != "" {
				return s
			}
		}
	}
	if media != kind {
		return ""
	}
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	b, err := io.ReadAll(body)
	if err != nil {
		return ""
	}
	return strings.ReplaceAll(string(b), "\r\n", "\n")
}

// Item is a message as programs read it.
type Item struct {
	ID         string    `json:"id"`
	To         []string  `json:"to"`
	From       string    `json:"from"`
	Subject    string    `json:"subject"`
	ReceivedAt time.Time `json:"received_at"`
	Text       string    `json:"text"`
	HTML       string    `json:"html"`
	Raw        string    `json:"raw"`
}

// Item returns the message as programs read it.
func (m Message) Item() Item {
	return Item{
		ID: strconv.FormatInt(m.ID, 10), To: m.To, From: m.From, Subject: m.Subject(),
		ReceivedAt: m.ReceivedAt, Text: m.Text(), HTML: m.HTML(), Raw: string(m.Raw),
	}
}

// ServeJSON answers GET ?to=&after=&limit= with {"items":[],"next":""}.
func (s *Sink) ServeJSON(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	after, err := number(q.Get("after"), 0)
	if err != nil {
		http.Error(w, "after is no id of a message", http.StatusBadRequest)
		return
	}
	limit, err := number(q.Get("limit"), 50)
	if err != nil || limit < 1 || limit > 200 {
		http.Error(w, "limit goes from 1 to 200", http.StatusBadRequest)
		return
	}
	page, next := s.List(q.Get("to"), after, int(limit))
	out := struct {
		Items []Item `json:"items"`
		Next  string `json:"next"`
	}{Items: []Item{}}
	for _, m := range page {
		out.Items = append(out.Items, m.Item())
	}
	if next != 0 {
		out.Next = strconv.FormatInt(next, 10)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(out) // the client went away
}

func number(s string, otherwise int64) (int64, error) {
	if s == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("number %q: %w", s, err)
	}
	return n, nil
}
