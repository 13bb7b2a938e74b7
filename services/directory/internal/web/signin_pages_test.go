// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/factor"
	"github.com/thueringencert/leitstelle/services/directory/internal/invitation"
	"github.com/thueringencert/leitstelle/services/directory/internal/secret"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/page"
)

var (
	everyFactor = factor.Overview{
		Password: true, PasswordAt: at(-time.Hour), App: true, AppAt: at(-time.Hour), Recovery: 7, RecoveryAt: at(-time.Hour), RecoverySet: "x",
		Passkeys: []factor.Passkey{
			{ID: "77777777-0000-7000-8000-000000000001", Name: "Laptop " + hostile, CreatedAt: noon, UsedAt: at(0), WarnedAt: at(0)},
			{ID: "77777777-0000-7000-8000-000000000002", Name: "Schlüssel", CreatedAt: noon},
		},
	}
	linked = []linkLine{
		{factor.Identity{ID: "88888888-0000-7000-8000-000000000001", Provider: "bundid", Label: "Kim " + hostile, LinkedAt: noon, UsedAt: at(0)}, "BundID"},
		{factor.Identity{ID: "88888888-0000-7000-8000-000000000002", Provider: "muk", LinkedAt: noon}, "Mein Unternehmenskonto"},
	}
	buttons = []providerButton{{"bundid", "BundID", "/konto/oidc/bundid"}, {"muk", "Mein Unternehmenskonto", "/konto/oidc/muk"}}
	square  = secret.QR{Size: 9, Path: "M4 4h1v1h-1z"}
	invites = []invitationLine{
		{Invitation: invitation.Invitation{ID: "99999999-0000-7000-8000-000000000001", Kind: invitation.Join, Name: hostile, Email: "neu@oehrda.example", ExpiresAt: *at(life)}, State: invitation.Sent, Roles: []role{{actor.Officer, town.Name, town.ID, town.AGS}}},
		{Invitation: invitation.Invitation{ID: "99999999-0000-7000-8000-000000000002", Kind: invitation.Join, Name: "Alex", Email: "alex@cert.example", ExpiresAt: *at(life)}, State: invitation.Waiting, Mine: true, Roles: []role{{actor.Analyst, "CERT", office.ID, office.ID}}},
		{Invitation: invitation.Invitation{ID: "99999999-0000-7000-8000-000000000003", Kind: invitation.Roles4, Name: "Robin", Email: "robin@cert.example", ExpiresAt: *at(life)}, State: invitation.Waiting, Roles: []role{{actor.Lead, "CERT", office.ID, office.ID}}},
		{Invitation: invitation.Invitation{ID: "99999999-0000-7000-8000-000000000004", Kind: invitation.Join, Name: "Spät", Email: "spaet@oehrda.example"}, State: invitation.Expired, Roles: []role{{actor.Officer, town.Name, town.ID, town.AGS}}},
		{Invitation: invitation.Invitation{ID: "99999999-0000-7000-8000-000000000005", Kind: invitation.Join, Name: "Kai", Email: "kai@oehrda.example", EndedWhy: invitation.RightLost}, State: invitation.Void, Roles: []role{{actor.Officer, town.Name, town.ID, town.AGS}}},
	}
)

// life of an invitation, for the samples.
const life = invitation.Life

func rolesOptions(r *page.Renderer, lang string, roles ...actor.Role) []page.Option {
	var out []page.Option
	for _, x := range roles {
		out = append(out, page.Option{Value: string(x), Label: r.Word(lang, "role", string(x))})
	}
	return out
}

func opened(kind invitation.Kind, known bool) invitation.Opened {
	return invitation.Opened{Known: known, Invitation: invitation.Invitation{Kind: kind, Name: "Kim " + hostile, Email: "kim@oehrda.example"}}
}

func invitedSample(kind invitation.Kind, known, self, other bool, errs ...page.FieldError) func(*page.Renderer, string) page.View {
	return func(r *page.Renderer, lang string) page.View {
		return &invitedView{
			Base: page.Base{Title: r.Text(lang, "directory.signin.invited."+string(kind)), Errors: errs}, Opened: opened(kind, known), Token: "TOKEN",
			Roles: []role{{actor.Officer, town.Name, town.ID, town.AGS}}, QR: square, Secret: "JBSW Y3DP", Self: self, Other: other,
			SignIn: "/konto/anmelden?next=%2Fkonto%2Feinladung%2FTOKEN", Providers: buttons,
		}
	}
}

var signInSamples = map[string]sample{
	"anmelden-wege": {"anmelden", "", func(r *page.Renderer, lang string) page.View {
		return &signInView{Base: page.Base{Title: r.Text(lang, "directory.signin")}, Providers: buttons, Passkey: true, Next: "/melden"}
	}},
	"anmelden-notfall": {"anmelden", "", func(r *page.Renderer, lang string) page.View {
		return &signInView{Base: page.Base{Title: r.Text(lang, "directory.signin")}, Recovery: true}
	}},
	"bestaetigung": {"bestaetigung", actor.Lead, func(r *page.Renderer, lang string) page.View {
		return &confirmView{
			Base: page.Base{Title: r.Text(lang, "directory.signin.confirm")}, Next: "/lage/fall/V-1", Has: everyFactor, Passkey: true, Providers: buttons,
		}
	}},
	"bestaetigung-falsch": {"bestaetigung", actor.Lead, func(r *page.Renderer, lang string) page.View {
		return &confirmView{
			Base: page.Base{Title: r.Text(lang, "directory.signin.confirm"), Errors: []page.FieldError{{Field: "code", Code: "directory.signin.confirm.wrong"}}},
			Has:  factor.Overview{App: true}, Wait: 15,
		}
	}},
	"zweiter-faktor": {"zweiter-faktor", "", func(r *page.Renderer, lang string) page.View {
		return &secondView{Base: page.Base{Title: r.Text(lang, "directory.signin.second")}, Label: "BundID", Passkey: true}
	}},
	"sicherheit": {"sicherheit", actor.Officer, func(r *page.Renderer, lang string) page.View {
		return &securityView{Base: page.Base{Title: r.Text(lang, "directory.signin.security")}, Has: everyFactor, Links: linked, Providers: buttons, Passkeys: true}
	}},
	"sicherheit-wenig": {"sicherheit", actor.Officer, func(r *page.Renderer, lang string) page.View {
		return &securityView{Base: page.Base{Title: r.Text(lang, "directory.signin.security")}, Has: factor.Overview{App: true}, LastApp: true, Providers: buttons}
	}},
	"passwort": {"passwort", actor.Officer, func(r *page.Renderer, lang string) page.View {
		return &passwordView{
			Base:  page.Base{Title: r.Text(lang, "directory.signin.password.change"), Errors: []page.FieldError{{Field: "password", Code: "directory.signin.error.common"}}},
			Email: kim.Email,
		}
	}},
	"app": {"app", actor.Officer, func(r *page.Renderer, lang string) page.View {
		return &appView{
			Base:   page.Base{Title: r.Text(lang, "directory.signin.app.set"), Errors: []page.FieldError{{Field: "code", Code: "directory.signin.error.code"}}},
			Secret: "JBSW Y3DP EHPK 3PXP", QR: square, Set: true,
		}
	}},
	"app-neu": {"app", actor.Officer, func(r *page.Renderer, lang string) page.View {
		return &appView{Base: page.Base{Title: r.Text(lang, "directory.signin.app.set")}, Secret: "JBSW Y3DP EHPK 3PXP", QR: square}
	}},
	"notfallcodes": {"notfallcodes", actor.Officer, func(r *page.Renderer, lang string) page.View {
		return &recoveryView{Base: page.Base{Title: r.Text(lang, "directory.signin.recovery")}, Codes: []string{"7K4M-9QD2-M2XT-R8VB", "0000-1111-2222-3333"}, Left: 10, Ever: true}
	}},
	"notfallcodes-spaeter": {"notfallcodes", actor.Officer, func(r *page.Renderer, lang string) page.View {
		return &recoveryView{Base: page.Base{Title: r.Text(lang, "directory.signin.recovery")}, Left: 1, Ever: true}
	}},
	"notfallcodes-keine": {"notfallcodes", actor.Officer, func(r *page.Renderer, lang string) page.View {
		return &recoveryView{Base: page.Base{Title: r.Text(lang, "directory.signin.recovery")}}
	}},
	"passkey": {"passkey", actor.Officer, func(r *page.Renderer, lang string) page.View {
		return &passkeyView{
			Base: page.Base{Title: r.Text(lang, "directory.signin.passkey.new"), Errors: []page.FieldError{{Field: "name", Code: "directory.signin.passkey.failed"}}},
			Name: hostile, Shown: true,
		}
	}},
	"passkey-nicht-hier": {"passkey", actor.Officer, func(r *page.Renderer, lang string) page.View {
		return &passkeyView{Base: page.Base{Title: r.Text(lang, "directory.signin.passkey.new")}}
	}},
	"verknuepfen": {"verknuepfen", actor.Officer, func(r *page.Renderer, lang string) page.View {
		return &linkView{Base: page.Base{Title: r.Text(lang, "directory.signin.link")}, Label: "Kim " + hostile, Provider: "BundID"}
	}},
	"einladung":        {"einladung", "", invitedSample(invitation.Join, false, false, false)},
	"einladung-fehler": {"einladung", "", invitedSample(invitation.Join, false, false, false, page.FieldError{Field: "password", Code: "directory.signin.error.short"}, page.FieldError{Field: "code", Code: "directory.signin.error.code"})},
	"einladung-passkey": {"einladung", "", func(r *page.Renderer, lang string) page.View {
		v := invitedSample(invitation.Join, false, false, false)(r, lang).(*invitedView)
		v.Passkey, v.Providers = true, nil
		return v
	}},
	"einladung-anderswo": {"einladung", "", func(r *page.Renderer, lang string) page.View {
		v := invitedSample(invitation.Join, false, false, false)(r, lang).(*invitedView)
		v.Elsewhere = "https://cert.example/konto/einladung/TOKEN"
		return v
	}},
	"einladung-bekannt": {"einladung", "", invitedSample(invitation.Join, true, false, false)},
	"einladung-selbst":  {"einladung", actor.Officer, invitedSample(invitation.Join, true, true, false)},
	"einladung-fremd":   {"einladung", actor.Officer, invitedSample(invitation.Join, true, false, true)},
	"passwort-neu":      {"einladung", "", invitedSample(invitation.Password, true, false, false, page.FieldError{Field: "second", Code: "directory.signin.reset.wrong"})},
	"app-verloren":      {"einladung", "", invitedSample(invitation.Factor, true, false, false)},
	"einladung-vorbei": {"einladung-vorbei", "", func(r *page.Renderer, lang string) page.View {
		return &invitedView{Base: page.Base{Title: r.Text(lang, "directory.signin.invited.gone")}}
	}},
	"einladen": {"einladen", actor.Admin, func(r *page.Renderer, lang string) page.View {
		return &inviteView{
			Base:  page.Base{Title: r.Text(lang, "directory.signin.invite"), Errors: []page.FieldError{{Field: "email", Code: "directory.error.email"}, {Field: "memberships", Code: "directory.error.membership"}}},
			Form:  inviteForm{Name: hostile, Email: "x", Function: "ISB", Language: "en", Organisation: "thueringencert", Roles: []string{"lead"}, Key: "KEY"},
			Roles: rolesOptions(r, lang, actor.Analyst, actor.Lead), Certified: true,
			Languages: []page.Option{{Value: "de", Label: "Deutsch"}, {Value: "en", Label: "English"}},
		}
	}},
	"einladen-stelle": {"einladen", actor.OrgAdmin, func(r *page.Renderer, lang string) page.View {
		return &inviteView{
			Base: page.Base{Title: r.Text(lang, "directory.signin.invite")}, Form: inviteForm{Language: "de", Organisation: town.AGS, Key: "KEY"}, Fixed: &town,
			Roles: rolesOptions(r, lang, actor.Officer, actor.OrgAdmin), Languages: []page.Option{{Value: "de", Label: "Deutsch"}},
		}
	}},
	"rollen": {"rollen", actor.Admin, func(r *page.Renderer, lang string) page.View {
		return &rolesView{
			Base: page.Base{Title: r.Text(lang, "directory.signin.roles.change", "Name", kim.Name)}, Person: kim, Organisation: town,
			Roles: rolesOptions(r, lang, actor.Officer, actor.OrgAdmin), Ticked: []string{"officer"}, Certified: true,
			Elsewhere: []role{{actor.Provider, provider.Name, provider.ID, provider.ID}}, Open: invites[2:3],
		}
	}},
	"personen-einladungen": {"personen", actor.Admin, func(r *page.Renderer, lang string) page.View {
		return &peopleView{Base: page.Base{Title: r.Text(lang, "directory.people")}, Items: []account.Person{kim}, MayInvite: true, Invitations: invites}
	}},
	"person-verwalten": {"person", actor.OrgAdmin, func(*page.Renderer, string) page.View {
		return &personView{
			Base: page.Base{Title: kim.Name}, Person: kim, Roles: []role{{actor.Officer, town.Name, town.ID, town.AGS}},
			MayChange: true, MayReset: true, Invitations: invites[:1],
		}
	}},
}
