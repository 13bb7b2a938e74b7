// SPDX-License-Identifier: EUPL-1.2

package page

import (
	"strings"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Layout is the frame of a page.
type Layout string

// The layouts. The zero value is Portal.
const (
	Portal Layout = "portal" // reporters and recipients: no JavaScript
	Desk   Layout = "desk"   // the Lagezentrum: dense, with keys and live updates
	Print  Layout = "print"  // a document: operator and TLP on each sheet
	Plain  Layout = "plain"  // only the content, such as the emergency card
)

// Main is how the main element lays out the content.
type Main string

// The ways. MainAuto takes two columns when the page defines "aside", else one.
// With the others the content's own elements are the children of main.
const (
	MainAuto   Main = ""
	MainAnswer Main = "answer" // mock 06: .txt, form.answer, .aside
	MainBoard  Main = "board"  // mock 07: charts over the full width
	MainWork   Main = "work"   // mock 05: .left and .pane
)

// View is what a page shows: a struct of its own that embeds Base. Pass a
// pointer to it.
type View interface{ base() *Base }

// Base is what every page has. Handlers set Title, and what else they need;
// Lang, Path, User and Menu are filled in by Render.
type Base struct {
	Title     string // in the page's language; Render adds the operator, and "Fehler: " when there are Errors
	Layout    Layout
	Main      Main
	Nav       string       // the menu item this page belongs to, such as NavInbox
	Errors    []FieldError // shown by {{template "errors" .}} and beside their fields
	Notice    *Notice      // one message above the content; after a redirect use Flash
	Recipient string       // replaces the account menu: whom an answer link speaks to
	TLP       string       // Print: in the head and foot of each sheet
	Exercise  bool         // everything is marked as an exercise
	Stream    string       // Desk: address of the event stream that live.js listens to
	StreamAt  string       // Desk: the last id of the stream that the page shows; later ones are news
	Counts    map[string]int
	Index     bool // search engines may list the page; the default is no

	Lang  string     // "de" or "en"
	Path  string     // path and query without the language prefix
	User  *User      // nil: nobody is signed in
	Menu  []MenuItem // Desk: only what the user may use
	Sub   []MenuItem // Desk: the second row, on the register's pages
	aside bool
}

func (b *Base) base() *Base { return b }

// Self gives templates the frame's fields even where a view hides one of them.
func (b *Base) Self() *Base { return b }

// Fail puts the fields of err beside their inputs and reports whether there
// were any; without any the handler returns err.
func (b *Base) Fail(err error) bool {
	b.Errors = append(b.Errors, ErrorsOf(err)...)
	return len(b.Errors) > 0
}

// MainClass is the class of the main element.
func (b *Base) MainClass() string {
	switch {
	case b.Main == MainWork:
		return "work"
	case b.Main == MainBoard:
		return "lb"
	case b.Layout == Desk:
		return "desk-main"
	case b.Main == MainAnswer:
		return "p-main p-main--ack"
	case b.aside:
		return "p-main p-main--aside"
	}
	return "p-main p-main--mid"
}

// HasAside reports whether the page brings a second column.
func (b *Base) HasAside() bool { return b.aside }

// OtherPath is this page in the other language.
func (b *Base) OtherPath() string {
	if b.Lang == "en" {
		return b.Path
	}
	return "/en" + b.Path
}

// FieldError is one mistake, at the field with that name. Code is a message id;
// Detail is shown when the id is unknown.
type FieldError struct {
	Field  string
	Code   string
	Detail string
	Args   []any // as for t
}

// ErrorsOf returns the field errors of a fault.
func ErrorsOf(err error) []FieldError {
	var out []FieldError
	for _, f := range fault.FieldsOf(err) {
		out = append(out, FieldError{Field: f.Name, Code: f.Code, Detail: f.Detail})
	}
	return out
}

// Notice is one message to the user above the content.
type Notice struct {
	Kind string // success, info, warning, danger
	Text string // in the page's language
}

// User is who is signed in, as the header shows them.
type User struct {
	Name         string
	Organisation string // the name, not the id
	Actor        actor.Actor
}

// UserOf returns the header's view of an actor, nil for a guest.
func UserOf(a actor.Actor, organisation string) *User {
	if !a.SignedIn() {
		return nil
	}
	return &User{Name: a.Name, Organisation: organisation, Actor: a}
}

// Initials are the first letters of the first and last name.
func (u *User) Initials() string {
	parts := strings.Fields(u.Name)
	if len(parts) == 0 {
		return "?"
	}
	out := firstRune(parts[0])
	if len(parts) > 1 {
		out += firstRune(parts[len(parts)-1])
	}
	return strings.ToUpper(out)
}

// DeskHref is where the user's work in the Lagezentrum starts, "" for those who
// have none there.
func (u *User) DeskHref() string {
	if m := DeskMenu(u); len(m) > 0 {
		return m[0].Href
	}
	return ""
}

func firstRune(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}

// MenuItem is one entry of a menu.
type MenuItem struct {
	ID     string // compared with Base.Nav; Base.Counts[ID] is its number
	Href   string
	Label  string // message id
	Text   string // message id of the line that says what it is for, in menus that show one
	Key    string // second key after G
	Active bool
	Here   bool // Active, and this very page
	Count  int
}

// The entries of the Lagezentrum's menu, for Base.Nav and Base.Counts.
const (
	NavInbox        = "inbox"
	NavCases        = "cases"
	NavCampaigns    = "campaigns"
	NavAlerts       = "alerts"
	NavConstituency = "constituency"
)

// DeskMenu returns the entries that the user may use (the matrix of actor); an
// entry one may not open is not shown.
func DeskMenu(u *User) []MenuItem {
	if u == nil {
		return nil
	}
	var out []MenuItem
	add := func(action actor.Action, m MenuItem) {
		if u.Actor.View(action).Everything {
			out = append(out, m)
		}
	}
	add(actor.CaseQueue, MenuItem{ID: NavInbox, Href: "/lage/eingang", Label: "page.nav.inbox", Key: "e"})
	add(actor.CaseQueue, MenuItem{ID: NavCases, Href: "/lage/faelle", Label: "page.nav.cases", Key: "f"})
	add(actor.CampaignRead, MenuItem{ID: NavCampaigns, Href: "/lage/lagen", Label: "page.nav.campaigns", Key: "a"})
	add(actor.AlertWork, MenuItem{ID: NavAlerts, Href: "/warnungen/redaktion", Label: "page.nav.alerts", Key: "w"})
	add(actor.ContactRead, MenuItem{ID: NavConstituency, Href: "/verzeichnis/kommunen", Label: "page.nav.constituency", Key: "k"})
	return out
}
