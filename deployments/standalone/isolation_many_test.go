// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/devstack"
)

// One report of a provider about three members: whatever an officer of one
// reads or gets by mail never names another member, the other's case, the
// campaign, or how many there are (I9).
func TestNoMemberLearnsOfAnotherOrOfTheCampaign(t *testing.T) {
	w := shared(t)
	provider := w.as(t, actor.Provider)
	var members []standalone.DemoPerson
	var ids []string
	for _, email := range []string{"it@erfurt.example", "it@gera.example", "it@weimar.example"} {
		p := w.named(t, email)
		members, ids = append(members, p), append(ids, p.Organisation.ID)
	}
	in := reportOf("KANARIENSAMMLUNG im Rechenzentrum", ids...)
	in["impact"] = "very_high"
	var r submitted
	must(t, provider, http.MethodPost, "/api/intake/v1/reports", http.StatusCreated, in, &r)
	cases := w.casesOf(t, r.ID, 3)
	campaign := ""
	devstack.Eventually(t, 20*time.Second, "the campaign of the report", func() bool {
		var list struct {
			Items []struct {
				Reference string
				Report    *struct{ ID string }
			}
		}
		must(t, w.as(t, actor.Lead), http.MethodGet, "/api/triage/v1/campaigns?limit=200", http.StatusOK, nil, &list)
		for _, k := range list.Items {
			if k.Report != nil && k.Report.ID == r.ID {
				campaign = k.Reference
			}
		}
		return campaign != ""
	})
	must(t, w.as(t, actor.Lead), http.MethodPost, "/api/triage/v1/campaigns/"+campaign+"/messages", http.StatusAccepted, map[string]any{"text": "Bitte melden Sie sich."}, nil)
	must(t, w.of(t, members[0]), http.MethodPost, "/api/intake/v1/reports/"+r.ID+"/contradiction", http.StatusCreated, map[string]any{"text": "KANARIENWIDERSPRUCH"}, nil)
	byOrganisation := map[string]caseFile{}
	for _, c := range cases {
		byOrganisation[c.Organisation.ID] = c
	}
	for i, p := range members {
		bad := []string{campaign, "L-2026-"}
		for j, other := range members {
			if i != j {
				bad = append(bad, other.Organisation.ID, byOrganisation[other.Organisation.ID].Reference, byOrganisation[other.Organisation.ID].ID, "&gt;"+other.Organisation.Name+"<")
			}
		}
		if i > 0 {
			bad = append(bad, "KANARIENWIDERSPRUCH")
		}
		w.readsNothing(t, p, r, campaign, bad)
		var own struct{ Affected []struct{ ID string } }
		must(t, w.of(t, p), http.MethodGet, "/api/intake/v1/reports/"+r.ID, http.StatusOK, nil, &own)
		if len(own.Affected) != 1 || own.Affected[0].ID != p.Organisation.ID {
			t.Errorf("%s sees %d bodies of the report, want the own", p.Email, len(own.Affected))
		}
		w.mailOf(t, p, r, members, bad)
	}
}

// readsNothing looks at every address where an officer finds the report, and
// where a curious one would look.
func (w *world) readsNothing(t *testing.T, p standalone.DemoPerson, r submitted, campaign string, bad []string) {
	t.Helper()
	c, cookie := w.of(t, p), w.cookie(t, p)
	for _, path := range []string{
		"/api/intake/v1/reports?limit=200", "/api/intake/v1/reports/" + r.ID, "/api/intake/v1/reports/" + r.ID + "/affected",
		"/melden/vorgaenge", "/melden/vorgang/" + r.Reference, "/melden/vorgang/" + r.ID + "/druck",
		"/api/triage/v1/campaigns", "/api/triage/v1/campaigns/" + campaign, "/api/triage/v1/campaigns/" + campaign + "/cases",
		"/lage/lagen", "/lage/lagen/" + campaign, "/lage/lagen/" + campaign + "/druck", "/lage/eingang?lage=" + campaign,
		"/api/triage/v1/cases?campaign=" + campaign,
	} {
		text := without(w.readAs(t, c, cookie, path), path)
		for _, b := range bad {
			if strings.Contains(text, b) {
				t.Errorf("%s reads %q at %s", p.Email, b, path)
			}
		}
	}
}

// mailOf checks that the member was told, and of itself alone.
func (w *world) mailOf(t *testing.T, p standalone.DemoPerson, r submitted, members []standalone.DemoPerson, bad []string) {
	t.Helper()
	told := func() (n int) {
		for _, m := range w.Mail.Messages(p.Email) {
			if strings.Contains(m.Subject(), r.Reference) && strings.Contains(m.Subject(), "hat für Sie einen Vorfall gemeldet") {
				n++
			}
		}
		return n
	}
	devstack.Eventually(t, 20*time.Second, "a mail that tells "+p.Email, func() bool { return told() == 1 })
	for _, m := range w.Mail.Messages(p.Email) {
		text := m.Subject() + m.Text() + m.HTML()
		if !strings.Contains(text, r.Reference) {
			continue
		}
		for _, other := range members {
			if other.Email != p.Email && strings.Contains(text, other.Organisation.Name) {
				t.Errorf("the mail %q to %s names %s", m.Subject(), p.Email, other.Organisation.Name)
			}
		}
		for _, b := range append(bad, "KANARIEN", "3 Stellen") {
			if strings.Contains(text, b) {
				t.Errorf("the mail %q to %s has %q", m.Subject(), p.Email, b)
			}
		}
	}
}
