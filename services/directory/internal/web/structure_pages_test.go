// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"maps"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/mandate"
	"github.com/thueringencert/leitstelle/services/directory/internal/responsibility"
	"github.com/thueringencert/leitstelle/services/directory/internal/succession"
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
			Kinds: []page.Option{{Value: "merged", Label: "Neubildung"}},
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
			Providers: []string{provider.Name}, Others: []constituency.Organisation{kreis, former}, MoreHits: true,
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
