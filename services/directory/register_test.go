// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/services/directory"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
)

type organisations struct {
	Items []struct {
		ID, AGS, Name, Level, Kreis string
		KreisName                   string `json:"kreis_name"`
		Population, Version         int
		Contact                     *struct{ Email, Phone string }
	}
	Next string
}

func TestTheConstituencyIsListedWhole(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett")
	seen, last, after := map[string]bool{}, "", ""
	for {
		var page organisations
		b.want(ask{path: "/api/directory/v1/organisations?limit=100&after=" + url.QueryEscape(after), as: "klett"}, 200).decode(t, &page)
		for _, o := range page.Items {
			if seen[o.ID] {
				t.Errorf("%s comes twice", o.Name)
			}
			seen[o.ID] = true
			last = o.Name
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if len(seen) != 687 || last != "Zöllnitz" {
		t.Errorf("%d bodies, the last is %s; want 687 and Zöllnitz", len(seen), last)
	}
	for query, want := range map[string]int{
		"level=kreis": 17, "level=kreisfrei": 5, "level=vg": 42, "level=provider": 1, "kreis=16072": 8 + 1, "kreis=16072000": 8 + 1,
		"q=soemmerda": 2, "q=S%C3%B6mmerda": 2, "q=elxleben": 2, "q=16071043": 1, "q=TLRZ": 1, "q=grossheringen": 1, "q=Gro%C3%9Fheringen": 1,
		"q=neustadt+orla": 2, "q=%25": 50, "q=niemand": 0, "q=kranichfeld&level=vg": 1, "level=gemeinde&limit=200": 200,
	} {
		var page organisations
		b.want(ask{path: "/api/directory/v1/organisations?" + query, as: "klett"}, 200).decode(t, &page)
		if len(page.Items) != want {
			t.Errorf("%s: %d bodies, want %d", query, len(page.Items), want)
		}
	}
	for _, bad := range []string{"level=village", "kreis=16x71", "limit=0", "limit=x", "after=nonsense", "after=%00", "q=" + strings.Repeat("x", 201)} {
		b.want(ask{path: "/api/directory/v1/organisations?" + bad, as: "klett"}, 400)
	}
}

func TestSameNamedPlacesAreToldApart(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett")
	var page organisations
	b.want(ask{path: "/api/directory/v1/organisations?q=Elxleben", as: "klett"}, 200).decode(t, &page)
	kreise := map[string]bool{}
	for _, o := range page.Items {
		kreise[o.KreisName] = true
	}
	if !kreise["Ilm-Kreis"] || !kreise["Landkreis Sömmerda"] {
		t.Errorf("districts of the two Elxleben: %v", kreise)
	}
}

func TestAnOrganisationIsReadAndAmended(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "chefin", "fremd", "pflege")
	path := "/api/directory/v1/organisations/16071043"
	a := b.want(ask{path: path, as: "fremd"}, 200)
	if a.Header.Get("ETag") != `"1"` || !strings.Contains(a.body, `"administered_by":{`) || !strings.Contains(a.body, "VG Kranichfeld") || strings.Contains(a.body, `"contact"`) {
		t.Errorf("ETag %s, %s; want version 1, the VG, and no contact for strangers", a.Header.Get("ETag"), a.body)
	}
	change := map[string]any{"phone": "036209 1234", "email": "post@klettbach.example"}
	match := func(v string) map[string]string { return map[string]string{"If-Match": v} }
	b.want(ask{method: "PATCH", path: path, as: "pflege", json: change}, 428)
	b.want(ask{method: "PATCH", path: path, as: "pflege", json: change, header: match(`"7"`)}, 412)
	b.want(ask{method: "PATCH", path: path, as: "chefin", json: change, header: match(`"1"`)}, 404)
	b.want(ask{method: "PATCH", path: path, as: "pflege", json: map[string]any{"level": "land"}, header: match(`"1"`)}, 400)
	b.want(ask{method: "PATCH", path: path, as: "pflege", json: map[string]any{"email": "nobody"}, header: match(`"1"`)}, 422)
	if got := b.want(ask{method: "PATCH", path: path, as: "pflege", json: change, header: match(`"1"`)}, 200); got.Header.Get("ETag") != `"2"` {
		t.Errorf("ETag %s, want version 2", got.Header.Get("ETag"))
	}
	b.want(ask{method: "PATCH", path: path, as: "pflege", json: change, header: match(`"1"`)}, 412)
	if n := b.count(`SELECT count(*) FROM outbox WHERE type = 'directory.organisation.changed' AND body LIKE '%036209 1234%' AND body LIKE '%Landkreis Weimarer Land%'`); n != 1 {
		t.Errorf("events with the full record: %d, want 1", n)
	}
	b.want(ask{path: "/api/directory/v1/organisations/16999999", as: "klett"}, 404)
	b.want(ask{path: "/api/directory/v1/organisations/nonsense", as: "klett"}, 404)
	b.want(ask{path: "/api/directory/v1/organisations/1607104", as: "klett"}, 404)
	b.want(ask{path: "/verzeichnis/kommunen/16071043", as: "pflege"}, 200)
	form := url.Values{"name": {"Klettbach"}, "email": {"x"}, "phone": {"123"}, "version": {"2"}}
	if body := b.want(ask{method: "POST", path: "/verzeichnis/kommunen/16071043", as: "pflege", form: form}, 422).body; !strings.Contains(body, `value="123"`) || !strings.Contains(body, "kern-error") {
		t.Error("the form with a mistake lost what was typed, or shows no error")
	}
	form.Set("email", "")
	b.want(ask{method: "POST", path: "/verzeichnis/kommunen/16071043", as: "pflege", form: form}, 303)
	b.chain()
}

func small(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("internal", "constituency", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestARegisterFileIsAppliedAsShown(t *testing.T) {
	t.Parallel()
	b := bare(t, nil)
	ctx := context.Background()
	one, two := small(t, "gv100ad_stand1.txt"), small(t, "gv100ad_stand2.txt")
	d, err := b.RegisterDiff(ctx, strings.NewReader(one))
	if err != nil || len(d.Added) != 8 {
		t.Fatalf("diff = %+v, %v; want 8 new bodies", d, err)
	}
	if n := b.count(`SELECT count(*) FROM organisation`); n != 0 {
		t.Fatalf("the diff changed something: %d bodies", n)
	}
	if _, err := b.RegisterApply(ctx, strings.NewReader(two), d.Hash); fault.KindOf(err) != fault.Conflict {
		t.Errorf("another file under the same hash: %v, want Conflict", err)
	}
	if _, err := b.RegisterApply(ctx, strings.NewReader(one), d.Hash); err != nil {
		t.Fatal(err)
	}
	b.load([]directory.Person{
		person("pflege", directory.Membership{Organisation: "16099001", Role: actor.Constituency}),
		person("chefin", directory.Membership{Organisation: "16099001", Role: actor.OrgAdmin}),
	})
	var proposed struct {
		ID, Hash       string
		Added, Changed []struct{ Name string }
		Gone           []struct{ Name string }
	}
	b.want(ask{method: "POST", path: "/api/directory/v1/register/diff", as: "chefin", body: two}, 404)
	b.want(ask{method: "POST", path: "/api/directory/v1/register/diff", as: "pflege", body: two}, 200).decode(t, &proposed)
	if len(proposed.Added) != 1 || len(proposed.Changed) != 4 || len(proposed.Gone) != 1 || proposed.Gone[0].Name != "Berg b. Öhrda" {
		t.Errorf("proposed %+v", proposed)
	}
	b.want(ask{
		method: "PATCH", path: "/api/directory/v1/organisations/16099002", as: "pflege", json: map[string]any{"phone": "110"},
		header: map[string]string{"If-Match": `"1"`},
	}, 200)
	b.want(ask{method: "POST", path: "/api/directory/v1/register/apply", as: "pflege", json: map[string]any{"id": proposed.ID, "hash": proposed.Hash}}, 409)
	page := b.want(ask{path: "/verzeichnis/verwaltung/register/" + proposed.ID, as: "pflege"}, 200).body
	hash := regexp.MustCompile(`name="hash" value="([0-9a-f]{64})"`).FindStringSubmatch(page)
	if hash == nil || hash[1] == proposed.Hash {
		t.Fatalf("the page shows no new hash: %v", hash)
	}
	cookie := b.signIn("pflege")
	b.want(ask{method: "POST", path: "/verzeichnis/verwaltung/register/" + proposed.ID, cookie: cookie, form: url.Values{"hash": {proposed.Hash}}}, 409)
	b.want(ask{method: "POST", path: "/verzeichnis/verwaltung/register/" + proposed.ID, cookie: cookie, form: url.Values{"hash": {hash[1]}}}, 303)
	b.want(ask{path: "/api/directory/v1/organisations/16099006", as: "pflege"}, 200)
	if body := b.want(ask{path: "/verzeichnis/kommunen/16099003", as: "pflege"}, 200).body; !strings.Contains(body, "nicht mehr im Register") {
		t.Error("the body that is gone does not say so")
	}
	if d, err := b.RegisterDiff(ctx, strings.NewReader(two)); err != nil || !d.None() {
		t.Errorf("after applying: %+v, %v; want no differences", d, err)
	}
	b.chain()
}

func TestAMalformedRegisterFileChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, "pflege")
	file := small(t, "gv100ad_stand1.txt")
	broken := strings.Replace(file, "00000001200", "0000000I200", 1)
	a := b.want(ask{method: "POST", path: "/api/directory/v1/register/diff", as: "pflege", body: broken}, 422)
	if !strings.Contains(a.body, "line 13") {
		t.Errorf("the error names no line: %s", a.body)
	}
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("file", "gv.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = part.Write([]byte(broken))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	a = b.want(ask{method: "POST", path: "/verzeichnis/verwaltung/register", as: "pflege", body: form.String(), header: map[string]string{"Content-Type": w.FormDataContentType()}}, 422)
	if !strings.Contains(a.body, "line 13") || !strings.Contains(a.body, "Fehler:") {
		t.Errorf("the page names no line")
	}
	b.want(ask{method: "POST", path: "/verzeichnis/verwaltung/register", as: "pflege", body: "x", header: map[string]string{"Content-Type": "multipart/form-data"}}, 400)
	b.want(ask{method: "POST", path: "/api/directory/v1/register/apply", as: "pflege", json: map[string]any{"id": "x", "hash": ""}}, 404)
	if n := b.count(`SELECT count(*) FROM register_upload`) + b.count(`SELECT count(*) FROM organisation WHERE version > 1`); n != 0 {
		t.Errorf("%d rows were changed", n)
	}
}

// zeros is a file of a hundred megabytes that nobody has to keep in memory.
type zeros struct{ left int }

func (z *zeros) Read(p []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), z.left)
	for i := range p[:n] {
		p[i] = '6'
	}
	z.left -= n
	return n, nil
}

func TestAHugeRegisterFileIsRefusedAndChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, "pflege")
	for _, path := range []string{"/api/directory/v1/register/diff", "/verzeichnis/verwaltung/register"} {
		r := httptest.NewRequest(http.MethodPost, path, &zeros{100 << 20})
		r.Host = "127.0.0.1:8080"
		r.Header.Set("Content-Type", "text/plain")
		r.Header.Set("Authorization", "Bearer "+b.people["pflege"].Token)
		w := httptest.NewRecorder()
		b.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusRequestEntityTooLarge && w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %.200s", path, w.Code, w.Body)
		}
	}
	if n := b.count(`SELECT count(*) FROM register_upload`) + b.count(`SELECT count(*) FROM organisation WHERE version > 1`); n != 0 {
		t.Errorf("%d rows were changed", n)
	}
}

func TestAnImportTellsTheOthersAndTheAuditOfEachBody(t *testing.T) {
	t.Parallel()
	b := bare(t, nil)
	ctx := context.Background()
	for _, file := range []string{"gv100ad_stand1.txt", "gv100ad_stand2.txt"} {
		events, entries := b.count(`SELECT count(*) FROM outbox`), b.count(`SELECT count(*) FROM audit`)
		d, err := b.RegisterDiff(ctx, strings.NewReader(small(t, file)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.RegisterApply(ctx, strings.NewReader(small(t, file)), d.Hash); err != nil {
			t.Fatal(err)
		}
		changes := len(d.Added) + len(d.Changed) + len(d.Gone)
		if n := b.count(`SELECT count(*) FROM outbox`) - events; n != changes {
			t.Errorf("%s: %d events for %d changes", file, n, changes)
		}
		if n := b.count(`SELECT count(*) FROM audit`) - entries; n != changes {
			t.Errorf("%s: %d audit entries for %d changes", file, n, changes)
		}
	}
	b.chain()
}

func TestTheRegisterIsLoadedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett")
	if n, err := b.LoadRegister(context.Background()); n != 687 || err != nil {
		t.Errorf("second load: %d, %v; want 687 as before", n, err)
	}
	if n := b.count(`SELECT count(*) FROM outbox WHERE type = 'directory.organisation.changed'`); n != 687+29 {
		t.Errorf("events: %d, want 687 and the 29 places that merged before", n)
	}
	again, err := b.LoadPeople(context.Background(), staff[:1])
	if err != nil || !again[0].Known || again[0].ID != b.people["klett"].ID {
		t.Errorf("second load of a person: %+v, %v; want the known one", again, err)
	}
	if _, err := b.LoadPeople(context.Background(), []directory.Person{{Name: "X", Email: "x@example.org", Password: "short"}}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a short password: %v, want Invalid", err)
	}
	made, err := b.LoadPeople(context.Background(), []directory.Person{{Name: "Neu", Email: "neu@example.org"}})
	if err != nil || len(made[0].Password) != 20 || len(made[0].TOTPSecret) != 32 {
		t.Errorf("made-up secrets: %+v, %v", made, err)
	}
	m, err := b.Municipalities(context.Background(), 72)
	if err != nil || len(m) != 72 || m[0].AGS != "16051000" {
		t.Errorf("Municipalities = %d, %v", len(m), err)
	}
}
