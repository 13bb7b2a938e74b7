// SPDX-License-Identifier: EUPL-1.2

package httpserver_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/session"
)

func newRecorder() *httptest.ResponseRecorder { return httptest.NewRecorder() }

func TestOnlyATrustedProxySaysWhoTheClientIs(t *testing.T) {
	t.Parallel()
	proxy := []netip.Prefix{netip.MustParsePrefix("10.1.2.3/32")}
	for name, tt := range map[string]struct {
		trusted []netip.Prefix
		remote  string
		forward []string
		want    string
	}{
		"no proxy, nobody is believed":           {nil, "10.9.9.9:1", []string{"1.1.1.1"}, "10.9.9.9"},
		"the proxy is believed":                  {proxy, "10.1.2.3:1", []string{"198.51.100.7"}, "198.51.100.7"},
		"a neighbour of the proxy is not":        {proxy, "10.1.2.4:1", []string{"198.51.100.7"}, "10.1.2.4"},
		"loopback is not":                        {proxy, "127.0.0.1:1", []string{"198.51.100.7"}, "127.0.0.1"},
		"what the client put before is not":      {proxy, "10.1.2.3:1", []string{"1.1.1.1, 198.51.100.7"}, "198.51.100.7"},
		"also not in a header of its own":        {proxy, "10.1.2.3:1", []string{"1.1.1.1", "198.51.100.7"}, "198.51.100.7"},
		"a client in the state's network counts": {proxy, "10.1.2.3:1", []string{"1.1.1.1, 172.16.5.6"}, "172.16.5.6"},
		"the proxy without the header":           {proxy, "10.1.2.3:1", nil, "10.1.2.3"},
		"nonsense from the proxy":                {proxy, "10.1.2.3:1", []string{"not an address"}, "10.1.2.3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options()
			o.TrustedProxies = tt.trusted
			e := serve(o, open("GET", "/api/ip", func(c echo.Context) error { return c.String(200, c.RealIP()) }))
			r := httptest.NewRequest("GET", "/api/ip", nil)
			r.RemoteAddr = tt.remote
			for _, f := range tt.forward {
				r.Header.Add("X-Forwarded-For", f)
			}
			r.Header.Set("X-Real-Ip", "6.6.6.6")
			w := newRecorder()
			e.ServeHTTP(w, r)
			if got := w.Body.String(); got != tt.want {
				t.Errorf("client = %s, want %s", got, tt.want)
			}
		})
	}
}

func TestARouteIsThereOnlyForWhomItsActionReaches(t *testing.T) {
	t.Parallel()
	for _, action := range actor.Actions() {
		e := serve(options(), httpserver.Route{Method: "GET", Path: "/api/x", Action: action, Handler: func(c echo.Context) error {
			return c.String(200, session.Actor(c).ID())
		}})
		for _, role := range actor.Roles() {
			reach, _ := actor.Cell(action, role)
			want := map[bool]int{true: 200, false: 404}[reach != actor.None || action == actor.Public || actor.GuestByCode(action)]
			if reach == actor.Mandated && want == 200 && !actor.GuestByCode(action) {
				want = 404 // these people have no mandate
			}
			for _, credentials := range []string{"Authorization: Bearer " + string(role), "Cookie: " + session.Cookie + "=" + string(role)} {
				if w := ask(e, "GET", "/api/x", "", credentials); w.Code != want {
					t.Errorf("%s as %s = %d, want %d", action, role, w.Code, want)
				}
			}
		}
		want := map[bool]int{true: 200, false: 401}[action == actor.Public || actor.GuestByCode(action)]
		if w := ask(e, "GET", "/api/x", ""); w.Code != want {
			t.Errorf("%s as a guest = %d, want %d", action, w.Code, want)
		}
		if w := ask(e, "GET", "/api/x", "", "Authorization: Bearer stolen"); w.Code != 401 {
			t.Errorf("%s with an invalid token = %d, want 401", action, w.Code)
		}
	}
}

func TestABrowserIsSentToSignInAndBack(t *testing.T) {
	t.Parallel()
	e := serve(options(),
		httpserver.Route{Method: "GET", Path: "/lage", Action: actor.CaseQueue, Handler: ok},
		httpserver.Route{Method: "POST", Path: "/lage", Action: actor.CaseQueue, Handler: ok})
	for name, tt := range map[string]struct {
		method  string
		headers []string
		status  int
		to      string
	}{
		"a page":             {"GET", []string{"Accept: text/html"}, 303, "/konto/anmelden?next=%2Flage%3Fq%3D%252F%252Fevil"},
		"a page in English":  {"GET", []string{"Accept: text/html", "X-Forwarded-Prefix: /en"}, 303, "/en/konto/anmelden?next=%2Fen%2Flage%3Fq%3D%252F%252Fevil"},
		"another prefix":     {"GET", []string{"Accept: text/html", "X-Forwarded-Prefix: //evil.example"}, 303, "/konto/anmelden?next=%2Flage%3Fq%3D%252F%252Fevil"},
		"a fragment":         {"GET", []string{"Accept: text/html", "HX-Request: true"}, 401, ""},
		"a form":             {"POST", []string{"Accept: text/html", "Sec-Fetch-Site: same-origin"}, 401, ""},
		"a program":          {"GET", []string{"Accept: application/json"}, 401, ""},
		"an expired session": {"GET", []string{"Accept: text/html", "Cookie: " + session.Cookie + "=old"}, 303, "/konto/anmelden?next=%2Flage%3Fq%3D%252F%252Fevil"},
	} {
		w := ask(e, tt.method, "/lage?q=%2F%2Fevil", "", tt.headers...)
		if w.Code != tt.status || w.Header().Get("Location") != tt.to {
			t.Errorf("%s = %d to %q, want %d to %q", name, w.Code, w.Header().Get("Location"), tt.status, tt.to)
		}
	}
}

func TestReadyNamesWhatIsNot(t *testing.T) {
	t.Parallel()
	o := options()
	o.Ready = map[string]func(context.Context) error{
		"database": func(context.Context) error { return nil },
		"broker":   func(context.Context) error { return errors.New("secret address refused") },
	}
	e := serve(o)
	w := ask(e, "GET", "/readyz", "")
	if body := w.Body.String(); w.Code != 503 || !strings.Contains(body, "broker") || strings.Contains(body, "database") || strings.Contains(body, "secret") {
		t.Errorf("/readyz = %d %s, want 503 for the broker", w.Code, body)
	}
	if w := ask(e, "GET", "/livez", ""); w.Code != 200 {
		t.Errorf("/livez = %d, want 200: a restart would not help", w.Code)
	}
	delete(o.Ready, "broker")
	o.Registry = prometheus.NewRegistry()
	if w := ask(serve(o), "GET", "/readyz", ""); w.Code != 200 {
		t.Errorf("/readyz = %d, want 200", w.Code)
	}
}

// What a client sends must not grow the metrics.
func TestMetricsNameRoutesAndNeverPaths(t *testing.T) {
	t.Parallel()
	e := serve(options(), open("GET", "/api/x/:id", ok))
	for i := range 50 {
		ask(e, "GET", fmt.Sprintf("/api/x/%d", i), "")
		ask(e, "GET", fmt.Sprintf("/nothing-%d", i), "")
		ask(e, fmt.Sprintf("METHOD%d", i), "/api/x/1", "")
	}
	body := ask(e, "GET", "/metrics", "").Body.String()
	if n := strings.Count(body, "leitstelle_http_request_seconds_count{"); n > 5 || !strings.Contains(body, `route="/api/x/:id"`) {
		t.Errorf("%d series, want one a route:\n%s", n, body)
	}
	for _, leaked := range []string{"nothing-1", "METHOD1", "/api/x/1\""} {
		if strings.Contains(body, leaked) {
			t.Errorf("the metrics hold %q", leaked)
		}
	}
}

// running is a real server on loopback.
func running(t *testing.T, e http.Handler) (url string, stop context.CancelFunc, done <-chan error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- httpserver.Serve(ctx, l, e) }()
	t.Cleanup(cancel)
	return "http://" + l.Addr().String(), cancel, ended
}

func get(t *testing.T, url string, headers ...string) (status int, body io.Reader) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return res.StatusCode, res.Body
}

func TestF34StoppingEndsStreamsAndFinishesRequests(t *testing.T) {
	t.Parallel()
	begun, goOn := make(chan struct{}), make(chan struct{})
	e := serve(options(),
		httpserver.Route{Method: "GET", Path: "/stream", Action: actor.Public, Stream: true, Handler: func(c echo.Context) error {
			c.Response().Header().Set("Content-Type", "text/event-stream")
			_, _ = fmt.Fprint(c.Response(), "data: hello\n\n")
			c.Response().Flush()
			<-c.Request().Context().Done()
			_, _ = fmt.Fprint(c.Response(), "retry: 1000\n\n")
			return nil
		}},
		open("GET", "/slow", func(c echo.Context) error {
			close(begun)
			<-goOn
			return c.String(200, "finished")
		}))
	url, stop, done := running(t, e)
	_, stream := get(t, url+"/stream", "Accept: text/event-stream")
	lines := bufio.NewReader(stream)
	if line, err := lines.ReadString('\n'); err != nil || line != "data: hello\n" {
		t.Fatalf("the stream begins with %q, %v", line, err)
	}
	slow := make(chan string, 1)
	go func() {
		res, err := http.Get(url + "/slow")
		if err != nil {
			slow <- err.Error()
			return
		}
		defer func() { _ = res.Body.Close() }()
		b, _ := io.ReadAll(res.Body)
		slow <- string(b)
	}()
	<-begun
	start := time.Now()
	stop()
	rest, err := io.ReadAll(lines)
	if err != nil || !strings.Contains(string(rest), "retry: 1000") {
		t.Errorf("the stream ended with %q, %v; want it to say when to come back", rest, err)
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("the stream ended after %s, want at once", took)
	}
	close(goOn)
	if got := <-slow; got != "finished" {
		t.Errorf("the request that was running got %q, want its answer", got)
	}
	if err := <-done; err != nil {
		t.Errorf("Serve = %v, want nil", err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("stopping took %s", took)
	}
}

func TestAHandlerThatTakesTooLongIsUnavailable(t *testing.T) {
	t.Parallel()
	e := serve(options(), open("GET", "/api/x", func(c echo.Context) error {
		deadline, ok := c.Request().Context().Deadline()
		if !ok || time.Until(deadline) > httpserver.HandlerLimit {
			t.Errorf("deadline %v, %v; want at most %s", deadline, ok, httpserver.HandlerLimit)
		}
		<-c.Request().Context().Done()
		return fmt.Errorf("list: %w", c.Request().Context().Err())
	}))
	start := time.Now()
	w := ask(e, "GET", "/api/x", "")
	if took := time.Since(start); w.Code != 503 || took > 5*time.Second || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d after %s, want 503 within 5 s", w.Code, took)
	}
}

func TestAHugeHeaderIsRefused(t *testing.T) {
	t.Parallel()
	url, _, _ := running(t, serve(options(), open("GET", "/api/x", ok)))
	if status, _ := get(t, url+"/api/x", "X-Big: "+strings.Repeat("x", 64<<10)); status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%d, want 431", status)
	}
}

// deadlines remembers what is set on the connection.
type deadlines struct {
	*httptest.ResponseRecorder
	read, write time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error  { d.read = t; return nil }
func (d *deadlines) SetWriteDeadline(t time.Time) error { d.write = t; return nil }

// A deadline stays with the connection: each request has to set its own, also
// one that is answered with 404.
func TestEveryRequestSetsItsDeadlines(t *testing.T) {
	t.Parallel()
	route := httpserver.Route{Path: "/stream", Action: actor.Public, Handler: ok, Stream: true}
	get, post := route, route
	get.Method, post.Method, post.Limit = "GET", "POST", httpserver.UploadLimit
	e := serve(options(), open("GET", "/api/x", ok), get, post)
	for line, want := range map[string]struct{ read, write time.Duration }{ // 0: none
		"GET /api/x":   {httpserver.ReadTimeout, httpserver.WriteTimeout},
		"GET /nothing": {0, httpserver.WriteTimeout},
		"GET /livez":   {0, httpserver.WriteTimeout},
		"GET /stream":  {0, 0},
		"POST /stream": {httpserver.ReadTimeout + httpserver.UploadLimit/(50<<10)*time.Second, 0},
	} {
		method, path, _ := strings.Cut(line, " ")
		w := &deadlines{ResponseRecorder: newRecorder(), write: time.Now().Add(time.Second)} // left by the last request
		e.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		for what, d := range map[string]struct {
			got  time.Time
			want time.Duration
		}{"read": {w.read, want.read}, "write": {w.write, want.write}} {
			if left := time.Until(d.got); d.got.IsZero() != (d.want == 0) || d.want > 0 && (left > d.want || left < d.want-5*time.Second) {
				t.Errorf("%s: %s deadline in %s, want %s", line, what, left, d.want)
			}
		}
	}
}
