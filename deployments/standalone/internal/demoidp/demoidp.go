// SPDX-License-Identifier: EUPL-1.2

// Package demoidp is an OpenID provider to try "sign in with another account":
// invented people, one click, no password. It is a toy for the demonstration on
// one's own machine and nothing else; the protocol is that of the library with
// which the tests check the sign-in.
package demoidp

import (
	"embed"
	"errors"
	"html/template"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/oauth2-proxy/mockoidc"
)

//go:embed page.html style.css
var files embed.FS

var pages = template.Must(template.ParseFS(files, "page.html"))

// Strong is the acr of somebody who showed two factors: the name of eIDAS.
const Strong = "http://eidas.europa.eu/LoA/substantial"

// Person has an account here. The texts say on the page how they are signed in
// and what to expect.
type Person struct {
	Subject, Name, Email string
	Strong               bool // with two factors
	How, Expect          string
}

// Provider answers the requests of one site.
type Provider struct {
	Now func() time.Time

	oidc   *mockoidc.MockOIDC
	back   string // the one address that browsers are sent back to
	people []Person
	mu     sync.Mutex // the library keeps its sessions in a plain map
}

// New makes a provider that will be reached at l, for people of an invented
// country, and for one site only: back is where it sends browsers back to. Both
// must be on this machine.
func New(l net.Listener, back string, people []Person, now func() time.Time) (*Provider, error) {
	site, err := url.Parse(back)
	if err != nil {
		return nil, err
	}
	here, err := netip.ParseAddrPort(l.Addr().String())
	if err != nil {
		return nil, err
	}
	there, err := netip.ParseAddr(site.Hostname())
	if err != nil || !there.IsLoopback() || !here.Addr().Unmap().IsLoopback() {
		return nil, errors.New("the demonstration's OpenID provider runs on this machine only, and for it only")
	}
	m, err := mockoidc.NewServer(nil)
	if err != nil {
		return nil, err
	}
	m.CodeChallengeMethodsSupported = []string{"S256"}
	m.Server = &http.Server{Addr: l.Addr().String(), ReadHeaderTimeout: time.Second} // never started: the library reads its own address here
	return &Provider{Now: now, oidc: m, back: back, people: people}, nil
}

// Issuer is what the site has to know, with the two below.
func (p *Provider) Issuer() string { return p.oidc.Issuer() }

// ClientID names the site here.
func (p *Provider) ClientID() string { return p.oidc.ClientID }

// ClientSecret is made anew with every start.
func (p *Provider) ClientSecret() string { return p.oidc.ClientSecret }

// Home is the address of the page that says what this is.
func (p *Provider) Home() string { return p.oidc.Addr() + "/" }

// Handler answers browsers and the site.
func (p *Provider) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { p.show(w, http.StatusOK, view{}) })
	mux.HandleFunc("GET /style.css", func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, files, "style.css") })
	mux.HandleFunc("GET "+mockoidc.AuthorizationEndpoint, p.authorize)
	mux.HandleFunc("POST "+mockoidc.TokenEndpoint, p.alone(p.oidc.Token))
	mux.HandleFunc("GET "+mockoidc.UserinfoEndpoint, p.alone(p.oidc.Userinfo))
	mux.HandleFunc("GET "+mockoidc.JWKSEndpoint, p.oidc.JWKS)
	mux.HandleFunc("GET "+mockoidc.DiscoveryEndpoint, p.oidc.Discovery)
	return mux
}

// alone runs one request of the library at a time.
func (p *Provider) alone(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		h(w, r)
	}
}

type choice struct {
	Person
	Href string
}

type view struct {
	Asked  bool // a site sent the browser here
	Wrong  bool // but not the one site
	People []choice
	Cancel string
}

// authorize asks who one wants to be, and then is that person. Links, not a
// form: browsers apply form-action to where a form's answer redirects to.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("redirect_uri") != p.back || q.Get("client_id") != p.oidc.ClientID {
		p.show(w, http.StatusBadRequest, view{Asked: true, Wrong: true})
		return
	}
	who := q.Get("wer")
	for _, x := range p.people {
		if x.Subject == who {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.oidc.QueueUser(user{x, p.Now()})
			p.oidc.Authorize(w, r)
			return
		}
	}
	v := view{Asked: true, Cancel: p.back + "?" + url.Values{"error": {"access_denied"}, "state": {q.Get("state")}}.Encode()}
	for _, x := range p.people {
		q.Set("wer", x.Subject)
		v.People = append(v.People, choice{x, mockoidc.AuthorizationEndpoint + "?" + q.Encode()})
	}
	p.show(w, http.StatusOK, v)
}

func (p *Provider) show(w http.ResponseWriter, status int, v view) {
	if !v.Asked {
		for _, x := range p.people {
			v.People = append(v.People, choice{Person: x})
		}
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	_ = pages.ExecuteTemplate(w, "page.html", v) // the browser is gone
}

// user is a person as the library wants them.
type user struct {
	Person
	at time.Time
}

func (u user) ID() string                        { return u.Subject }
func (u user) Userinfo([]string) ([]byte, error) { return []byte(`{}`), nil }

type claims struct {
	*mockoidc.IDTokenClaims
	Name     string `json:"name"`
	Email    string `json:"email"`
	ACR      string `json:"acr,omitempty"`
	AuthTime int64  `json:"auth_time"`
}

func (u user) Claims(_ []string, base *mockoidc.IDTokenClaims) (jwt.Claims, error) {
	c := claims{IDTokenClaims: base, Name: u.Name, Email: u.Email, AuthTime: u.at.Unix()}
	if u.Strong {
		c.ACR = Strong
	}
	return c, nil
}
