// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/devstack"
)

// D18: a mandate whose time is over ends by itself in every service, and one that
// was never confirmed opens nothing; what the agent did stays the principal's to see.
func TestAnExpiredMandateEndsAccessByItself(t *testing.T) {
	w := shared(t)
	agent := w.as(t, actor.Provider)
	firm := w.named(t, "vertrag@kiv.example")
	principal := w.organisation(t, "16070000")
	end := time.Now().Add(12 * time.Second)
	granted := func(in map[string]any) string {
		var m struct{ ID, State string }
		in["agent"], in["document"] = firm.Organisation.ID, "D18"
		must(t, w.as(t, actor.Constituency), http.MethodPost, "/api/directory/v1/organisations/"+principal+"/mandates", http.StatusCreated, in, &m)
		if m.State != "active" {
			t.Fatalf("from paper the mandate is %s", m.State)
		}
		return m.ID
	}

	var asked struct{ ID, State string }
	must(t, w.of(t, firm), http.MethodPost, "/api/directory/v1/mandates", http.StatusCreated, map[string]any{"principal": principal, "scopes": []string{"report", "read"}}, &asked)
	must(t, agent, http.MethodPost, "/api/intake/v1/reports", http.StatusForbidden, reportOf("D18: nur angefragt", principal), nil)

	granted(map[string]any{"scopes": []string{"report", "read", "alerts", "polls"}, "to": end.UTC().Format(time.RFC3339Nano)})
	var r submitted
	devstack.Eventually(t, 5*time.Second, "the mandate in force at intake", func() bool {
		_, err := agent.Do(t.Context(), http.MethodPost, "/api/intake/v1/reports", http.StatusCreated, reportOf("D18: auf Zeit", principal), &r)
		return err == nil
	})
	at := "/api/intake/v1/reports/" + r.ID
	must(t, agent, http.MethodGet, at, http.StatusOK, nil, nil)
	devstack.Eventually(t, time.Until(end)+5*time.Second, "404 for the former agent", func() bool {
		_, err := agent.Do(t.Context(), http.MethodGet, at, http.StatusNotFound, nil, nil)
		return err == nil
	})
	if early := time.Until(end); early > 0 {
		t.Errorf("the mandate ended %s too early", early)
	}
	t.Logf("no access %s after the end of the mandate", time.Since(end).Round(time.Millisecond))
	var list struct{ Items []struct{ ID string } }
	must(t, agent, http.MethodGet, "/api/intake/v1/reports", http.StatusOK, nil, &list)
	if slices.ContainsFunc(list.Items, func(x struct{ ID string }) bool { return x.ID == r.ID }) {
		t.Error("the list still shows the report")
	}
	must(t, agent, http.MethodPost, at+"/messages", http.StatusNotFound, map[string]any{"text": "x"}, nil)
	must(t, agent, http.MethodPost, "/api/intake/v1/reports", http.StatusForbidden, reportOf("D18: danach", principal), nil)
	must(t, w.of(t, firm), http.MethodDelete, "/api/directory/v1/mandates/"+asked.ID, http.StatusNoContent, nil, nil, "If-Match", `"1"`)
}
