// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"maps"

	"github.com/thueringencert/leitstelle/services/directory/internal/catalogue"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/contact"
	"github.com/thueringencert/leitstelle/services/directory/internal/mandate"
	"github.com/thueringencert/leitstelle/services/directory/internal/participation"
	"github.com/thueringencert/leitstelle/services/directory/internal/responsibility"
	"github.com/thueringencert/leitstelle/services/directory/internal/succession"
	"github.com/thueringencert/leitstelle/services/directory/internal/takeover"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/page"
)

// allSamples are those of every topic.
func allSamples() map[string]sample {
	out := maps.Clone(samples)
	maps.Copy(out, structureSamples)
	maps.Copy(out, mandateSamples())
	maps.Copy(out, signInSamples)
	return out
}

var (
	kreis  = constituency.Organisation{ID: "11111111-0000-7000-8000-000000000004", Level: constituency.Kreis, AGS: "16099000", Name: "Landkreis Mustern", Seat: "Öhrda"}
	former = constituency.Organisation{
		ID: "11111111-0000-7000-8000-000000000005", Level: constituency.Gemeinde, AGS: "16099001", Name: "Altdorf " + hostile,
		Kreis: "16099", KreisName: "Landkreis Mustern", GoneAt: at(0), Successor: town.ID,
	}
	somewhere = []outside{{"Unternehmen", "Beratung " + hostile, page.Authority{Name: "Agentur", Phone: "0361 1", URL: "https://agentur.example"}}}
)

var (
	advice = catalogue.Service{
		ID: "77777777-0000-7000-8000-000000000001", Key: "advice", Name: catalogue.Text{DE: "Beratung", EN: "Advice"},
		Description: catalogue.Text{DE: "Ein Gespräch " + hostile, EN: "A talk " + hostile}, Status: catalogue.Offered, Contact: "beratung@cert.example",
		Conditions: map[constituency.Level]catalogue.Text{constituency.Gemeinde: {DE: "kostenfrei", EN: "free of charge"}}, Position: 10, Version: 1,
	}
	wish = catalogue.Request{
		ID: "88888888-0000-7000-8000-000000000001", ServiceName: advice.Name, Organisation: town.ID, OrgName: town.Name, PersonName: kim.Name,
		Wish: "Schulung " + hostile, WantedOn: at(0), Contact: "Kim, 110", State: catalogue.Promised, CreatedAt: noon,
		Answers: []catalogue.Answer{{PersonName: "Karla Kontakt", State: catalogue.Promised, Text: "Gern " + hostile, At: noon}},
	}
)

// figures are a few numbers, as those see them who may see all, or not.
func figures(exact bool) counted {
	row := func(key, name string, n int) participation.Row {
		r := participation.Row{Key: key, Name: name, Bodies: n}
		for i, x := range []int{n / 2, n / 3, n / 10, 0, n / 4, n / 8} {
			r.Figures[i] = participation.Figure{N: x, Of: n}
		}
		r.Figures[5].Of = n / 4
		return r
	}
	c := counted{
		Total: row("", "", 680), Levels: []participation.Row{row("kreis", "", 17), row("gemeinde", "", 600)}, At: noon, Exact: exact,
		Kreise: []participation.Row{row("16099", "Landkreis Mustern "+hostile, 36)}, Months: []participation.Row{row("2026-10", "", 680), row("2026-11", "", 681)},
	}
	if !exact {
		c.Levels, c.Kreise = participation.Hide(c.Levels), participation.Hide(c.Kreise)
	}
	return c
}

func statusOptions(r *page.Renderer, lang string) []page.Option {
	var out []page.Option
	for _, s := range catalogue.Statuses() {
		out = append(out, page.Option{Value: string(s), Label: r.Text(lang, "directory.service.status."+string(s))})
	}
	return out
}

var structureSamples = map[string]sample{
	"kommune-ehemals": {"kommune", actor.Officer, func(*page.Renderer, string) page.View {
		return &organisationView{
			Base: page.Base{Title: former.Name}, Organisation: former, Source: constituency.Notice,
			Structure: structure{Successor: &town, Step: &succession.Succession{Kind: succession.Incorporated, Date: at(0)}},
		}
	}},
	"nachfolge": {"nachfolge", actor.Constituency, func(r *page.Renderer, lang string) page.View {
		return &takeoverView{
			Base:         page.Base{Title: r.Text(lang, "directory.takeover"), Layout: page.Desk, Nav: page.NavConstituency, Errors: []page.FieldError{{Field: "people", Code: "directory.error.people"}}},
			Organisation: former, Structure: structure{Successor: &town, Step: &succession.Succession{Kind: succession.Renamed}}, Heir: town,
			People: []page.Option{{Value: kim.ID, Label: kim.Name, Hint: hostile}}, Chosen: []string{kim.ID},
			Mandates: []mandate.Named{granted}, Successor: town.AGS, Kind: "merged", Date: "2024-01-01",
			Kinds:    []page.Option{{Value: "merged", Label: "Neubildung"}},
			Contacts: []page.Option{{Value: "c1", Label: hostile, Hint: hostile}}, Requests: []page.Option{{Value: "r1", Label: hostile, Hint: "x"}},
			Offers: []page.Option{{Value: "m1", Label: hostile}}, Seal: "move", Seals: []page.Option{{Value: "move", Label: "Übergeben"}, {Value: "drop", Label: "Löschen"}},
			Wish: takeover.Wish{Contacts: []string{"c1"}, Requests: []string{"r1"}, Mandates: []string{"m1"}},
			Estate: takeover.Estate{
				Sealed: true, HeirSealed: true, Invitations: 1, Tasks: 2, HandedAt: at(0),
				Deputies: []takeover.Deputy{{Name: hostile, DeputyName: hostile}},
			},
		}
	}},
	"nachfolge-leer": {"nachfolge", actor.Constituency, func(r *page.Renderer, lang string) page.View {
		o := former
		o.Successor = ""
		return &takeoverView{Base: page.Base{Title: r.Text(lang, "directory.takeover")}, Organisation: o, Heir: o, People: []page.Option{{Value: "x", Label: "X"}}}
	}},
	"nachfolge-besteht": {"nachfolge", actor.Constituency, func(r *page.Renderer, lang string) page.View {
		return &takeoverView{Base: page.Base{Title: r.Text(lang, "directory.takeover")}, Organisation: town, Heir: town}
	}},
	"leistungen": {"leistungen", actor.OrgAdmin, func(r *page.Renderer, lang string) page.View {
		other := advice
		other.Conditions = nil
		return &servicesView{
			Base: page.Base{Title: r.Text(lang, "directory.services")}, Body: town.Name, MayEdit: true, MayAsk: true, MayRead: true,
			Items: []serviceLine{serviceLineOf(advice, lang, []constituency.Organisation{town}), serviceLineOf(other, lang, []constituency.Organisation{town})},
		}
	}},
	"leistungen-leer": {"leistungen", actor.Officer, func(r *page.Renderer, lang string) page.View {
		return &servicesView{Base: page.Base{Title: r.Text(lang, "directory.services")}}
	}},
	"leistung": {"leistung", actor.Officer, func(_ *page.Renderer, lang string) page.View {
		return &serviceView{
			Base: page.Base{Title: advice.Name.In(lang)}, Item: serviceLineOf(advice, lang, []constituency.Organisation{town}), MayAsk: true,
			Bodies: []page.Option{{Value: town.ID, Label: town.Name, Hint: "kostenfrei"}}, Request: requestForm{town.ID, hostile, "2026-12-01", "Kim, 110", "KEY"},
		}
	}},
	"leistung-pflege": {"leistung", actor.Constituency, func(r *page.Renderer, lang string) page.View {
		return &serviceView{
			Base: page.Base{Title: advice.Name.In(lang), Layout: page.Desk, Nav: page.NavConstituency, Errors: []page.FieldError{{Field: "conditions", Code: "directory.error.service.conditions"}}},
			Item: serviceLineOf(catalogue.Service{Name: advice.Name, Description: advice.Description, Status: catalogue.Ended}, lang, nil), MayEdit: true, Form: serviceFormOf(advice), Choices: statusOptions(r, lang),
		}
	}},
	"leistung-neu": {"leistung-neu", actor.Constituency, func(r *page.Renderer, lang string) page.View {
		return &newServiceView{Base: page.Base{Title: r.Text(lang, "directory.service.new"), Errors: []page.FieldError{
			{Field: "key", Code: "directory.error.service.taken"},
			{Field: "name", Code: "directory.error.service.name"},
			{Field: "description", Code: "directory.error.service.description"},
			{Field: "status", Code: "directory.error.service.status"},
		}}, Form: serviceFormOf(catalogue.Service{Key: hostile, Status: catalogue.Examined}), Choices: statusOptions(r, lang)}
	}},
	"anfragen": {"anfragen", actor.Constituency, func(r *page.Renderer, lang string) page.View {
		return &requestsView{Base: page.Base{Title: r.Text(lang, "directory.requests")}, Items: []requestLine{{wish, wish.ServiceName.In(lang)}}, More: "/verzeichnis/leistungen/anfragen?after=x"}
	}},
	"anfragen-leer": {"anfragen", actor.Officer, func(r *page.Renderer, lang string) page.View {
		return &requestsView{Base: page.Base{Title: r.Text(lang, "directory.requests")}, Open: true}
	}},
	"anfrage": {"anfrage", actor.Constituency, func(r *page.Renderer, lang string) page.View {
		var states []page.Option
		for _, s := range catalogue.States()[1:] {
			states = append(states, page.Option{Value: string(s), Label: r.Text(lang, "directory.request.state."+string(s))})
		}
		return &requestView{
			Base: page.Base{Title: "Anfrage", Errors: []page.FieldError{{Field: "state", Code: "directory.error.request.state"}, {Field: "text", Code: "directory.error.request.text"}}},
			Item: wish, Service: wish.ServiceName.In(lang), MayAnswer: true, States: states, Text: hostile, Version: 2,
		}
	}},
	"anfrage-neu": {"anfrage", actor.Officer, func(_ *page.Renderer, lang string) page.View {
		x := wish
		x.Answers, x.State, x.WantedOn = nil, catalogue.Received, nil
		return &requestView{Base: page.Base{Title: "Anfrage"}, Item: x, Service: wish.ServiceName.In(lang)}
	}},
	"beteiligung": {"beteiligung", actor.Constituency, func(r *page.Renderer, lang string) page.View {
		return &participationView{Base: page.Base{Title: r.Text(lang, "directory.participation"), Layout: page.Desk, Nav: page.NavConstituency}, counted: figures(true), Bars: bars(figures(true).Months)}
	}},
	"beteiligung-gremium": {"beteiligung", actor.Steering, func(r *page.Renderer, lang string) page.View {
		x := figures(false)
		x.Months = nil
		return &participationView{Base: page.Base{Title: r.Text(lang, "directory.participation")}, counted: x}
	}},
	"beteiligung-leer": {"beteiligung", actor.Steering, func(r *page.Renderer, lang string) page.View {
		return &participationView{Base: page.Base{Title: r.Text(lang, "directory.participation")}, counted: counted{At: noon}}
	}},
	"kommune-kreis": {"kommune", actor.Officer, func(*page.Renderer, string) page.View {
		var list []participation.Member
		for _, stage := range []string{"none", "invited", "contacts", "roles", "active", "declined", "paused"} {
			list = append(list, participation.Member{Organisation: town, Stage: stage})
		}
		return &organisationView{Base: page.Base{Title: kreis.Name}, Organisation: kreis, Structure: structure{KreisMembers: list}, Source: constituency.Notice, Own: true}
	}},
	"zustaendig": {"zustaendig", actor.Constituency, func(r *page.Renderer, lang string) page.View {
		return &responsibilityView{
			Base: page.Base{Title: r.Text(lang, "directory.responsible"), Index: true}, Query: "Altdorf", Asked: true,
			Answer: &responsibility.Answer{
				Body: town, Administration: &office, Kreis: &kreis, SupervisedBy: &kreis,
				Former: []responsibility.Former{
					{Organisation: former, Succession: succession.Succession{Kind: succession.Incorporated, Date: at(0)}},
					{Organisation: former, Succession: succession.Succession{Kind: succession.Merged}},
				},
			},
			Coordinators: []contact.Contact{{Name: "Kai Kreis", Phone: "03600 9", Email: "kai@mustern.example"}},
			Providers:    []string{provider.Name}, Others: []constituency.Organisation{kreis, former}, MoreHits: true,
			Outside: somewhere, Unchecked: []string{"Agentur"}, Source: constituency.Notice,
		}
	}},
	"zustaendig-stadt": {"zustaendig", "", func(r *page.Renderer, lang string) page.View {
		o := town
		o.Administration = ""
		return &responsibilityView{
			Base: page.Base{Title: r.Text(lang, "directory.responsible"), Index: true}, Query: "Öhrda", Asked: true,
			Answer: &responsibility.Answer{Body: o}, Supervision: &page.Authority{Name: "Aufsicht", Address: "Weg 1|99423 Weimar"}, Outside: somewhere,
		}
	}},
	"zustaendig-leer": {"zustaendig", "", func(r *page.Renderer, lang string) page.View {
		return &responsibilityView{Base: page.Base{Title: r.Text(lang, "directory.responsible"), Index: true}, Outside: somewhere}
	}},
	"zustaendig-nichts": {"zustaendig", "", func(r *page.Renderer, lang string) page.View {
		return &responsibilityView{Base: page.Base{Title: r.Text(lang, "directory.responsible"), Index: true}, Query: hostile, Asked: true}
	}},
	"zustaendig-mehrere": {"zustaendig", "", func(r *page.Renderer, lang string) page.View {
		return &responsibilityView{Base: page.Base{Title: r.Text(lang, "directory.responsible"), Index: true}, Query: "Öhrda", Asked: true, Others: []constituency.Organisation{town, kreis}}
	}},
}
