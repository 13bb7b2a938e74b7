// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/deployments/standalone/internal/demoidp"
	"github.com/thueringencert/leitstelle/shared/session"
)

// atProvider goes from the sign-in page to the provider and chooses somebody.
func (b *tab) atProvider(who string) {
	b.t.Helper()
	b.open("/konto/anmelden")
	b.follow(`a[href^="/konto/oidc/servicekonto"]`)
	b.want("the provider asks who one is", `document.body.innerText.includes('Als wer melden Sie sich an?')`)
	b.js(`(window.leitstelleOld = true)`)
	b.click(`a[href$="wer=` + who + `"]`)
	b.want("back at the site", `!window.leitstelleOld && document.readyState === 'complete' && location.origin === `+quote(b.w.Demo.URL))
}

// The three ways that signing in with another account can end, in the browser:
// two factors there are enough, one is not, and nobody is let in by name.
func TestSigningInAtTheDemonstrationsProvider(t *testing.T) {
	w := fresh(t, standalone.Options{Fast: true})
	for _, width := range []int64{390, 1440} {
		b := newTab(t, w, width, 900)
		b.mu.Lock()
		b.bases = append(b.bases, strings.TrimSuffix(w.Demo.Provider.URL, "/"))
		b.mu.Unlock()
		b.open(w.Demo.Provider.URL)
		b.accessible("the provider's own page")
		b.reflows("the provider's own page")
		b.open("/konto/anmelden")
		b.accessible("the sign-in page with a provider")
		b.reflows("the sign-in page with a provider")
		b.shot("anbieter-anmelden")
		b.follow(`a[href^="/konto/oidc/servicekonto"]`)
		if !b.has("kein echter Anmeldedienst") {
			t.Errorf("the provider does not say that it is a demonstration: %s", b.where())
		}
		b.accessible("the provider's question")
		b.reflows("the provider's question")
		b.shot("anbieter-frage")
		b.click(`a[href*="error=access_denied"]`)
		b.want("the site says that it was cancelled", `document.body.innerText.includes('wurde abgebrochen')`)

		b.atProvider("gustav")
		b.want("nobody is let in who is not linked", `location.pathname === '/konto/anmelden' && document.body.innerText.includes('hier nicht verknüpft')`)
		b.atProvider("nora")
		b.want("one factor there is not enough", `location.pathname === '/konto/zweiter-faktor'`)
		b.accessible("the second factor")
		b.reflows("the second factor")
		if width != 390 {
			continue
		}
		b.write(`[name=code]`, w.totp(t, w.named(t, "it@erfurt.example")))
		b.submit()
		b.want("signed in with both", `document.querySelector('form[action$="/konto/abmelden"]')`)
	}
	b := newTab(t, w, 1440, 900)
	b.mu.Lock()
	b.bases = append(b.bases, strings.TrimSuffix(w.Demo.Provider.URL, "/"))
	b.mu.Unlock()
	b.atProvider("kim")
	b.want("two factors there are enough", `document.querySelector('form[action$="/konto/abmelden"]')`)
	b.open("/konto/sicherheit")
	if !b.has("Kim Beispiel (kim.beispiel@konto.example)") {
		t.Errorf("the link is not shown: %s", b.where())
	}
}

// The provider sends browsers nowhere but back to its site.
func TestTheDemonstrationsProviderServesItsSiteOnly(t *testing.T) {
	w := fresh(t, standalone.Options{Fast: true})
	c := client(t)
	at, err := url.Parse(w.get(t, c, "/konto/oidc/servicekonto", "").Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(url.Values){
		"another site":      func(q url.Values) { q.Set("redirect_uri", "https://evil.example/") },
		"another page":      func(q url.Values) { q.Set("redirect_uri", w.Demo.URL+"/konto/anmelden") },
		"another client":    func(q url.Values) { q.Set("client_id", "somebody") },
		"no address at all": func(q url.Values) { q.Del("redirect_uri") },
	} {
		u, q := *at, at.Query()
		q.Set("wer", "kim")
		change(q)
		u.RawQuery = q.Encode()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, u.String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		res := w.browse(t, c, req, "")
		if res.StatusCode != http.StatusBadRequest || res.Header.Get("Location") != "" {
			t.Errorf("%s: %d to %q", name, res.StatusCode, res.Header.Get("Location"))
		}
	}
}

// It runs on this machine, for this machine, or not at all.
func TestTheDemonstrationsProviderIsForThisMachineOnly(t *testing.T) {
	t.Parallel()
	here, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	everywhere, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = here.Close(), everywhere.Close() })
	for name, try := range map[string]struct {
		l    net.Listener
		back string
	}{
		"for a public site":          {here, "https://cert.thueringen.de/konto/oidc/servicekonto/rueckkehr"},
		"for a site by name":         {here, "http://intranet/konto/oidc/servicekonto/rueckkehr"},
		"open to the whole network":  {everywhere, "http://127.0.0.1:8080/konto/oidc/servicekonto/rueckkehr"},
		"for no address that is one": {here, "x"},
	} {
		if p, err := demoidp.New(try.l, try.back, nil, time.Now); err == nil {
			t.Errorf("%s: made %s", name, p.Issuer())
		}
	}
}

// Fault F35 in the running product: the provider is gone, the sign-in page is
// there at once and says so, and password and code go on.
func TestWithoutTheProviderLocalAccountsGoOn(t *testing.T) {
	w := fresh(t, standalone.Options{Fast: true})
	if err := w.StopProvider(); err != nil {
		t.Fatal(err)
	}
	b := newTab(t, w, 390, 900)
	began := time.Now()
	if status := b.open("/konto/anmelden"); status != http.StatusOK || time.Since(began) > 5*time.Second {
		t.Errorf("the sign-in page: %d after %s", status, time.Since(began))
	}
	c := client(t)
	for range 3 { // the second one does not even ask
		began = time.Now()
		if res := w.get(t, c, "/konto/oidc/servicekonto", ""); res.Header.Get("Location") != "/konto/anmelden" || time.Since(began) > 3*time.Second {
			t.Errorf("the way to the provider: %d to %q after %s", res.StatusCode, res.Header.Get("Location"), time.Since(began))
		}
	}
	b.follow(`a[href^="/konto/oidc/servicekonto"]`)
	if !b.has("Dieser Anmeldedienst antwortet gerade nicht") {
		t.Errorf("the page does not say so: %s", b.where())
	}
	b.accessible("the sign-in page without its provider")
	b.shot("anbieter-weg")
	p := w.named(t, "it@jena.example")
	res := w.form(t, "/konto/anmelden", url.Values{"email": {p.Email}, "password": {p.Password}, "code": {w.totp(t, p)}}, "")
	if res.StatusCode != http.StatusSeeOther || !strings.Contains(res.Header.Get("Set-Cookie"), session.Cookie) {
		t.Errorf("password and code: %d", res.StatusCode)
	}
}
