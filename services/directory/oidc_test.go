// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"encoding/base64"
	"encoding/json"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/thueringencert/leitstelle/services/directory"
	"github.com/thueringencert/leitstelle/shared/devstack"
)

func TestSigningInWithALinkedAccountAsksForTheSecondFactor(t *testing.T) {
	t.Parallel()
	b, one, _ := withIDPs(t, "klett")
	b.linkIDP(one, "/konto/oidc/bundid", "klett", kimAtIDP)
	w := b.browser()
	back := w.visit(one, "/konto/oidc/bundid?next=/melden", kimAtIDP)
	w.get(back).wantTo(t, "/konto/zweiter-faktor")
	if w.signedIn() {
		t.Fatal("signed in with one factor")
	}
	if a := w.post("/konto/zweiter-faktor", url.Values{"code": {"000000"}}); a.StatusCode != 401 || w.signedIn() {
		t.Errorf("a wrong code: %d", a.StatusCode)
	}
	b.clock.pass(30 * time.Second)
	w.post("/konto/zweiter-faktor", url.Values{"code": {b.code()}}).wantTo(t, "/melden")
	if !w.signedIn() {
		t.Error("not signed in")
	}
	if n := b.count(`SELECT count(*) FROM session WHERE way = 'provider' AND ended_at IS NULL`); n != 1 {
		t.Errorf("sessions by provider: %d, want 1", n)
	}
	b.chain()
}

func TestAStrongAnswerOfTheProviderIsEnough(t *testing.T) {
	t.Parallel()
	b, one, _ := withIDPs(t, "klett")
	b.linkIDP(one, "/konto/oidc/bundid", "klett", kimAtIDP)
	for name, as := range map[string]subject{
		"by acr": strong,
		"by amr": {sub: "kim-1", change: func(c map[string]any) { c["amr"] = []string{"pwd", "mfa"} }},
	} {
		w := b.browser()
		w.get(w.visit(one, "/konto/oidc/bundid", as)).wantTo(t, "/konto/start")
		if !w.signedIn() {
			t.Errorf("%s: not signed in", name)
		}
	}
}

// MISP CVE-2026-9084: an account at a provider with somebody's e-mail address
// gets nothing, and that is an alarm.
func TestAnEMailAddressAtAProviderOpensNothing(t *testing.T) {
	t.Parallel()
	b, one, two := withIDPs(t, "klett", "admin")
	b.linkIDP(one, "/konto/oidc/bundid", "klett", kimAtIDP)
	evil := subject{sub: "other-2", email: "Klett@example.org", name: "Kim Beispiel", change: strong.change}
	for name, try := range map[string]struct {
		p     *idp
		start string
		as    subject
		alarm int
	}{
		"a new subject of the same provider":          {one, "/konto/oidc/bundid", evil, 1},
		"the same subject of another provider":        {two, "/konto/oidc/muk", strong, 1},
		"the administrator's address":                 {two, "/konto/oidc/muk", subject{sub: "x", email: "admin@example.org", change: strong.change}, 1},
		"an address that nobody has":                  {two, "/konto/oidc/muk", subject{sub: "y", email: "niemand@example.org", change: strong.change}, 0},
		"no address at all":                           {two, "/konto/oidc/muk", subject{sub: "z", change: strong.change}, 0},
		"an address hidden in another form of spaces": {two, "/konto/oidc/muk", subject{sub: "s", email: " klett@example.org ", change: strong.change}, 1},
	} {
		before := b.count(`SELECT count(*) FROM audit WHERE action = 'identity.alarm' AND result = 'denied'`)
		w := b.browser()
		w.get(w.visit(try.p, try.start, try.as)).wantTo(t, "/konto/anmelden")
		if f := w.flash(); f != "directory.signin.oidc.wrong" || w.signedIn() {
			t.Errorf("%s: says %q", name, f)
		}
		if n := b.count(`SELECT count(*) FROM audit WHERE action = 'identity.alarm' AND result = 'denied'`) - before; n != try.alarm {
			t.Errorf("%s: %d alarms, want %d", name, n, try.alarm)
		}
	}
	if n := b.count(`SELECT count(*) FROM identity`); n != 1 {
		t.Errorf("%d links, want 1", n)
	}
	b.chain()
}

func unsigned(claims map[string]any) string {
	head := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`))
	body, _ := json.Marshal(claims)
	return head + "." + base64.RawURLEncoding.EncodeToString(body) + "."
}

func TestTamperedAnswersOfAProviderChangeNothing(t *testing.T) {
	t.Parallel()
	b, one, two := withIDPs(t, "klett")
	b.linkIDP(one, "/konto/oidc/bundid", "klett", kimAtIDP)
	claims := func(change func(map[string]any)) subject {
		return subject{sub: "kim-1", change: func(c map[string]any) { c["acr"] = "urn:two"; change(c) }}
	}
	for name, try := range map[string]struct {
		as     subject
		tamper func(map[string]any)
		back   func(*testing.T, string) string
		says   string
	}{
		"another nonce":        {as: claims(func(c map[string]any) { c["nonce"] = "x" })},
		"no nonce":             {as: claims(func(c map[string]any) { delete(c, "nonce") })},
		"another audience":     {as: claims(func(c map[string]any) { c["aud"] = "somebody" })},
		"two audiences":        {as: claims(func(c map[string]any) { c["aud"] = []any{one.ClientID, "somebody"} })},
		"another party":        {as: claims(func(c map[string]any) { c["azp"] = "somebody" })},
		"another issuer":       {as: claims(func(c map[string]any) { c["iss"] = two.Issuer() })},
		"expired":              {as: claims(func(c map[string]any) { c["exp"] = float64(1) })},
		"not yet":              {as: claims(func(c map[string]any) { c["nbf"] = b.clock.Now().Add(time.Hour).Unix() })},
		"issued in the future": {as: claims(func(c map[string]any) { c["iat"] = b.clock.Now().Add(time.Hour).Unix() })},
		"no subject":           {as: claims(func(c map[string]any) { delete(c, "sub") })},
		"signed by nobody": {as: strong, tamper: func(m map[string]any) {
			m["id_token"] = unsigned(map[string]any{"iss": one.Issuer(), "aud": one.ClientID, "sub": "kim-1", "exp": 1 << 40})
		}},
		"signed with the secret": {as: strong, tamper: func(m map[string]any) {
			s, _ := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"iss": one.Issuer(), "aud": one.ClientID, "sub": "kim-1", "exp": 1 << 40}).SignedString([]byte(one.ClientSecret))
			m["id_token"] = s
		}},
		"a broken signature": {as: strong, tamper: func(m map[string]any) { s := m["id_token"].(string); m["id_token"] = s[:len(s)-8] + "AAAAAAAA" }},
		"no id_token":        {as: strong, tamper: func(m map[string]any) { delete(m, "id_token") }},
		"another state":      {as: strong, back: func(t *testing.T, s string) string { return query(t, s, func(q url.Values) { q.Set("state", "x") }) }},
		"no state":           {as: strong, back: func(t *testing.T, s string) string { return query(t, s, func(q url.Values) { q.Del("state") }) }},
		"two states":         {as: strong, back: func(t *testing.T, s string) string { return query(t, s, func(q url.Values) { q.Add("state", "x") }) }},
		"no code":            {as: strong, back: func(t *testing.T, s string) string { return query(t, s, func(q url.Values) { q.Del("code") }) }},
		"an invented code":   {as: strong, back: func(t *testing.T, s string) string { return query(t, s, func(q url.Values) { q.Set("code", "x") }) }},
		"a mixed-up issuer": {as: strong, back: func(t *testing.T, s string) string {
			return query(t, s, func(q url.Values) { q.Set("iss", two.Issuer()) })
		}},
		"another provider's address": {as: strong, back: func(_ *testing.T, s string) string { return strings.Replace(s, "/bundid/", "/muk/", 1) }},
		"the person said no": {as: strong, says: "directory.signin.oidc.denied", back: func(t *testing.T, s string) string {
			return query(t, s, func(q url.Values) { q.Del("code"); q.Set("error", "access_denied") })
		}},
	} {
		w := b.browser()
		back := w.visit(one, "/konto/oidc/bundid", try.as)
		if try.back != nil {
			back = try.back(t, back)
		}
		one.tamper = try.tamper
		w.get(back).wantTo(t, "/konto/anmelden")
		one.tamper = nil
		if try.says == "" {
			try.says = "directory.signin.oidc.wrong"
		}
		if f := w.flash(); f != try.says || w.signedIn() {
			t.Errorf("%s: says %q, signed in %v", name, f, w.signedIn())
		}
		w.get(back).wantTo(t, "/konto/anmelden") // what was begun counts once, also when it failed
		if f := w.flash(); f != "directory.signin.oidc.stale" {
			t.Errorf("%s, again: says %q", name, f)
		}
		b.clock.pass(time.Minute)
		one.FastForward(time.Minute)
		two.FastForward(time.Minute)
	}
	b.chain()
}

func TestWhatWasBegunElsewhereOrLongAgoEndsNowhere(t *testing.T) {
	t.Parallel()
	b, one, _ := withIDPs(t, "klett")
	b.linkIDP(one, "/konto/oidc/bundid", "klett", kimAtIDP)
	victim, attacker := b.browser(), b.browser()
	back := attacker.visit(one, "/konto/oidc/bundid", strong)
	victim.get(back).wantTo(t, "/konto/anmelden") // sign-in forgery: the victim began nothing
	if victim.signedIn() {
		t.Error("signed in with what another browser began")
	}
	attacker.get(back).wantTo(t, "/konto/start")
	late := b.browser()
	back = late.visit(one, "/konto/oidc/bundid", strong)
	b.clock.pass(11 * time.Minute)
	late.get(back).wantTo(t, "/konto/anmelden")
	if f := late.flash(); f != "directory.signin.oidc.stale" {
		t.Errorf("after eleven minutes: %q", f)
	}
}

// The own machine has two names, and providers send browsers back to one.
func TestTheWayToAProviderBeginsWhereItEnds(t *testing.T) {
	t.Parallel()
	b, one, _ := withIDPs(t, "klett")
	w := b.browser()
	w.local("/konto/oidc/bundid?next=/melden", nil).wantTo(t, origin+"/konto/oidc/bundid?next=/melden")
	if to := w.get("/konto/oidc/bundid").Header.Get("Location"); !strings.HasPrefix(to, one.Addr()) {
		t.Errorf("at the site's own address: to %q", to)
	}
}

func TestLinkingNeedsAConfirmedSessionAndTheSamePerson(t *testing.T) {
	t.Parallel()
	b, one, two := withIDPs(t, "klett", "chefin")
	guest := b.browser()
	if a := guest.get("/konto/oidc/bundid?fuer=verknuepfen"); a.StatusCode == 303 && strings.HasPrefix(a.Header.Get("Location"), one.Addr()) {
		t.Error("a guest may begin to link")
	}
	w := b.browser()
	w.enter("klett")
	b.clock.pass(16 * time.Minute)
	if to := w.get("/konto/oidc/bundid?fuer=verknuepfen").Header.Get("Location"); !strings.HasPrefix(to, "/konto/bestaetigen?next=") {
		t.Errorf("an old confirmation leads to %q", to)
	}
	b.clock.pass(time.Minute)
	w.enter("klett")
	one.FastForward(18 * time.Minute)
	back := w.visit(one, "/konto/oidc/bundid?fuer=verknuepfen", kimAtIDP)
	other := b.browser()
	other.enter("chefin")
	other.cookies["__Host-leitstelle-oidc"] = w.cookies["__Host-leitstelle-oidc"]
	other.get(back).wantTo(t, "/konto/sicherheit")
	if n := b.count(`SELECT count(*) FROM identity`); n != 0 {
		t.Errorf("%d links, want none", n)
	}
	// Linked to one person, the account cannot be linked to a second one.
	two.FastForward(18 * time.Minute)
	b.linkIDP(one, "/konto/oidc/bundid", "klett", kimAtIDP)
	x := b.browser()
	x.enter("chefin")
	back = x.visit(one, "/konto/oidc/bundid?fuer=verknuepfen", kimAtIDP)
	x.get(back).wantTo(t, "/konto/sicherheit/verknuepfen")
	x.post("/konto/sicherheit/verknuepfen", url.Values{}).wantTo(t, "/konto/sicherheit")
	if f := x.flash(); f != "directory.signin.oidc.taken" {
		t.Errorf("a second link says %q", f)
	}
	b.chain()
}

// Fault F35: a provider that is down stops neither the start of the service nor
// anybody's local sign-in; open sessions go on, and the page says so.
func TestWhenTheProviderIsDownEverythingElseGoesOn(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close() // nobody listens there
	db, dbURL := devstack.NewDB(t, directory.Migrations()...)
	b := bareAt(t, db, dbURL, nil, func(c *directory.Config) {
		c.Site.URL = origin
		c.SignIn.First = directory.OIDC{Name: "bundid", Issuer: "http://" + l.Addr().String(), ClientID: "x", ClientSecret: "y", Label: "BundID"}
	})
	b.fill("klett")
	w := b.browser()
	w.enter("klett")
	guest := b.browser()
	guest.get("/konto/oidc/bundid").wantTo(t, "/konto/anmelden")
	if body := guest.get("/konto/anmelden").body; !strings.Contains(body, "antwortet gerade nicht") || !strings.Contains(body, `name="password"`) {
		t.Errorf("the page does not say what to do: %.3000s", body)
	}
	if !w.signedIn() {
		t.Error("the open session ended")
	}
	guest.enter("klett")
	if !guest.signedIn() {
		t.Error("the local sign-in stopped")
	}
}

func TestWrongProvidersAreRefusedAtTheStart(t *testing.T) {
	t.Parallel()
	good := directory.OIDC{Name: "bundid", Issuer: "https://idp.example", ClientID: "x", ClientSecret: "y"}
	for name, change := range map[string]func(*directory.Config){
		"a name with a slash":       func(c *directory.Config) { c.SignIn.First.Name = "a/b" },
		"an issuer without https":   func(c *directory.Config) { c.SignIn.First.Issuer = "http://idp.example" },
		"an issuer on this machine": func(c *directory.Config) { c.SignIn.First.Issuer = "http://127.0.0.1:8081/oidc" },
		"no secret":                 func(c *directory.Config) { c.SignIn.First.ClientSecret = "" },
		"the same name twice":       func(c *directory.Config) { c.SignIn.Second = c.SignIn.First },
		"no public address":         func(c *directory.Config) { c.Site.URL = "" },
		"a public address by http":  func(c *directory.Config) { c.Site.URL = "http://cert.example" },
	} {
		_, dbURL := devstack.NewDB(t, directory.Migrations()...)
		cfg := directory.Config{Key: strings.Repeat("0a", 32), Config: serviceConfig(dbURL)}
		cfg.Site.URL, cfg.SignIn.First = "https://cert.example", good
		change(&cfg)
		if s, err := directory.New(t.Context(), cfg, directory.Deps{}); err == nil {
			_ = s.Close()
			t.Errorf("%s: started", name)
		}
	}
}
