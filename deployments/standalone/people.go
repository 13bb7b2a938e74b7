// SPDX-License-Identifier: EUPL-1.2

package standalone

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/thueringencert/leitstelle/services/directory"
	"github.com/thueringencert/leitstelle/shared/actor"
)

// demoPerson is one invented person of the demonstration. Organisation is an
// AGS or a key of the register's data file.
type demoPerson struct {
	Name, Email, Function string
	Organisation          string
	Roles                 []actor.Role
}

const (
	cert     = "thueringencert"
	provider = "kiv-thueringen"
)

// demoPeople has at least one person for each role. The names are invented.
var demoPeople = []demoPerson{
	{"Kim Beispiel", "it-sicherheit@klettbach.example", "IT-Sicherheitsbeauftragte", "16071043", []actor.Role{actor.Officer}},
	{"Lena Kreisel", "it-sicherheit@weimarer-land.example", "Informationssicherheitsbeauftragte", "16071000", []actor.Role{actor.Officer}},
	{"Ines Bürger", "buergermeisterin@klettbach.example", "Bürgermeisterin", "16071043", []actor.Role{actor.OrgAdmin}},
	{"Paul Netz", "leitstand@kiv.example", "Leitstand", provider, []actor.Role{actor.Provider}},
	{"Vera Vertrag", "vertrag@kiv.example", "Kundenbetreuung", provider, []actor.Role{actor.OrgAdmin}},
	{"Dora Wache", "bereitschaft@cert.example", "Meldungsannahme", cert, []actor.Role{actor.Duty}},
	{"Moritz Beispiel", "m.beispiel@cert.example", "Analyse", cert, []actor.Role{actor.Analyst}},
	{"Anja Spur", "a.spur@cert.example", "Analyse", cert, []actor.Role{actor.Analyst}},
	{"Jana Kranich", "j.kranich@cert.example", "Leitung Vorfallbearbeitung", cert, []actor.Role{actor.Lead}},
	{"Rosa Rennsteig", "r.rennsteig@cert.example", "Stellvertretende Leitung Vorfallbearbeitung", cert, []actor.Role{actor.Lead}}, // deletions and holds need a second lead
	{"Erik Text", "redaktion@cert.example", "Warnredaktion", cert, []actor.Role{actor.Editor}},
	{"Frieda Freigabe", "freigabe@cert.example", "Freigabe von Warnungen", cert, []actor.Role{actor.Approver}},
	{"Karla Kontakt", "kommunen@cert.example", "Betreuung der Kommunen", cert, []actor.Role{actor.Constituency}},
	{"Ralf Prüfer", "revision@cert.example", "Revision", cert, []actor.Role{actor.Auditor}},
	{"Ada Admin", "betrieb@cert.example", "Betrieb", cert, []actor.Role{actor.Admin}},
	{"Stefan Steuer", "gremium@thueringen.example", "Steuerungsgremium", "tmdi", []actor.Role{actor.Steering}},
	{"Nora Nacht", "it@erfurt.example", "IT-Sicherheitsbeauftragte", "16051000", []actor.Role{actor.Officer}},
	{"Theo Turm", "it@jena.example", "IT-Sicherheitsbeauftragter", "16053000", []actor.Role{actor.Officer}},
	{"Greta Gera", "it@gera.example", "IT-Sicherheitsbeauftragte", "16052000", []actor.Role{actor.Officer}},
	{"Willi Weimar", "it@weimar.example", "IT-Sicherheitsbeauftragter", "16055000", []actor.Role{actor.Officer}},
	{"Susi Suhl", "it@suhl.example", "IT-Sicherheitsbeauftragte", "16054000", []actor.Role{actor.Officer}},
	{"Otto Unstrut", "it@unstrut-hainich.example", "Informationssicherheitsbeauftragter", "16064000", []actor.Role{actor.Officer}},
}

// demoMandates is how many municipalities the provider may act for.
const demoMandates = 72

// demoWaiting are mandates that wait: for the CERT, and for the principal. One
// is about to end.
func demoWaiting(now time.Time) []directory.Mandate {
	soon, scopes := now.AddDate(0, 0, 21), []actor.Scope{actor.ScopeReport, actor.ScopeRead, actor.ScopePolls}
	return []directory.Mandate{
		{
			Principal: "16064000", Agent: provider, Scopes: scopes, Services: []string{"E-Mail und Anmeldung", "Fachverfahren Meldewesen"},
			GrantedBy: "Hans Hainich, Landrat", Document: "Vereinbarung vom 12.10.2026, Az. 10-2026-0815", State: directory.MandateGranted,
		},
		{
			Principal: "16067000", Agent: provider, Scopes: actor.Scopes(), GrantedBy: "Petra Stolz, Landrätin",
			Document: "Rahmenvertrag 2026, Anlage 3", State: directory.MandateGranted,
		},
		{Principal: "16071043", Agent: "16071000", Scopes: []actor.Scope{actor.ScopeRead}, State: directory.MandateRequested},
		{
			Principal: "16067029", Agent: "16067000", Scopes: scopes, To: &soon,
			GrantedBy: "Otto Beispiel, Bürgermeister", Document: "Probebetrieb 2026", Services: []string{"Telefonanlage"},
		},
	}
}

// secrets of a demo person: the same in every start of the same folder, and
// different in every folder, since the key is.
func (p demoPerson) secrets(key string) (password, totp, token string) {
	derive := func(what string) []byte {
		m := hmac.New(sha256.New, []byte(key))
		_, _ = fmt.Fprintf(m, "demo %s %s", what, p.Email)
		return m.Sum(nil)
	}
	password = hex.EncodeToString(derive("password")[:4])
	password = password[:4] + "-" + password[4:] + "-Demo"
	totp = base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(derive("totp")[:20])
	return password, totp, "lst_" + hex.EncodeToString(derive("token")[:20])
}
