// SPDX-License-Identifier: EUPL-1.2

package standalone

import (
	"net/http"
	"path"
	"strings"
	"sync"
)

// prefixes is the routing of the one origin, the same as in
// deployments/caddy/Caddyfile: the longest prefix wins, the rest is intake's.
var prefixes = []struct{ prefix, service string }{
	{"/lage", "triage"},
	{"/warnungen", "notification"},
	{"/echt", "notification"},
	{"/.well-known/csaf", "notification"},
	{"/konto", "directory"},
	{"/verzeichnis", "directory"},
	{"/api/triage", "triage"},
	{"/api/notification", "notification"},
	{"/api/directory", "directory"},
	{"/postfach", "postfach"},
}

// operations are for operators, not for the street.
var operations = []string{"/livez", "/readyz", "/metrics"}

// FrontDoor hands each request of the one origin to its service. A service that
// is not there answers 503 with the telephone number; the others go on.
type FrontDoor struct {
	Phone string

	mu       sync.RWMutex
	services map[string]http.Handler
}

// Set puts a service behind its prefixes; nil takes it away.
func (f *FrontDoor) Set(service string, h http.Handler) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.services == nil {
		f.services = map[string]http.Handler{}
	}
	f.services[service] = h
}

// ServeHTTP implements http.Handler.
func (f *FrontDoor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// Nobody outside may say who the client is or which language was routed.
	r.Header.Del("X-Forwarded-For")
	r.Header.Del("X-Real-Ip")
	r.Header.Del("X-Forwarded-Prefix")
	if rest, ok := strings.CutPrefix(r.URL.Path, "/en"); ok && (rest == "" || rest[0] == '/') {
		r = clone(r, rest)
		r.Header.Set("X-Forwarded-Prefix", "/en")
	}
	for _, o := range operations {
		if below(r.URL.Path, o) {
			http.NotFound(w, r)
			return
		}
	}
	f.mu.RLock()
	h := f.services[serviceOf(r.URL.Path)]
	f.mu.RUnlock()
	if h == nil {
		f.away(w, r)
		return
	}
	h.ServeHTTP(w, r)
}

// clone is a shallow copy of r for another path.
func clone(r *http.Request, path string) *http.Request {
	if path == "" {
		path = "/"
	}
	c := r.Clone(r.Context())
	c.URL.Path, c.URL.RawPath = path, ""
	c.RequestURI = c.URL.RequestURI()
	return c
}

func serviceOf(p string) string {
	p = path.Clean("/" + p)
	for _, x := range prefixes {
		if below(p, x.prefix) {
			return x.service
		}
	}
	return "intake"
}

func below(p, prefix string) bool { return p == prefix || strings.HasPrefix(p, prefix+"/") }

const awayPage = `<!doctype html><html lang="de"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Dienst gestört</title><h1>Dienst gestört</h1>
<p>Dieser Teil antwortet gerade nicht. Wir arbeiten daran.</p>
<p><strong>Vorfall? Rufen Sie an, Tag und Nacht: PHONE</strong></p>
<p lang="en">This part does not answer at the moment. In an emergency call PHONE.</p></html>`

func (f *FrontDoor) away(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Retry-After", "5")
	w.Header().Set("Cache-Control", "no-store")
	if strings.HasPrefix(r.URL.Path, "/api/") {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"type":"/problems/unavailable","title":"Unavailable","status":503}`))
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = w.Write([]byte(strings.ReplaceAll(awayPage, "PHONE", f.Phone)))
}
