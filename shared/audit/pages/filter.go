// SPDX-License-Identifier: EUPL-1.2

package pages

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/register"
)

// form is what somebody typed to narrow the list.
type form struct{ Actor, Action, Object, Organisation, From, To string }

func formOf(c echo.Context) form {
	v := func(name string) string { return strings.TrimSpace(c.QueryParam(name)) }
	return form{Actor: v("actor"), Action: v("action"), Object: v("object"), Organisation: v("organisation"), From: v("from"), To: v("to")}
}

const (
	longest = 200 // of a value
	manyOne = 20  // people of one name
)

// nobody is an actor that no entry has: who was asked for is not known.
const nobody = "nobody"

// filter makes sense of the form. An actor is an id, "guest", a service
// ("service:triage"), an e-mail address or a part of a name; an organisation an
// id or a key; a time a day or an instant.
func (h *Handler) filter(f form) (audit.Filter, error) {
	var wrong []fault.Field
	out := audit.Filter{Action: f.Action, ObjectID: f.Object}
	for _, x := range [][2]string{{"actor", f.Actor}, {"action", f.Action}, {"object", f.Object}, {"organisation", f.Organisation}} {
		name, v := x[0], x[1]
		if len(v) > longest || strings.ContainsRune(v, 0) || !utf8.ValidString(v) {
			wrong = append(wrong, fault.Field{Name: name, Code: "page.audit.err.long", Detail: "is too long"})
		}
	}
	if f.Actor != "" {
		out.Actors = h.actors(f.Actor)
	}
	if f.Organisation != "" {
		o, ok := h.organisation(f.Organisation)
		if !ok {
			wrong = append(wrong, fault.Field{Name: "organisation", Code: "page.audit.err.organisation", Detail: "is no organisation"})
		}
		out.Organisation = o
	}
	var ok bool
	if out.From, ok = instant(f.From, false); !ok {
		wrong = append(wrong, fault.Field{Name: "from", Code: "page.audit.err.time", Detail: "is no day and no instant"})
	}
	if out.To, ok = instant(f.To, true); !ok {
		wrong = append(wrong, fault.Field{Name: "to", Code: "page.audit.err.time", Detail: "is no day and no instant"})
	}
	if len(wrong) > 0 {
		return out, &fault.Error{Kind: fault.Invalid, Message: "the filter is not clear", Fields: wrong}
	}
	return out, nil
}

func (h *Handler) actors(s string) []string {
	if _, ok := h.Register.Person(s); ok || s == "guest" || strings.HasPrefix(s, "service:") {
		return []string{s}
	}
	if len(s) == 36 { // somebody whom the register does not know
		return []string{s}
	}
	var out []string
	wanted := register.Fold(s)
	for _, p := range h.Register.People("") {
		if strings.EqualFold(p.Email, s) || strings.Contains(register.Fold(p.Name), wanted) {
			out = append(out, p.ID)
		}
		if len(out) == manyOne {
			break
		}
	}
	if out == nil {
		return []string{nobody}
	}
	return out
}

func (h *Handler) organisation(s string) (string, bool) {
	if o, ok := h.Register.Organisation(s); ok {
		return o.ID, true
	}
	if o, ok := h.Register.Resolve(s); ok {
		return o.ID, true
	}
	if found := h.Register.Search(s, 1); len(found) == 1 {
		return found[0].ID, true
	}
	return "", false
}

// instant reads a day or an RFC 3339 instant. The last day counts whole.
func instant(s string, last bool) (time.Time, bool) {
	if s == "" {
		return time.Time{}, true
	}
	if at, err := time.Parse(time.RFC3339, s); err == nil {
		return at, true
	}
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		loc = time.UTC
	}
	at, err := time.ParseInLocation(time.DateOnly, s, loc)
	if err != nil || at.Year() < 1 || at.Year() > 9999 {
		return time.Time{}, false
	}
	if last {
		at = at.AddDate(0, 0, 1)
	}
	return at, true
}

func cursor(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 {
		return 0, fault.New(fault.Malformed, "after is no cursor of this list")
	}
	return n, nil
}
