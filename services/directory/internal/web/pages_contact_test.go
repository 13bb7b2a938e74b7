// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"slices"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/contact"
	"github.com/thueringencert/leitstelle/services/directory/internal/emergency"
	"github.com/thueringencert/leitstelle/services/directory/internal/onboarding"
	"github.com/thueringencert/leitstelle/services/directory/internal/qualification"
	"github.com/thueringencert/leitstelle/services/directory/internal/task"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/page"
)

var (
	called = contact.Contact{
		ID: "77777777-0000-7000-8000-000000000001", Organisation: town.ID, Name: "Kim " + hostile, Functions: []contact.Function{contact.ISB, contact.Emergency},
		Phone: "03600 124", Mobile: "+49 170 000", Email: "kim@oehrda.example", Hours: "Mo–Do " + hostile, Always: true, ConfirmedAt: at(-24 * time.Hour), Version: 4,
	}
	forgotten = contact.Contact{ID: "77777777-0000-7000-8000-000000000002", Organisation: town.ID, Name: "Robin Muster", Functions: []contact.Function{contact.Head}, Phone: "03600 125", ConfirmedAt: at(-500 * 24 * time.Hour), Version: 1}
	unasked   = contact.Contact{ID: "77777777-0000-7000-8000-000000000003", Organisation: town.ID, Name: "Sascha Neu", Functions: []contact.Function{contact.Press}, Email: "presse@oehrda.example", Version: 1}
	lines     = []contactLine{{called, contact.Fresh}, {forgotten, contact.Old}, {unasked, contact.Never}}
	side      = peopleSide{
		Show: true, MayEdit: true, Lines: lines, Missing: []contact.Function{contact.ISBDeputy, contact.ITLead, contact.DPO},
		CoordinatorsOf: "Landkreis Mustern", Coordinators: lines[:1], Sealed: true, MaySeal: true, Stage: onboarding.Invited, Steps: stepsOf(ways3[1], true),
	}
)

var proofs = []qualification.Qualification{
	{ID: "99999999-0000-7000-8000-000000000001", Kind: qualification.Certificate, Name: "Praktiker " + hostile, Issuer: hostile, ObtainedOn: noon, Document: hostile},
	{ID: "99999999-0000-7000-8000-000000000002", Kind: qualification.Training, Name: "Schulung", ObtainedOn: noon, ValidUntil: at(80 * 24 * time.Hour)},
}

var ways3 = []onboarding.Line{
	{Record: onboarding.Record{Organisation: office.ID, Stage: onboarding.None}, Name: hostile, Level: constituency.VG, KreisName: hostile},
	{
		Record: onboarding.Record{Organisation: town.ID, Stage: onboarding.Paused, Held: onboarding.Paused, InvitedAt: at(0), ContactsAt: at(0), RolesAt: at(0), ActiveAt: at(0), HeldAt: at(0), Document: "Akte 7", Version: 3},
		Facts:  onboarding.Facts{Officer: true, OrgAdmin: true}, Name: town.Name, Level: town.Level, KreisName: town.KreisName,
	},
}

var ways = emergency.Ways{Name: hostile, Mobile: "0170 1", Office: "03600 5", Fax: "03600 6", Email: "kim@elsewhere.example", Note: hostile}

var tasks = []task.Task{
	{ID: "88888888-0000-7000-8000-000000000001", Kind: task.Bounce, Organisation: town.ID, OrganisationName: town.Name, Address: "alt@oehrda.example", Detail: "550 " + hostile, Times: 3, OpenedAt: noon, LastAt: noon},
	{ID: "88888888-0000-7000-8000-000000000002", Kind: task.Unconfirmed, Organisation: town.ID, OrganisationName: hostile, Contact: called.ID, ContactName: hostile, Times: 1, OpenedAt: noon, LastAt: noon},
	{ID: "88888888-0000-7000-8000-000000000003", Kind: task.ChangeWanted, Organisation: town.ID, OrganisationName: town.Name, Contact: called.ID, ContactName: called.Name, Detail: "Neue Nummer " + hostile, Times: 1, OpenedAt: noon, LastAt: noon},
}

func functionOptions(r *page.Renderer, lang string) []page.Option {
	var out []page.Option
	for _, f := range contact.Functions("kreis") {
		out = append(out, page.Option{Value: string(f), Label: r.Text(lang, "directory.contact.function."+string(f))})
	}
	return out
}

var contactSamples = map[string]sample{
	"isb": {"isb", actor.Constituency, func(r *page.Renderer, lang string) page.View {
		return &officersView{
			Base: page.Base{Title: r.Text(lang, "directory.isb"), Layout: page.Desk, Nav: page.NavConstituency}, Named: true, Shared: true, CSV: "/verzeichnis/isb.csv?state=", Total: 228, More: "/verzeichnis/isb?after=x",
			Lines: []officerLine{
				{qualification.Line{Organisation: town.ID, OrganisationName: town.Name, Level: town.Level, KreisName: hostile, Contact: called.ID, Name: hostile, Serves: 3, Best: &proofs[0]}, qualification.InForce},
				{qualification.Line{Organisation: town.ID, OrganisationName: town.Name, Level: town.Level, Contact: called.ID, Name: "x", Serves: 1, Best: &proofs[1]}, qualification.Expiring},
				{qualification.Line{Organisation: office.ID, OrganisationName: hostile, Level: office.Level}, qualification.NoOfficer},
				{qualification.Line{Organisation: office.ID, OrganisationName: "x", Level: office.Level, Contact: called.ID, Name: "x"}, qualification.Unproven},
			},
		}
	}},
	"isb-leer": {"isb", actor.Steering, func(r *page.Renderer, lang string) page.View {
		return &officersView{Base: page.Base{Title: r.Text(lang, "directory.isb")}, CSV: "/verzeichnis/isb.csv"}
	}},
	"nachweise": {"nachweise", actor.OrgAdmin, func(r *page.Renderer, lang string) page.View {
		return &qualificationsView{
			Base: page.Base{Title: r.Text(lang, "directory.isb.of", "Name", called.Name)}, Organisation: town, Contact: called, Items: proofs, MayEdit: true,
			Form: qualificationForm{Kind: "certificate", Key: "KEY"}, Kinds: []page.Option{{Value: "certificate", Label: "x"}}, Action: "/x",
		}
	}},
	"nachweise-fehler": {"nachweise", actor.OrgAdmin, func(r *page.Renderer, lang string) page.View {
		return &qualificationsView{
			Base: page.Base{Title: r.Text(lang, "directory.isb.of", "Name", called.Name), Errors: []page.FieldError{
				{Field: "kind", Code: "directory.isb.error.kind"},
				{Field: "name", Code: "directory.isb.error.name"},
				{Field: "issuer", Code: "directory.isb.error.issuer"},
				{Field: "obtained_on", Code: "directory.isb.error.obtained"},
				{Field: "valid_until", Code: "directory.isb.error.valid"},
			}}, Organisation: town, Contact: called, MayEdit: true, Form: qualificationForm{"x", hostile, hostile, "x", "y", hostile, "KEY"}, Action: "/x",
		}
	}},
	"aufnahme": {"aufnahme", actor.Constituency, func(r *page.Renderer, lang string) page.View {
		return &onboardingsView{
			Base: page.Base{Title: r.Text(lang, "directory.onboarding"), Layout: page.Desk, Nav: page.NavConstituency}, Kreis: "16099", KreisName: "Landkreis Mustern",
			Levels: options(r, lang), Counts: []stageCount{{onboarding.None, 600}, {onboarding.Active, 5}}, Lines: ways3, More: "/x", Invitable: 12, Without: 3,
		}
	}},
	"aufnahme-leer": {"aufnahme", actor.Constituency, func(r *page.Renderer, lang string) page.View {
		return &onboardingsView{Base: page.Base{Title: r.Text(lang, "directory.onboarding"), Layout: page.Desk, Nav: page.NavConstituency}, Kreis: "16099", KreisName: hostile, Levels: options(r, lang)}
	}},
	"aufnahme-stelle": {"aufnahme_stelle", actor.Constituency, func(r *page.Renderer, lang string) page.View {
		return &onboardingView{
			Base: page.Base{Title: r.Text(lang, "directory.onboarding.of", "Name", town.Name), Layout: page.Desk, Nav: page.NavConstituency}, Organisation: town,
			Line: ways3[1], Steps: stepsOf(ways3[1], false), Form: onboardingForm{"paused", hostile, hostile}, HeldOptions: []page.Option{{Value: "paused", Label: "x"}},
		}
	}},
	"aufnahme-stelle-fehler": {"aufnahme_stelle", actor.Constituency, func(r *page.Renderer, lang string) page.View {
		return &onboardingView{
			Base:         page.Base{Title: r.Text(lang, "directory.onboarding.of", "Name", office.Name), Layout: page.Desk, Nav: page.NavConstituency, Errors: []page.FieldError{{Field: "document", Code: "directory.onboarding.error.document"}, {Field: "held", Code: "directory.onboarding.error.held"}}},
			Organisation: office, Line: ways3[0], Steps: stepsOf(ways3[0], false),
		}
	}},
	"notfall": {"notfall", actor.OrgAdmin, func(r *page.Renderer, lang string) page.View {
		return &emergencyView{
			Base: page.Base{Title: r.Text(lang, "directory.emergency")}, Own: true, Form: ways, Action: "/verzeichnis/stelle/notfall?id=x",
			State: emergency.State{
				Organisation: town, Present: true, ChangedAt: noon, Version: 3, Ways: &ways, Warnings: []emergency.Warning{emergency.SameMail, emergency.SamePhone},
				Openings: []emergency.Opening{{PersonName: hostile, Reason: hostile, OpenedAt: noon}},
			},
		}
	}},
	"notfall-fehler": {"notfall", actor.Officer, func(r *page.Renderer, lang string) page.View {
		return &emergencyView{
			Base: page.Base{Title: r.Text(lang, "directory.emergency"), Errors: []page.FieldError{{Field: "name", Code: "directory.error.name"}, {Field: "mobile", Code: "directory.emergency.error.way"}, {Field: "note", Code: "directory.emergency.error.note"}}},
			Own:  true, Form: emergency.Ways{Note: hostile}, Action: "/x", State: emergency.State{Organisation: town},
		}
	}},
	"notfall-versiegelt": {"notfall", actor.Duty, func(r *page.Renderer, lang string) page.View {
		return &emergencyView{
			Base:   page.Base{Title: r.Text(lang, "directory.emergency"), Layout: page.Desk, Nav: page.NavConstituency, Errors: []page.FieldError{{Field: "reason", Code: "directory.emergency.error.reason"}}},
			Reason: hostile, Action: "/x", State: emergency.State{Organisation: town, Present: true, ChangedAt: noon},
		}
	}},
	"notfall-offen": {"notfall", actor.Duty, func(r *page.Renderer, lang string) page.View {
		return &emergencyView{
			Base:  page.Base{Title: r.Text(lang, "directory.emergency"), Layout: page.Desk, Nav: page.NavConstituency},
			State: emergency.State{Organisation: town, Present: true, ChangedAt: noon, Ways: &ways, Until: at(10 * time.Minute)},
		}
	}},
	"notfall-ohne": {"notfall", actor.Duty, func(r *page.Renderer, lang string) page.View {
		return &emergencyView{Base: page.Base{Title: r.Text(lang, "directory.emergency"), Layout: page.Desk, Nav: page.NavConstituency}, State: emergency.State{Organisation: town}}
	}},
	"bestaetigen": {"bestaetigen", "", func(r *page.Renderer, lang string) page.View {
		return &checkView{Base: page.Base{Title: r.Text(lang, "directory.check"), Recipient: called.Name}, Organisation: town, Contact: lines[0], Open: true, Action: "/verzeichnis/bestaetigen/LINK"}
	}},
	"bestaetigen-anders": {"bestaetigen", "", func(r *page.Renderer, lang string) page.View {
		return &checkView{
			Base:         page.Base{Title: r.Text(lang, "directory.check"), Recipient: called.Name, Errors: []page.FieldError{{Field: "wish", Code: "directory.check.error.wish"}}},
			Organisation: town, Contact: lines[1], Open: true, Change: true, Wish: hostile, Action: "/verzeichnis/bestaetigen/LINK",
		}
	}},
	"bestaetigen-fertig": {"bestaetigen", "", func(r *page.Renderer, lang string) page.View {
		return &checkView{Base: page.Base{Title: r.Text(lang, "directory.check")}, Organisation: town, Contact: lines[1], Action: "/verzeichnis/bestaetigen/LINK"}
	}},
	"aufgaben": {"aufgaben", actor.Constituency, func(r *page.Renderer, lang string) page.View {
		return &tasksView{Base: page.Base{Title: r.Text(lang, "directory.tasks"), Layout: page.Desk, Nav: page.NavConstituency}, All: true, Open: tasks, More: "/verzeichnis/aufgaben?after=x", Bad: tasks[0].ID, Note: hostile}
	}},
	"aufgaben-erledigt": {"aufgaben", actor.Constituency, func(r *page.Renderer, lang string) page.View {
		done := slices.Clone(tasks)
		for i := range done {
			done[i].DoneAt, done[i].Note = at(0), hostile
		}
		done[0].DoneByName = hostile
		return &tasksView{Base: page.Base{Title: r.Text(lang, "directory.tasks"), Layout: page.Desk, Nav: page.NavConstituency}, All: true, ShowDone: true, Done: done}
	}},
	"aufgaben-leer": {"aufgaben", actor.OrgAdmin, func(r *page.Renderer, lang string) page.View {
		return &tasksView{Base: page.Base{Title: r.Text(lang, "directory.tasks")}}
	}},
	"abwesenheit": {"abwesenheit", actor.Officer, func(r *page.Renderer, lang string) page.View {
		away := kim
		away.Absence = account.Absence{From: noon, To: *at(11 * time.Hour), Deputy: robin.ID}
		return &absenceView{
			Base: page.Base{Title: r.Text(lang, "directory.absence")}, Person: away, Own: true, Deputy: hostile, Until: lastDay(away.Absence),
			Form: absenceForm{"2026-11-21", "2026-11-21", robin.ID}, Choices: []page.Option{{Label: "–"}, {Value: robin.ID, Label: robin.Name}}, Action: "/konto/abwesenheit", Back: "/konto",
		}
	}},
	"abwesenheit-fehler": {"abwesenheit", actor.OrgAdmin, func(r *page.Renderer, lang string) page.View {
		return &absenceView{
			Base: page.Base{Title: r.Text(lang, "directory.absence"), Errors: []page.FieldError{
				{Field: "from", Code: "directory.absence.error.day"}, {Field: "to", Code: "directory.absence.error.to"}, {Field: "deputy", Code: "directory.absence.error.deputy"},
			}}, Person: kim, Form: absenceForm{hostile, hostile, hostile}, Action: "/x", Back: "/verzeichnis/verwaltung/personen/x",
		}
	}},
	"kontakte": {"kontakte", actor.OrgAdmin, func(r *page.Renderer, lang string) page.View {
		return &contactsView{Base: page.Base{Title: r.Text(lang, "directory.contact.of", "Name", town.Name)}, Organisation: town, People: side, Own: true, Tasks: true}
	}},
	"kontakte-leer": {"kontakte", actor.Duty, func(r *page.Renderer, lang string) page.View {
		return &contactsView{
			Base:         page.Base{Title: r.Text(lang, "directory.contact.of", "Name", town.Name), Layout: page.Desk, Nav: page.NavConstituency},
			Organisation: town, People: peopleSide{Show: true, NoEmergency: true, Missing: []contact.Function{contact.Head, contact.Emergency}},
		}
	}},
	"kontakt": {"kontakt", actor.OrgAdmin, func(r *page.Renderer, lang string) page.View {
		return &contactView{
			Base: page.Base{Title: called.Name}, Organisation: town, Contact: &lines[0], Form: contactFormOf(called),
			Functions: functionOptions(r, lang), Action: "/verzeichnis/kommunen/x/kontakte/y",
		}
	}},
	"kontakt-fehler": {"kontakt", actor.Officer, func(r *page.Renderer, lang string) page.View {
		return &contactView{
			Base: page.Base{Title: r.Text(lang, "directory.contact.new"), Errors: []page.FieldError{
				{Field: "name", Code: "directory.error.name"},
				{Field: "functions", Code: "directory.contact.error.functions"},
				{Field: "phone", Code: "directory.contact.error.way"},
				{Field: "mobile", Code: "directory.contact.error.emergency"},
				{Field: "email", Code: "directory.error.email"},
				{Field: "hours", Code: "directory.contact.error.hours"},
			}},
			Organisation: town, Form: contactForm{Name: hostile, Email: hostile, Hours: hostile, Key: "KEY"}, Functions: functionOptions(r, lang), Action: "/verzeichnis/kommunen/x/kontakte",
		}
	}},
}
