// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/shared/httpserver"
	look "github.com/thueringencert/leitstelle/shared/page"
)

// notPages are addresses that answer a GET with something else than a page.
var notPages = map[string]string{
	"/konto/start":                         "leads to where one works",
	"/verzeichnis":                         "leads to the list of bodies",
	"/verzeichnis/verwaltung":              "leads to the list of people",
	"/verzeichnis/isb.csv":                 "a file",
	"/verzeichnis/beteiligung.csv":         "a file",
	"/melden/zahlen.csv":                   "a file",
	"/verzeichnis/audit.csv":               "a file",
	"/melden/audit.csv":                    "a file",
	"/lage/audit.csv":                      "a file",
	"/warnungen/audit.csv":                 "a file",
	"/konto/oidc/:provider":                "leads to the provider",
	"/konto/oidc/:provider/rueckkehr":      "leads back from the provider",
	"/melden":                              "leads to a new draft",
	"/.well-known/security.txt":            "a text",
	"/assets/*":                            "style sheets, scripts and fonts",
	"/lage":                                "leads to the queue",
	"/lage/konto":                          "leads to the account",
	"/lage/zeile/:id":                      "a row of the queue",
	"/lage/lagezeile/:ref":                 "a campaign's row of the queue",
	"/lage/kennzahlen":                     "the figures of the queue",
	"/lage/fall/:ref/teil":                 "the pane of a case",
	"/lage/fall/:ref/datei/:attachment":    "a file",
	"/warnungen/redaktion/:ref/stand":      "the figures of the board",
	"/warnungen/redaktion/:ref/ereignisse": "a stream",
}

// goldens are the pages' examples, by address: what a golden shows is read by
// somebody before it is committed. LANG is de and en.
var goldens = map[string]map[string]string{
	"services/directory/internal/web/testdata/NAME.LANG.html": {
		"/konto": "konto", "/konto/anmelden": "anmelden", "/konto/tokens/:id": "token", "/konto/abwesenheit": "abwesenheit",
		"/konto/zweiter-faktor": "zweiter-faktor", "/konto/einladung/:token": "einladung", "/konto/bestaetigen": "bestaetigen",
		"/konto/sicherheit": "sicherheit", "/konto/sicherheit/passwort": "passwort", "/konto/sicherheit/app": "app",
		"/konto/sicherheit/notfallcodes": "notfallcodes", "/konto/sicherheit/passkeys": "passkey", "/konto/sicherheit/verknuepfen": "verknuepfen",
		"/verzeichnis/kommunen": "kommunen", "/verzeichnis/kommunen/:id": "kommune", "/verzeichnis/stelle": "kommune",
		"/verzeichnis/kommunen/:id/nachfolge": "nachfolge", "/verzeichnis/zustaendig": "zustaendig",
		"/verzeichnis/verwaltung/register": "register", "/verzeichnis/verwaltung/register/:id": "unterschiede",
		"/verzeichnis/verwaltung/personen": "personen", "/verzeichnis/verwaltung/personen/:id": "person",
		"/verzeichnis/verwaltung/personen/:id/abwesenheit": "abwesenheit", "/verzeichnis/verwaltung/personen/neu": "einladen",
		"/verzeichnis/verwaltung/personen/:id/rollen": "rollen", "/verzeichnis/verwaltung/loeschungen": "loeschungen",
		"/verzeichnis/mandate": "mandate", "/verzeichnis/mandate/neu": "mandat-neu", "/verzeichnis/mandate/anfragen": "mandat-anfragen",
		"/verzeichnis/mandate/bestaetigen": "mandate-warten", "/verzeichnis/mandate/:id": "mandat",
		"/verzeichnis/mandate/:id/druck": "mandat-druck", "/verzeichnis/mandate/:id/erteilen": "mandat-neu",
		"/verzeichnis/stelle/kontakte": "kontakte", "/verzeichnis/kommunen/:id/kontakte": "kontakte",
		"/verzeichnis/kommunen/:id/kontakte/neu": "kontakt", "/verzeichnis/kommunen/:id/kontakte/:contact": "kontakt",
		"/verzeichnis/kommunen/:id/kontakte/:contact/nachweise": "nachweise", "/verzeichnis/bestaetigen/:link": "bestaetigung",
		"/verzeichnis/aufgaben": "aufgaben", "/verzeichnis/stelle/notfall": "notfall", "/verzeichnis/kommunen/:id/notfall": "notfall-versiegelt",
		"/verzeichnis/aufnahme": "aufnahme", "/verzeichnis/kommunen/:id/aufnahme": "aufnahme-stelle", "/verzeichnis/isb": "isb",
		"/verzeichnis/leistungen": "leistungen", "/verzeichnis/leistungen/neu": "leistung-neu", "/verzeichnis/leistungen/:id": "leistung",
		"/verzeichnis/leistungen/anfragen": "anfragen", "/verzeichnis/leistungen/anfragen/:id": "anfrage", "/verzeichnis/beteiligung": "beteiligung",
	},
	"services/intake/testdata/LANG/NAME.html": {
		"/": "start", "/notfallkarte": "notfallkarte", "/melden/weiter": "weiter", "/melden/:code/was": "was", "/melden/:code/betroffen": "betroffen",
		"/melden/:code/kontakt": "kontakt", "/melden/:code/pruefen": "pruefen", "/melden/:code/fertig": "fertig",
		"/melden/:code/stellen": "stellen", "/melden/:code/liste": "liste", "/melden/:code/ergebnis": "ergebnis", "/melden/:code/angaben": "angaben",
		"/melden/vorgaenge": "vorgaenge", "/melden/vorgang": "vorgang-code", "/melden/vorgang/:id": "vorgang", "/melden/vorgang/:id/druck": "druck",
		"/melden/vorgang/:id/nachtragen": "nachtragen", "/melden/vorgang/:id/datei": "datei", "/melden/vorgang/:id/datei/:file": "herunterladen",
		"/melden/vorgang/:id/stellen": "stellen-dazu", "/melden/vorgang/:id/uebernehmen": "uebernehmen",
		"/melden/vorgang/:id/widersprechen": "widersprechen", "/melden/protokoll": "protokoll",
		"/melden/zahlen": "zahlen", "/melden/zahlen/druck": "zahlen-druck",
	},
	"services/triage/testdata/NAME.LANG.html": {
		"/lage/eingang": "eingang", "/lage/faelle": "faelle", "/lage/suche": "faelle-leer", "/lage/fall/:ref": "fall-meldung",
		"/lage/fall/:ref/druck": "fall-druck", "/lage/fall/:ref/tun/:name": "abschliessen",
		"/lage/lagen": "lagen", "/lage/lagen/:ref": "lage", "/lage/lagen/:ref/druck": "lage-druck",
		"/lage/lagen/:ref/tun/:name": "lage-nachricht", "/lage/lagen/:ref/arbeit/:job": "lage-auftrag", "/lage/aufbewahrung/sperren": "sperren",
		// Every service has these five; they are the same templates of shared/page.
		"/lage/betrieb": "betrieb", "/melden/betrieb": "betrieb", "/warnungen/betrieb": "betrieb", "/verzeichnis/betrieb": "betrieb",
		"/lage/betrieb/:letter": "betrieb-ereignis", "/melden/betrieb/:letter": "betrieb-ereignis", "/warnungen/betrieb/:letter": "betrieb-ereignis", "/verzeichnis/betrieb/:letter": "betrieb-ereignis",
		"/lage/aufbewahrung": "aufbewahrung", "/melden/aufbewahrung": "aufbewahrung", "/warnungen/aufbewahrung": "aufbewahrung", "/verzeichnis/aufbewahrung": "aufbewahrung",
		"/lage/audit": "revision", "/melden/audit": "revision", "/warnungen/audit": "revision", "/verzeichnis/audit": "revision",
		"/lage/meine-daten": "meine-daten", "/melden/meine-daten": "meine-daten", "/warnungen/meine-daten": "meine-daten", "/konto/daten": "meine-daten",
	},
	"services/notification/testdata/NAME.LANG.html": {
		"/warnungen": "liste", "/warnungen/abo": "abo", "/warnungen/echt": "echt", "/echt": "echt", "/warnungen/:ref": "warnung",
		"/warnungen/redaktion": "redaktion", "/warnungen/redaktion/neu": "neu", "/warnungen/redaktion/:ref": "tafel",
		"/warnungen/redaktion/:ref/bearbeiten": "bearbeiten", "/warnungen/redaktion/:ref/vorschau": "vorschau",
		"/warnungen/redaktion/:ref/zustellungen": "zustellungen", "/warnungen/redaktion/:ref/anrufliste": "anrufliste",
	},
	"deployments/standalone/testdata/NAME.LANG.html": {"/postfach": "postfach", "/postfach/:id": "postfach-mail"},
}

// mailboxPages are of the demo alone; no service has them.
var mailboxPages = []string{"/postfach", "/postfach/:id"}

// golden is the file of a page's example, "" where nothing names one.
func golden(path, lang string) string {
	if slices.Contains(look.StaticPages(), path) {
		return filepath.FromSlash("../../shared/page/testdata/static/" + lang + strings.ReplaceAll(path, "/", "-") + ".html")
	}
	for pattern, of := range goldens {
		if name := of[path]; name != "" {
			return filepath.FromSlash("../../" + strings.NewReplacer("NAME", name, "LANG", lang).Replace(pattern))
		}
	}
	return ""
}

func isPage(r httpserver.Route) bool {
	return r.Method == http.MethodGet && !strings.HasPrefix(r.Path, "/api/") && notPages[r.Path] == ""
}

// Every page that a service has is in the goldens, in both languages, and
// nothing is named here that is not there.
func TestEveryPageHasAGoldenInBothLanguages(t *testing.T) {
	w := shared(t)
	unused := map[string]bool{}
	for path := range notPages {
		unused[path] = true
	}
	for _, of := range goldens {
		for path := range of {
			unused[path] = true
		}
	}
	pages := slices.Clone(mailboxPages)
	for _, service := range serviceNames {
		for _, r := range w.Routes(service) {
			if isPage(r) {
				pages = append(pages, r.Path)
			}
			if r.Method == http.MethodGet {
				delete(unused, r.Path)
			}
		}
	}
	for _, path := range pages {
		delete(unused, path)
		for _, lang := range look.Languages() {
			file := golden(path, lang)
			if file == "" {
				t.Errorf("%s: no golden is named for it", path)
			} else if _, err := os.Stat(file); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	for path := range unused {
		t.Errorf("%s is no address of any service", path)
	}
}
