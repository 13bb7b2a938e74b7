// SPDX-License-Identifier: EUPL-1.2

package notification_test

import (
	"net/http"
	"net/url"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/services/notification/internal/web"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/page/pagetest"
)

var volatile = regexp.MustCompile(`[?&](amp;)?e=[0-9a-z]{16}|value="[0-9a-z]{16}"|name="key" value="[^"]*"|gedruckt [^<]*`)

func TestGoldens(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	a := e.released(draft)
	link := e.link("officer@example.org")
	path, tok := token(t, e.link("org_admin@example.org"))
	e.want(http.StatusSeeOther, request{method: http.MethodPost, path: path + "/antwort", form: url.Values{"e": {tok}, "answer": {"help"}, "detail": {"compromised"}, "text": {"Bitte um Rückruf"}}})
	e.drafted(with("AMBER"))
	devstack.Eventually(t, 5*time.Second, "all sent", func() bool {
		var n int
		return e.db.Get(&n, `SELECT count(*) FROM deliveries WHERE state = 'sent'`) == nil && n == 3
	})
	board := "/warnungen/redaktion/" + a.Reference
	for name, r := range map[string]request{
		"warnung": {path: link}, "antwort": {path: path + "?e=" + tok}, "auftrag": {path: e.link("provider@example.org")},
		"liste": {path: "/warnungen", cookie: actor.Officer}, "leer": {path: "/warnungen", cookie: actor.Approver}, "abo": {path: "/warnungen/abo", cookie: actor.Officer},
		"echt": {path: "/echt?nummer=W-2026-0001"}, "unecht": {path: "/echt?nummer=W-2026-0099"},
		"redaktion": {path: "/warnungen/redaktion", cookie: actor.Editor}, "neu": {path: "/warnungen/redaktion/neu", cookie: actor.Editor},
		"entwurf": {path: "/warnungen/redaktion/W-2026-0002", cookie: actor.Approver}, "bearbeiten": {path: board + "/bearbeiten", cookie: actor.Editor},
		"tafel": {path: board, cookie: actor.Approver}, "still": {path: board + "?antwort=none", cookie: actor.Duty}, "vorschau": {path: board + "/vorschau", cookie: actor.Editor},
		"zustellungen": {path: board + "/zustellungen", cookie: actor.Editor}, "anrufliste": {path: board + "/anrufliste", cookie: actor.Duty},
	} {
		for _, lang := range []string{"de", "en"} {
			if lang == "en" {
				r.header = map[string]string{"X-Forwarded-Prefix": "/en"}
			}
			res := e.want(http.StatusOK, r)
			pagetest.Golden(t, name+"."+lang, volatile.ReplaceAll([]byte(res.body), nil))
		}
	}
}

func TestMessages(t *testing.T) {
	t.Parallel()
	pagetest.CheckMessages(t, "notification", web.Files, os.DirFS("internal/web"))
}
