// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"maps"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/responsibility"
	"github.com/thueringencert/leitstelle/services/directory/internal/succession"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/page"
)

// allSamples are those of every topic.
func allSamples() map[string]sample {
	out := maps.Clone(samples)
	maps.Copy(out, structureSamples)
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
