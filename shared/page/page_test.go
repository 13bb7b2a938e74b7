// SPDX-License-Identifier: EUPL-1.2

package page_test

import (
	"embed"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/page"
	"github.com/thueringencert/leitstelle/shared/page/pagetest"
)

//go:embed testdata/service
var service embed.FS

// noon is a Sunday in winter: 12:00 UTC is 13:00 in Berlin.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func newRenderer(t *testing.T) *page.Renderer {
	t.Helper()
	r, err := page.New(page.Options{
		Site: pagetest.Site(), Templates: sub(t, "testdata/service"), Messages: sub(t, "testdata/service"),
		Now: func() time.Time { return noon }, Missing: pagetest.Missing(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

type sampleView struct {
	page.Base
	Phone, Impact, What, Note, Severity string
	Help                                []string
	Confirm                             bool
	Rows                                []page.Row
	Next                                string
	Received, Due, Over                 time.Time
	Empty                               page.Empty
}

func sample(layout page.Layout) *sampleView {
	v := &sampleView{
		Phone: "4711", What: "ransomware", Note: `<b>"fett"</b>`, Severity: "high", Help: []string{"advice"}, Next: "?after=x",
		Rows:     []page.Row{{Label: "Telefon", Value: "0152 000 000 00", Change: "/melden/x/kontakt"}, {Label: "E-Mail"}},
		Received: noon.Add(-72 * time.Minute), Due: noon.Add(41 * time.Minute), Over: noon.Add(-12 * time.Minute),
		Empty: page.Empty{Text: "Nichts offen."},
	}
	v.Title, v.Layout, v.TLP = "Muster", layout, "AMBER"
	if layout == page.Desk {
		v.Nav, v.Stream, v.Main = page.NavInbox, "/api/triage/v1/stream", page.MainWork
		v.Counts = map[string]int{page.NavInbox: 3}
		v.User = page.UserOf(actor.Actor{Person: "p", Name: "Mara Beispiel", Memberships: []actor.Membership{{Organisation: "o", Role: actor.Lead}}}, "")
	}
	return v
}

func TestEveryLayoutInBothLanguages(t *testing.T) {
	t.Parallel()
	r := newRenderer(t)
	for _, lang := range page.Languages() {
		for _, layout := range []page.Layout{page.Portal, page.Desk, page.Print, page.Plain} {
			t.Run(string(layout)+"-"+lang, func(t *testing.T) {
				t.Parallel()
				c, rec := pagetest.Context("/melden/x?a=1&b=2", lang)
				if err := r.Render(c, http.StatusOK, "sample", sample(layout)); err != nil {
					t.Fatal(err)
				}
				pagetest.Golden(t, "layout-"+string(layout)+"-"+lang, rec.Body.Bytes())
			})
		}
	}
}

func TestAFormWithMistakesSaysThemTwiceAndKeepsTheInput(t *testing.T) {
	t.Parallel()
	r := newRenderer(t)
	v := sample(page.Portal)
	var f fault.Fields
	f.Add("phone", "demo.phone.missing", "no area code")
	f.Add("impact", "demo.unknown-code", "choose one of the list")
	if !v.Fail(f.Err()) {
		t.Fatal("Fail found no fields")
	}
	c, rec := pagetest.Context("/melden/x", "de")
	if err := r.Render(c, http.StatusUnprocessableEntity, "sample", v); err != nil {
		t.Fatal(err)
	}
	body := rec.Body.String()
	for _, want := range []string{
		"<title>Fehler: Muster – ThüringenCERT</title>", `href="#phone"`, `aria-invalid="true"`, `aria-describedby="phone-h phone-e"`,
		`value="4711"`, "choose one of the list", `tabindex="-1" autofocus`, "Bitte prüfen Sie 2 Angaben",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("page lacks %q", want)
		}
	}
	if n := strings.Count(body, "Geben Sie eine Telefonnummer an"); n != 2 {
		t.Errorf("the mistake is said %d times, want 2", n)
	}
	pagetest.Golden(t, "form-mistakes-de", rec.Body.Bytes())
}

func TestMessagesAreCompleteInBothLanguages(t *testing.T) {
	t.Parallel()
	pagetest.CheckMessages(t, "", page.OwnMessages(), os.DirFS("."))
	pagetest.CheckMessages(t, "demo", sub(t, "testdata/service"), sub(t, "testdata/service"))
}

func TestEveryWordHasAText(t *testing.T) {
	t.Parallel()
	r := newRenderer(t)
	for _, lang := range page.Languages() {
		for _, list := range page.WordLists() {
			for _, id := range page.Words(list) {
				if s := r.Word(lang, list, id); s == "" || strings.HasPrefix(s, "⟦") {
					t.Errorf("%s %s %s = %q", lang, list, id, s)
				}
			}
		}
	}
	if n := len(page.Words("rsit")); n != 39 {
		t.Errorf("RSIT has %d types, want 39", n)
	}
}

func TestStaticPagesRenderInBothLanguages(t *testing.T) {
	t.Parallel()
	r := newRenderer(t)
	for _, lang := range page.Languages() {
		for _, path := range page.StaticPages() {
			c, rec := pagetest.Context(path, lang)
			if err := r.RenderStatic(c, path); err != nil {
				t.Errorf("%s %s: %v", lang, path, err)
				continue
			}
			pagetest.Golden(t, "static/"+lang+strings.ReplaceAll(path, "/", "-"), rec.Body.Bytes())
		}
	}
	c, _ := pagetest.Context("/nirgends", "de")
	if err := r.RenderStatic(c, "nirgends"); !fault.Is(err, fault.NotFound) {
		t.Errorf("unknown page: %v, want not-found", err)
	}
}

func TestErrorPagesHideWhatIsInternal(t *testing.T) {
	t.Parallel()
	r := newRenderer(t)
	for _, status := range []int{400, 401, 403, 404, 405, 409, 412, 413, 418, 422, 428, 429, 500, 502, 503} {
		c, rec := pagetest.Context("/x", "de")
		if err := r.RenderError(c, status, errors.New("password=geheim"), "req-1"); err != nil {
			t.Fatalf("%d: %v", status, err)
		}
		body := rec.Body.String()
		if rec.Code != status || strings.Contains(body, "geheim") || !strings.Contains(body, "req-1") {
			t.Errorf("%d: code %d, body %s", status, rec.Code, body)
		}
	}
	c, rec := pagetest.Context("/x", "en")
	err := r.RenderError(c, 429, fault.New(fault.Limited, "slow down").WithRetry(90*time.Second), "req-2")
	if err != nil || rec.Header().Get("Retry-After") != "90" || !strings.Contains(rec.Body.String(), "in 2 minutes") {
		t.Errorf("429: %v, %v, %s", err, rec.Header(), rec.Body)
	}
	c, rec = pagetest.Context("/x", "de")
	c.Request().Header.Set("HX-Request", "true")
	if err := r.RenderError(c, 409, fault.New(fault.Conflict, "closed already"), "req-3"); err != nil || strings.Contains(rec.Body.String(), "<html") {
		t.Errorf("htmx got a page: %v %s", err, rec.Body)
	}
}

// What was typed into a form that needs a fresh confirmation is not lost; a
// secret among it does not come back.
func TestAFormThatNeedsAStepUpKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	r := newRenderer(t)
	ask := func(lang, kind, body, referer string, headers ...string) string {
		c, rec := pagetest.Context("/warnungen/redaktion/W-1/freigeben?x=1", lang)
		c.Request().Method, c.Request().Body = "POST", io.NopCloser(strings.NewReader(body))
		c.Request().Header.Set("Content-Type", kind)
		c.Request().Header.Set("Referer", referer)
		for _, h := range headers {
			c.Request().Header.Set(h, "true")
		}
		if err := r.RenderError(c, 403, fault.New(fault.StepUpRequired, "confirm"), "req-1"); err != nil || rec.Code != 403 {
			t.Fatalf("%d: %v", rec.Code, err)
		}
		return rec.Body.String()
	}
	const form = "application/x-www-form-urlencoded"
	for _, lang := range page.Languages() {
		got := ask(lang, form, "reason=a+%22b%22&reason=c&password=geheim&code=123456", "http://example.com/warnungen/redaktion/W-1?tab=2")
		pagetest.Golden(t, "step-up-"+lang, []byte(got))
		if strings.Contains(got, "geheim") || strings.Contains(got, "123456") || !strings.Contains(got, `name="reason" value="a &#34;b&#34;"`) {
			t.Errorf("the form again: %s", got)
		}
		if want := `/konto/bestaetigen?next=%2Fwarnungen%2Fredaktion%2FW-1%3Ftab%3D2"`; !strings.Contains(got, want) {
			t.Errorf("no link %s in %s", want, got)
		}
	}
	for name, got := range map[string]string{
		"a file":   ask("de", "multipart/form-data; boundary=x", "--x--", ""),
		"too long": ask("de", form, "text="+strings.Repeat("x", 300<<10), "https://boese.example/x"),
		"htmx":     ask("de", form, "a=b", "http://example.com//boese.example", "HX-Request"),
	} {
		if strings.Contains(got, `type="hidden"`) || !strings.Contains(got, `bestaetigen?next=%2Fkonto"`) {
			t.Errorf("%s: %s", name, got)
		}
	}
}
