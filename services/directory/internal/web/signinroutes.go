// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"context"
	"net/http"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/factor"
	"github.com/thueringencert/leitstelle/services/directory/internal/idp"
	"github.com/thueringencert/leitstelle/services/directory/internal/invitation"
	"github.com/thueringencert/leitstelle/services/directory/internal/passkey"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/page"
)

// SignIn is what the pages of signing in and of inviting need.
type SignIn struct {
	Factors     *factor.Desk
	Invitations *invitation.Desk
	Invited     InvitationReads
	Providers   *idp.Set            // nil: none
	Passkeys    *passkey.Ceremonies // nil: the public address takes none
	Ceremonies  Ceremonies
	Site        page.Site
	// InviteOnce is Handler.Once for invitations.
	InviteOnce func(ctx context.Context, r idem.Request, effect func(*invitation.Desk) (status int, body any, err error)) (idem.Answer, error)
}

// signInWait is how long a password may wait for its turn: when hundreds sign in
// at once they are queued, not sent away.
const signInWait = 50 * time.Second

// signInPages are the pages of signing in with more than a password, of what
// one signs in with, and of bringing people in.
func (h *Handler) signInPages() []httpserver.Route {
	get, post := http.MethodGet, http.MethodPost
	return []httpserver.Route{
		{Method: post, Path: "/konto/passkeys/anfrage", Action: actor.Public, Handler: h.askPasskey},
		{Method: post, Path: "/konto/anmelden/passkey", Action: actor.Public, Handler: h.signInPasskey},
		{Method: get, Path: "/konto/oidc/:provider", Action: actor.Public, Handler: h.oidcStart},
		{Method: get, Path: "/konto/oidc/:provider/rueckkehr", Action: actor.Public, Handler: h.oidcBack},
		{Method: get, Path: "/konto/zweiter-faktor", Action: actor.Public, Handler: h.secondForm},
		{Method: post, Path: "/konto/zweiter-faktor", Action: actor.Public, Handler: h.second},
		{Method: get, Path: "/konto/einladung/:token", Action: actor.Public, Handler: h.invited},
		{Method: post, Path: "/konto/einladung/:token", Action: actor.Public, Handler: h.accept, Within: signInWait},
		{Method: post, Path: "/konto/einladung/:token/passkey", Action: actor.Public, Handler: h.makeFirstPasskey},
		{Method: get, Path: "/konto/bestaetigen", Action: actor.AccountOwn, Handler: h.confirmForm},
		{Method: post, Path: "/konto/bestaetigen", Action: actor.AccountOwn, Handler: h.confirmAgain, Within: signInWait},
		{Method: post, Path: "/konto/bestaetigen/passkey", Action: actor.AccountOwn, Handler: h.confirmPasskey},
		{Method: get, Path: "/konto/sicherheit", Action: actor.AccountOwn, Handler: h.security},
		{Method: get, Path: "/konto/sicherheit/passwort", Action: actor.FactorChange, Handler: h.passwordForm},
		{Method: post, Path: "/konto/sicherheit/passwort", Action: actor.FactorChange, Handler: h.setPassword, Within: signInWait},
		{Method: get, Path: "/konto/sicherheit/app", Action: actor.FactorChange, Handler: h.appForm},
		{Method: post, Path: "/konto/sicherheit/app", Action: actor.FactorChange, Handler: h.setApp},
		{Method: post, Path: "/konto/sicherheit/app/entfernen", Action: actor.FactorChange, Handler: h.dropApp},
		{Method: get, Path: "/konto/sicherheit/notfallcodes", Action: actor.FactorChange, Handler: h.recovery},
		{Method: post, Path: "/konto/sicherheit/notfallcodes", Action: actor.FactorChange, Handler: h.newRecovery},
		{Method: get, Path: "/konto/sicherheit/passkeys", Action: actor.FactorChange, Handler: h.passkeyForm},
		{Method: post, Path: "/konto/sicherheit/passkeys", Action: actor.FactorChange, Handler: h.addPasskey},
		{Method: post, Path: "/konto/sicherheit/passkeys/anfrage", Action: actor.FactorChange, Handler: h.makePasskey},
		{Method: post, Path: "/konto/sicherheit/passkeys/:id", Action: actor.FactorChange, Handler: h.renamePasskey},
		{Method: post, Path: "/konto/sicherheit/passkeys/:id/entfernen", Action: actor.FactorChange, Handler: h.dropPasskey},
		{Method: get, Path: "/konto/sicherheit/verknuepfen", Action: actor.FactorChange, Handler: h.linkForm},
		{Method: post, Path: "/konto/sicherheit/verknuepfen", Action: actor.FactorChange, Handler: h.link},
		{Method: post, Path: "/konto/sicherheit/verknuepft/:id/entfernen", Action: actor.FactorChange, Handler: h.unlink},
		{Method: get, Path: "/verzeichnis/verwaltung/personen/neu", Action: actor.RoleChange, Handler: h.inviteForm},
		{Method: post, Path: "/verzeichnis/verwaltung/personen", Action: actor.RoleChange, Handler: h.invite},
		{Method: get, Path: "/verzeichnis/verwaltung/personen/:id/rollen", Action: actor.RoleChange, Handler: h.rolesForm},
		{Method: post, Path: "/verzeichnis/verwaltung/personen/:id/rollen", Action: actor.RoleChange, Handler: h.setRoles},
		{Method: post, Path: "/verzeichnis/verwaltung/personen/:id/zuruecksetzen", Action: actor.RoleChange, Handler: h.reset},
		{Method: post, Path: "/verzeichnis/verwaltung/einladungen/:id/bestaetigen", Action: actor.RoleChange, Handler: h.confirmInvitation},
		{Method: post, Path: "/verzeichnis/verwaltung/einladungen/:id/senden", Action: actor.RoleChange, Handler: h.resendInvitation},
		{Method: post, Path: "/verzeichnis/verwaltung/einladungen/:id/zurueckziehen", Action: actor.RoleChange, Handler: h.withdrawInvitation},
	}
}

// invitationAPI is the same for programs.
func (h *Handler) invitationAPI(api string) []httpserver.Route {
	return []httpserver.Route{
		{Method: http.MethodPost, Path: api + "/people", Action: actor.RoleChange, Handler: h.apiInvite},
		{Method: http.MethodGet, Path: api + "/people/:id", Action: actor.PersonManage, Handler: h.apiPerson},
		{Method: http.MethodPatch, Path: api + "/people/:id", Action: actor.RoleChange, Handler: h.apiSetRoles},
		{Method: http.MethodGet, Path: api + "/invitations", Action: actor.PersonManage, Handler: h.apiInvitations},
		{Method: http.MethodPost, Path: api + "/invitations/:id/confirm", Action: actor.RoleChange, Handler: h.apiConfirmInvitation},
		{Method: http.MethodPost, Path: api + "/invitations/:id/resend", Action: actor.RoleChange, Handler: h.apiResendInvitation},
		{Method: http.MethodDelete, Path: api + "/invitations/:id", Action: actor.RoleChange, Handler: h.apiWithdrawInvitation},
	}
}
