// SPDX-License-Identifier: EUPL-1.2

package page

import (
	"strings"

	"github.com/thueringencert/leitstelle/shared/actor"
)

// area is a part of the service that people come to again and again. Adding one
// to a menu is one line in the tables below.
type area struct {
	action actor.Action // who may open it: the row of the matrix
	href   string
	label  string // message id; label+".text" says what one does there
}

// registerAreas are the parts of the register in the Lagezentrum.
var registerAreas = []area{
	{actor.OrganisationRead, "/verzeichnis/kommunen", "page.area.bodies"},
	{actor.OnboardingManage, "/verzeichnis/aufnahme", "page.area.onboarding"},
	{actor.MandateConfirm, "/verzeichnis/mandate/bestaetigen", "page.area.mandates"},
	{actor.TaskWork, "/verzeichnis/aufgaben", "page.area.tasks"},
	{actor.OfficersRead, "/verzeichnis/isb", "page.area.officers"},
	{actor.ServiceRead, "/verzeichnis/leistungen", "page.area.services"},
	{actor.ServiceAsked, "/verzeichnis/leistungen/anfragen", "page.area.requests"},
	{actor.Aggregate, stateFigures, "page.area.participation"},
	{actor.PersonManage, "/verzeichnis/verwaltung/personen", "page.area.people"},
	{actor.RegisterImport, "/verzeichnis/verwaltung/register", "page.area.register"},
	{actor.Public, "/verzeichnis/zustaendig", "page.area.responsible"},
	{actor.RetentionRead, "/verzeichnis/aufbewahrung", "page.area.retention"},
	{actor.AuditRead, "/verzeichnis/audit", "page.area.audit"},
	{actor.OperationsRead, "/verzeichnis/betrieb", "page.area.operations"},
	{actor.PersonErase, "/verzeichnis/verwaltung/loeschungen", "page.area.erasures"},
}

// organisationAreas are what an organisation's own people come back to, and
// those of the state who have no work in the Lagezentrum.
var organisationAreas = []area{
	{actor.ReportRead, "/melden/vorgaenge", "page.menu.reports"},
	{actor.Aggregate, ownFigures, "page.area.figures"},
	{actor.Public, "/warnungen", "page.menu.alerts"},
	{actor.Subscribe, "/warnungen/abo", "page.area.subscriptions"},
	{actor.OrganisationRead, ownOrganisation, "page.menu.organisation"},
	{actor.ContactRead, "/verzeichnis/stelle/kontakte", "page.area.contacts"},
	{actor.MandateRead, "/verzeichnis/mandate", "page.area.mandates"},
	{actor.TaskWork, "/verzeichnis/aufgaben", "page.area.tasks"},
	{actor.AccessRead, "/melden/protokoll", "page.area.access"},
	{actor.ServiceRead, "/verzeichnis/leistungen", "page.area.services"},
	{actor.PersonManage, "/verzeichnis/verwaltung/personen", "page.area.people"},
	{actor.OfficersRead, "/verzeichnis/isb", "page.area.officers"},
	{actor.Aggregate, stateFigures, "page.area.participation"},
	{actor.RetentionRead, "/verzeichnis/aufbewahrung", "page.area.retention"},
	{actor.AuditRead, "/verzeichnis/audit", "page.area.audit"},
	{actor.OperationsRead, "/verzeichnis/betrieb", "page.area.operations"},
	{actor.PersonErase, "/verzeichnis/verwaltung/loeschungen", "page.area.erasures"},
	{actor.AccountOwn, "/konto/sicherheit", "page.area.security"},
	{actor.AccountOwn, "/konto", "page.menu.account"},
}

const (
	ownOrganisation = "/verzeichnis/stelle"
	ownFigures      = "/melden/zahlen"           // of the organisations that one reports or may read for
	stateFigures    = "/verzeichnis/beteiligung" // of all
)

// RegisterMenu is the Lagezentrum's second row on the pages of the register: the
// parts the user may open, with the one that path lies in marked.
func RegisterMenu(u *User, path string) []MenuItem {
	return itemsOf(u, registerAreas, path, func(a actor.Actor, x area) bool {
		return x.action == actor.Public || a.View(x.action).Everything
	})
}

// Areas are the entries of the user's menu on the portal. Who works in the
// Lagezentrum has the register's parts there and finds here what is theirs.
func (u *User) Areas() []MenuItem {
	desk := u.DeskHref() != ""
	return itemsOf(u, organisationAreas, "", func(a actor.Actor, x area) bool {
		v := a.View(x.action)
		switch x.href {
		case ownFigures:
			return len(v.Organisations) > 0
		case stateFigures:
			return v.Everything && !desk
		}
		return !v.Empty() && (!desk || x.own() || len(v.Organisations) > 0)
	})
}

// Hub are the areas that the page of the own organisation leads to.
func (u *User) Hub() []MenuItem {
	all := u.Areas()
	out := make([]MenuItem, 0, len(all))
	for _, m := range all {
		if m.Href != ownOrganisation {
			out = append(out, m)
		}
	}
	return out
}

// own reports whether everybody has such a page of their own.
func (x area) own() bool {
	return x.action == actor.AccountOwn || strings.HasPrefix(x.label, "page.menu.")
}

func itemsOf(u *User, areas []area, path string, may func(actor.Actor, area) bool) []MenuItem {
	if u == nil {
		return nil
	}
	path, _, _ = strings.Cut(path, "?")
	var out []MenuItem
	best, long := -1, 0
	for _, x := range areas {
		if !may(u.Actor, x) {
			continue
		}
		if n := len(x.href); n > long && (path == x.href || strings.HasPrefix(path, x.href+"/")) {
			best, long = len(out), n
		}
		out = append(out, MenuItem{ID: x.label, Href: x.href, Label: x.label, Text: x.label + ".text"})
	}
	if best >= 0 {
		out[best].Active, out[best].Here = true, path == out[best].Href
	}
	return out
}
