// SPDX-License-Identifier: EUPL-1.2

// Package bounce reads what mail servers report about mails that they took and
// could not deliver (RFC 3464). The operator's relay takes everything, so that
// most wrong addresses show only there. A report names its mail by the address
// it comes back to: each mail has a return address of its own (VERP), signed, so
// that nobody marks mails as lost that were never theirs.
package bounce

import (
	"bufio"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"net/textproto"
	"strings"

	"github.com/thueringencert/leitstelle/shared/fault"
)

// Addresses are the return addresses: "bounce@cert.example" becomes
// "bounce+ID-SIGNATURE@cert.example". The zero value has none.
type Addresses struct {
	Base string
	Key  []byte
}

// On reports whether mails have return addresses of their own.
func (a Addresses) On() bool { return a.Base != "" }

// Of returns the address that a delivery's reports come back to.
func (a Addresses) Of(delivery string) string {
	local, host, _ := strings.Cut(a.Base, "@")
	id := strings.ReplaceAll(delivery, "-", "")
	return local + "+" + id + "-" + a.sign(id) + "@" + host
}

// Delivery returns the delivery that an address of ours stands for.
func (a Addresses) Delivery(address string) (string, bool) {
	local, host, _ := strings.Cut(a.Base, "@")
	tag, ok := strings.CutPrefix(strings.ToLower(address), strings.ToLower(local)+"+")
	tag, ok2 := strings.CutSuffix(tag, "@"+strings.ToLower(host))
	id, signature, ok3 := strings.Cut(tag, "-")
	if !a.On() || !ok || !ok2 || !ok3 || len(id) != 32 || !hmac.Equal([]byte(signature), []byte(a.sign(id))) {
		return "", false
	}
	return id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:], true
}

func (a Addresses) sign(id string) string {
	m := hmac.New(sha256.New, a.Key)
	m.Write([]byte("return address\x00" + id))
	return hex.EncodeToString(m.Sum(nil)[:8])
}

// Bounds of what is read of a report.
const (
	maxParts  = 20
	maxStatus = 64 << 10
	maxReason = 200
)

// Read returns why a mail did not arrive. A message that says nothing of the
// kind, such as a notice of absence or a delay, has failed false; what is no
// mail at all is Invalid.
func Read(r io.Reader) (reason string, failed bool, err error) {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return "", false, fault.Wrap(fault.Invalid, err, "this is no mail")
	}
	kind, params, _ := mime.ParseMediaType(m.Header.Get("Content-Type")) // what cannot be read is no report
	if kind != "multipart/report" || !strings.EqualFold(params["report-type"], "delivery-status") {
		return "", false, nil
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	p, end := parts.NextPart()
	for n := 0; end == nil && n < maxParts; n++ { // what is cut or broken says nothing that counts
		kind, _, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		if err == nil && (kind == "message/delivery-status" || kind == "message/global-delivery-status") {
			reason, failed = status(io.LimitReader(p, maxStatus))
			return reason, failed, nil
		}
		p, end = parts.NextPart()
	}
	return "", false, nil
}

// status reads the groups of fields: the first is about the mail, each other
// one about a recipient.
func status(r io.Reader) (reason string, failed bool) {
	fields := textproto.NewReader(bufio.NewReader(r))
	for {
		h, err := fields.ReadMIMEHeader()
		if strings.EqualFold(strings.TrimSpace(h.Get("Action")), "failed") {
			_, said, _ := strings.Cut(h.Get("Diagnostic-Code"), ";")
			return cmp.Or(plain(h.Get("Status")+" "+said), "not delivered"), true
		}
		if err != nil && (!errors.Is(err, io.EOF) || len(h) == 0) || len(h) == 0 {
			return "", false
		}
	}
}

// plain leaves what can stand in a line of a page.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	return s[:min(len(s), maxReason)]
}
