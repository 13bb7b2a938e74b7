// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/mandate"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/page"
)

// inState is the sample mandate in another state.
func inState(s mandate.State) mandateLine {
	m := granted
	m.State, m.Services, m.GrantedBy = s, []string{"E-Mail " + hostile, "Fachverfahren Meldewesen"}, "Ines Bürger, Bürgermeisterin"
	return lineOf(m, noon)
}

func ended(s mandate.State) mandateLine {
	l := inState(s)
	l.Now = s
	return l
}

var mandateSteps = []mandateStep{
	{Step: mandate.Step{At: noon.Add(-48 * time.Hour), What: "requested"}, Who: "Vera Vertrag, " + provider.Name},
	{Step: mandate.Step{At: noon.Add(-24 * time.Hour), What: "granted", Note: "Akte 7 " + hostile}, Who: "Ines Bürger, " + town.Name},
	{Step: mandate.Step{At: noon, What: "confirmed"}, Who: "ThüringenCERT"},
	{Step: mandate.Step{At: noon, What: "loaded"}},
}

func scopeList(r *page.Renderer, lang string) []page.Option {
	out := r.Options(lang, "scope")
	for i := range out {
		out[i].Hint = r.Text(lang, "directory.mandate.scope."+out[i].Value)
	}
	return out
}

func oneMandate(s mandate.State, b page.Base, change func(*mandateView)) *mandateView {
	b.Title = "Rechenhaus GmbH für Öhrda"
	v := &mandateView{Base: b, mandateLine: inState(s), Steps: mandateSteps}
	if s == mandate.Declined || s == mandate.Revoked || s == mandate.Expired {
		v.mandateLine = ended(s)
	}
	change(v)
	return v
}

func mandateSamples() map[string]sample {
	desk := page.Base{Layout: page.Desk, Nav: page.NavConstituency}
	return map[string]sample{
		"mandate": {"mandate", actor.OrgAdmin, func(r *page.Renderer, lang string) page.View {
			return &mandatesView{
				Base: page.Base{Title: r.Text(lang, "directory.mandates")}, Organisation: town, Others: []constituency.Organisation{office}, Query: hostile,
				Asked: []mandateLine{inState(mandate.Requested)}, Given: []mandateLine{inState(mandate.Active), inState(mandate.Granted)},
				Taken: []mandateLine{inState(mandate.Active)}, Ended: []mandateLine{ended(mandate.Revoked), ended(mandate.Declined), ended(mandate.Expired)},
				MayGrant: true, MayAsk: true, ScopeNames: page.Words("scope"),
			}
		}},
		"mandate-leer": {"mandate", actor.Officer, func(r *page.Renderer, lang string) page.View {
			return &mandatesView{Base: page.Base{Title: r.Text(lang, "directory.mandates")}, Organisation: town}
		}},
		"mandat": {"mandat", actor.OrgAdmin, func(*page.Renderer, string) page.View {
			return oneMandate(mandate.Active, page.Base{}, func(v *mandateView) { v.MayChange, v.MayRevoke, v.MaySeeLog = true, true, true })
		}},
		"mandat-angefragt": {"mandat", actor.OrgAdmin, func(*page.Renderer, string) page.View {
			return oneMandate(mandate.Requested, page.Base{}, func(v *mandateView) { v.MayGrant, v.MayDecline, v.Services = true, true, nil })
		}},
		"mandat-warten": {"mandat", actor.Constituency, func(*page.Renderer, string) page.View {
			b := desk
			b.Errors = []page.FieldError{{Field: "reason", Code: "directory.error.reason"}}
			return oneMandate(mandate.Granted, b, func(v *mandateView) { v.MayConfirm, v.MayDecline, v.Reason = true, true, hostile })
		}},
		"mandat-vorbei": {"mandat", actor.Provider, func(*page.Renderer, string) page.View {
			return oneMandate(mandate.Revoked, page.Base{}, func(*mandateView) {})
		}},
		"mandat-beauftragt": {"mandat", actor.OrgAdmin, func(*page.Renderer, string) page.View {
			return oneMandate(mandate.Active, page.Base{}, func(v *mandateView) { v.MayReturn = true })
		}},
		"mandat-druck": {"mandat-druck", actor.OrgAdmin, func(*page.Renderer, string) page.View {
			return oneMandate(mandate.Active, page.Base{Layout: page.Print}, func(*mandateView) {})
		}},
		"mandat-suche": {"mandat-suche", actor.OrgAdmin, func(r *page.Renderer, lang string) page.View {
			return &mandateSearchView{
				Base: page.Base{Title: r.Text(lang, "directory.mandate.grant")}, Kind: "grant", Own: town, Action: "/verzeichnis/mandate/neu",
				Items: []searchItem{{provider, "/verzeichnis/mandate/neu?mit=1"}, {town, "/verzeichnis/mandate/neu?mit=2"}},
			}
		}},
		"mandat-suche-leer": {"mandat-suche", actor.Constituency, func(r *page.Renderer, lang string) page.View {
			return &mandateSearchView{Base: desk, Kind: "request", Action: "/verzeichnis/mandate/anfragen", Query: hostile}
		}},
		"mandat-neu": {"mandat-neu", actor.OrgAdmin, func(r *page.Renderer, lang string) page.View {
			return &mandateFormView{
				Base: page.Base{Title: r.Text(lang, "directory.mandate.grant")}, Kind: "grant", Principal: town, Agent: provider,
				Action: "/verzeichnis/mandate/neu?stelle=1", Back: "/verzeichnis/mandate", OtherParty: "mit", Other: provider.ID, ScopeList: scopeList(r, lang),
				Form: mandateForm{Scopes: []string{"report", "read"}, From: "2026-11-21", Key: "KEY", Replaces: granted.ID},
			}
		}},
		"mandat-neu-fehler": {"mandat-neu", actor.Constituency, func(r *page.Renderer, lang string) page.View {
			b := desk
			b.Errors = []page.FieldError{
				{Field: "scopes", Code: "directory.error.scopes"},
				{Field: "services", Code: "directory.error.services"},
				{Field: "from", Code: "directory.mandate.error.day"},
				{Field: "to", Code: "directory.error.to_past"},
				{Field: "granted_by", Code: "directory.error.granted_by"},
				{Field: "document", Code: "directory.error.document"},
				{Code: "directory.mandate.error.waits"},
			}
			return &mandateFormView{
				Base: b, Kind: "grant", Paper: true, Principal: town, Agent: provider, Action: "/verzeichnis/mandate/neu", Back: "/verzeichnis/mandate",
				OtherParty: "mit", ScopeList: scopeList(r, lang),
				Form: mandateForm{Services: hostile, From: hostile, To: hostile, Document: hostile, GrantedBy: hostile, Key: "KEY"},
			}
		}},
		"mandat-anfragen": {"mandat-neu", actor.OrgAdmin, func(r *page.Renderer, lang string) page.View {
			return &mandateFormView{
				Base: page.Base{Title: r.Text(lang, "directory.mandate.request")}, Kind: "request", Principal: town, Agent: provider,
				Action: "/verzeichnis/mandate/anfragen", Back: "/verzeichnis/mandate", OtherParty: "mit", ScopeList: scopeList(r, lang), Form: mandateForm{Key: "KEY"},
			}
		}},
		"mandate-warten": {"mandate-warten", actor.Constituency, func(r *page.Renderer, lang string) page.View {
			b := desk
			b.Title, b.Errors = r.Text(lang, "directory.mandate.waiting"), []page.FieldError{{Field: "ids", Code: "directory.error.ids"}}
			return &waitingView{Base: b, Query: hostile, Items: []mandateLine{inState(mandate.Granted), inState(mandate.Granted)}, More: "/verzeichnis/mandate/bestaetigen?after=x"}
		}},
		"mandate-warten-leer": {"mandate-warten", actor.Constituency, func(r *page.Renderer, lang string) page.View {
			b := desk
			b.Title = r.Text(lang, "directory.mandate.waiting")
			return &waitingView{Base: b}
		}},
	}
}
