// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/devstack"
)

// The whole road on an instance of its own, with everything synced as in production.
func TestTheDemoPlaysTheWholeRoad(t *testing.T) {
	t.Parallel()
	w := fresh(t, standalone.Options{})
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	if err := standalone.PlayDemo(ctx, w.Demo, &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if !strings.Contains(out.String(), "all of it: M-") {
		t.Errorf("the demo does not say what became of what:\n%s", out.String())
	}
	w.holds(t)
}

// A guest follows and adds to the own report with reference and code, and with
// no other code (design §7, guests).
func TestAGuestFollowsTheOwnReportByItsCode(t *testing.T) {
	w := shared(t)
	guest := w.of(t, standalone.DemoPerson{})
	r := submit(t, guest, "Gast: jemand hat auf einen Link geklickt", "16071043")
	at := "/api/intake/v1/reports/" + r.Reference
	with := []string{"Report-Code", r.Code}

	var seen struct {
		Status, Channel string
		Verified        bool
		Messages        []struct{ Text string }
	}
	must(t, guest, http.MethodGet, at, http.StatusOK, nil, &seen, with...)
	if seen.Channel != "guest" || seen.Verified {
		t.Errorf("a guest's report is on channel %q and verified %v, want guest and unverified", seen.Channel, seen.Verified)
	}
	must(t, guest, http.MethodPost, at+"/messages", http.StatusCreated, map[string]any{"text": "Noch etwas: es war heute früh."}, nil, with...)
	must(t, guest, http.MethodPost, at+"/supplements", http.StatusCreated, map[string]any{"personal_data": "unclear"}, nil, with...)
	post(t, guest, at+"/attachments", upload("mail.eml", "From: x"), http.StatusCreated, nil, with...)

	file := w.casesOf(t, r.ID, 1)[0]
	if file.Verified {
		t.Error("the case of a guest's report is verified before anybody confirmed it")
	}
	devstack.Eventually(t, 15*time.Second, "message, supplement and file in the case", func() bool {
		file = w.caseByID(t, file.ID)
		return len(file.Messages) == 1 && len(file.Supplements) == 1 && len(file.Attachments) == 1
	})
	w.change(t, actor.Duty, file.ID, "messages", http.StatusCreated, map[string]any{"text": "Bitte rufen Sie uns an.", "wait": true})
	devstack.Eventually(t, 15*time.Second, "the CERT's question at the guest", func() bool {
		must(t, guest, http.MethodGet, at, http.StatusOK, nil, &seen, with...)
		return len(seen.Messages) == 2
	})

	other := submit(t, guest, "Gast: ein anderer Vorfall", "16053000")
	for name, headers := range map[string][]string{"no code": nil, "another report's code": {"Report-Code", other.Code}, "nonsense": {"Report-Code", "000-000-0000"}} {
		for _, x := range []struct {
			method, path string
			in           any
		}{{http.MethodGet, at, nil}, {http.MethodPost, at + "/messages", map[string]any{"text": "x"}}, {http.MethodPost, at + "/supplements", map[string]any{"description": "x"}}} {
			if _, err := guest.Do(t.Context(), x.method, x.path, http.StatusNotFound, x.in, nil, headers...); err != nil {
				t.Errorf("with %s: %v", name, err)
			}
		}
	}
	// The named body sees it only once an analyst has confirmed it.
	officer := w.as(t, actor.Officer)
	must(t, officer, http.MethodGet, at, http.StatusNotFound, nil, nil)
	w.change(t, actor.Analyst, file.ID, "classify", http.StatusOK, map[string]any{"verified": true, "organisation": "16071043"})
	var confirmed struct{ Callback *struct{ Phone string } }
	devstack.Eventually(t, 15*time.Second, "the confirmed report at the named body", func() bool {
		_, err := officer.Do(t.Context(), http.MethodGet, at, http.StatusOK, nil, &confirmed)
		return err == nil
	})
	if confirmed.Callback != nil {
		t.Errorf("the named body sees the guest's contact: %+v", confirmed.Callback)
	}
}

// A report of the provider for two members is one report and two cases, in
// their name; each member sees only its own part (design §2).
func TestAProvidersReportForTwoMembersOpensTwoCases(t *testing.T) {
	w := shared(t)
	provider := w.as(t, actor.Provider)
	var me struct {
		Mandates []struct {
			Principal struct{ ID, AGS, Name string }
		}
	}
	must(t, provider, http.MethodGet, "/api/directory/v1/me", http.StatusOK, nil, &me)
	if len(me.Mandates) < 71 { // another test revokes one
		t.Errorf("the provider has %d mandates, want 72", len(me.Mandates))
	}
	other := ""
	for _, m := range me.Mandates {
		if m.Principal.AGS != "16071043" && m.Principal.AGS != "" {
			other = m.Principal.AGS
		}
	}
	r := submit(t, provider, "Beide Rathäuser ohne Fachverfahren", "16071043", other)
	cases := w.casesOf(t, r.ID, 2)
	got := []string{cases[0].Organisation.AGS, cases[1].Organisation.AGS}
	want := []string{"16071043", other}
	if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got))); diff != "" {
		t.Errorf("the cases' bodies (-want +got):\n%s", diff)
	}
	var seen struct{ Affected []struct{ AGS string } }
	must(t, w.as(t, actor.Officer), http.MethodGet, "/api/intake/v1/reports/"+r.ID, http.StatusOK, nil, &seen)
	if len(seen.Affected) != 1 || seen.Affected[0].AGS != "16071043" {
		t.Errorf("the officer of one member sees %+v, want only the own body", seen.Affected)
	}
	var on []string
	if err := w.open(t, "intake").SelectContext(t.Context(), &on,
		`SELECT DISTINCT on_behalf_of FROM audit WHERE object_id = $1 AND action = 'report.create'`, r.ID); err != nil {
		t.Fatal(err)
	}
	if len(on) == 0 || on[0] == "" {
		t.Errorf("the audit names no principal for the provider's report: %q", on)
	}
}

// Repeating a POST gives the same answer; another body under the key is 422 (F30).
func TestARepeatedReportIsTheSameReport(t *testing.T) {
	w := shared(t)
	c := w.as(t, actor.Officer)
	key := newKey()
	in := reportOf("F30: einmal", "16071043")
	var first, second submitted
	must(t, c, http.MethodPost, "/api/intake/v1/reports", http.StatusCreated, in, &first, "Idempotency-Key", key)
	h := must(t, c, http.MethodPost, "/api/intake/v1/reports", http.StatusCreated, in, &second, "Idempotency-Key", key)
	if diff := cmp.Diff(first, second); diff != "" || h.Get("Idempotent-Replayed") != "true" {
		t.Errorf("the replay differs (replayed %q, -first +second):\n%s", h.Get("Idempotent-Replayed"), diff)
	}
	in["description"] = "F30: etwas anderes"
	must(t, c, http.MethodPost, "/api/intake/v1/reports", http.StatusUnprocessableEntity, in, nil, "Idempotency-Key", key)
}

// What the API refuses it names by field, and a page keeps what was typed.
func TestBadInputIsNamedByField(t *testing.T) {
	w := shared(t)
	c := w.as(t, actor.Officer)
	in := reportOf("x", "99999999")
	in["what"], in["impact"], in["callback"] = "burglary", "", map[string]string{"name": "", "phone": "1"}
	_, err := c.Do(t.Context(), http.MethodPost, "/api/intake/v1/reports", http.StatusUnprocessableEntity, in, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]struct {
		text string
		want int
	}{
		"no JSON":            {`{`, 400},
		"an unknown field":   {`{"affcted":[]}`, 400},
		"a field twice":      {`{"what":"tip","what":"tip"}`, 400},
		"NUL":                {`{"what":"a\u0000b"}`, 400},
		"deep nesting":       {strings.Repeat("[", 5000), 400},
		"broken UTF-8":       {"{\"what\":\"\xff\"}", 400},
		"a number too large": {`{"noticed_at":1e999}`, 400},
		"300 KiB":            {`{"description":"` + strings.Repeat("x", 300<<10) + `"}`, 413},
	} {
		t.Run(name, func(t *testing.T) {
			post(t, w.as(t, actor.Officer), "/api/intake/v1/reports", body{"application/json", x.text}, x.want, nil)
		})
	}
}
