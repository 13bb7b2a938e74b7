// SPDX-License-Identifier: EUPL-1.2

// Package httpserver sets up echo the same way for every service: recovery,
// request ids, security headers, limits, cross-site protection, sign-in, and
// one translation of errors into problem+json (RFC 9457) or a page. It is the
// only place that knows which status a kind of fault has.
package httpserver

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/session"
)

// Limits that hold unless a route says otherwise.
const (
	BodyLimit    = 256 << 10 // bytes
	UploadLimit  = 26 << 20
	ReadTimeout  = 30 * time.Second
	WriteTimeout = 60 * time.Second
	// HandlerLimit leaves a second of the five in which everybody has an answer
	// (F6) for looking up an unknown outcome.
	HandlerLimit = 4 * time.Second
)

// Options of a server.
type Options struct {
	Service  string
	Log      *zap.Logger
	Sessions session.Source
	Now      func() time.Time
	// TrustedProxies may say who the client is by X-Forwarded-For; nobody else,
	// and no private range by itself: in a state network clients live there.
	TrustedProxies []netip.Prefix
	// StepUp is how long a second factor counts for what needs a fresh one;
	// default 15 minutes.
	StepUp time.Duration
	// APIRequests is how many requests a second one session or token may make of
	// the API; 0: no limit.
	APIRequests int
	// ErrorPage renders an error for a browser.
	ErrorPage func(c echo.Context, status int, err error, requestID string) error
	// Ready is asked by /readyz; each check has a name.
	Ready map[string]func(context.Context) error
	// Denied notes in the audit that somebody signed in asked for what they may not.
	Denied func(c echo.Context, action actor.Action, objectType, objectID string)
	// Registry takes the metrics of this service.
	Registry *prometheus.Registry
}

func (o Options) stepUp() time.Duration { return cmp.Or(o.StepUp, 15*time.Minute) }

// New returns an echo with everything but routes.
func New(o Options) *echo.Echo {
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.IPExtractor = ipExtractor(o.TrustedProxies)
	e.HTTPErrorHandler = errorHandler(o)
	e.Pre(requestID)
	e.Use(metrics(o), middleware.RecoverWithConfig(middleware.RecoverConfig{
		LogErrorFunc: func(_ echo.Context, err error, stack []byte) error {
			o.Log.Error("http: panic", zap.Error(err), zap.ByteString("stack", stack))
			return err
		},
	}), writeDeadline, headers(o), crossSite, refuseEncoded)
	operations(e, o)
	return e
}

func operations(e *echo.Echo, o Options) {
	e.GET("/livez", func(c echo.Context) error { return c.String(http.StatusOK, "ok\n") })
	e.GET("/readyz", func(c echo.Context) error {
		ctx, cancel := context.WithTimeout(c.Request().Context(), 2*time.Second)
		defer cancel()
		bad := map[string]string{}
		for name, check := range o.Ready {
			if err := check(ctx); err != nil {
				bad[name] = reason(err)
				o.Log.Debug("http: not ready", zap.String("part", name), zap.Error(err))
			}
		}
		if len(bad) > 0 {
			return c.JSON(http.StatusServiceUnavailable, bad)
		}
		return c.String(http.StatusOK, "ok\n")
	})
	e.GET("/metrics", echo.WrapHandler(promhttp.HandlerFor(o.Registry, promhttp.HandlerOpts{})))
}

// reason is why a part is not ready: what an error says for clients, and no
// word of any other.
func reason(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Message
	}
	return "not ready"
}

// Serve answers on l until ctx ends, then finishes what is running.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	s := &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 60 * time.Second, MaxHeaderBytes: 16 << 10,
	}
	// Requests outlive ctx and may finish; streams of events (Route.Stream) end with it.
	requests, endRequests := context.WithCancel(context.WithValue(context.WithoutCancel(ctx), servingKey{}, ctx))
	defer endRequests()
	s.BaseContext = func(net.Listener) context.Context { return requests }
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	late := time.AfterFunc(5*time.Second, endRequests)
	defer late.Stop()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	err := s.Shutdown(stop)
	if errors.Is(err, context.DeadlineExceeded) {
		return s.Close()
	}
	return err
}

// servingKey names the context of Serve in the context of each request.
type servingKey struct{}

func ipExtractor(trusted []netip.Prefix) echo.IPExtractor {
	if len(trusted) == 0 {
		return echo.ExtractIPDirect()
	}
	opts := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range trusted {
		_, ipnet, err := net.ParseCIDR(p.String())
		if err == nil {
			opts = append(opts, echo.TrustIPRange(ipnet))
		}
	}
	return echo.ExtractIPFromXFFHeader(opts...)
}

func requestID(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		var b [12]byte
		_, _ = rand.Read(b[:])
		c.Response().Header().Set(echo.HeaderXRequestID, hex.EncodeToString(b[:]))
		return next(c)
	}
}

// RequestID returns the id that the client, the log and the audit share.
func RequestID(c echo.Context) string {
	return c.Response().Header().Get(echo.HeaderXRequestID)
}

// writeDeadline gives up a client that does not read its answer. It is set for
// every request, since a deadline stays with the connection; a stream lifts it.
func writeDeadline(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		// A connection without deadlines (a test's recorder) is fine.
		_ = http.NewResponseController(c.Response()).SetWriteDeadline(time.Now().Add(WriteTimeout))
		return next(c)
	}
}

func headers(o Options) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			h := c.Response().Header()
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Cross-Origin-Opener-Policy", "same-origin")
			h.Set("Cross-Origin-Resource-Policy", "same-origin")
			// no-referrer would make the browser send "Origin: null" with our own forms.
			h.Set("Referrer-Policy", "same-origin")
			h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
			h.Set("Cache-Control", "no-store")
			h.Set("Strict-Transport-Security", "max-age=31536000")
			// Pages set their own when they are rendered; everything else shows nothing.
			h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
			return next(c)
		}
	}
}

// crossSite refuses requests that change something and come from another site:
// browsers say so in Sec-Fetch-Site or Origin. A cookie without either is
// refused too; a program with a token sends neither and no cookie.
func crossSite(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions {
			return next(c)
		}
		origin := r.Header.Get("Origin")
		switch site := r.Header.Get("Sec-Fetch-Site"); {
		case site == "same-origin" || site == "none":
			return next(c)
		case site != "":
			return fault.New(fault.Forbidden, "this request came from another site")
		case origin != "":
			if _, host, ok := strings.Cut(origin, "://"); ok && host == r.Host {
				return next(c)
			}
			return fault.New(fault.Forbidden, "this request came from another site")
		case len(r.Cookies()) > 0:
			return fault.New(fault.Forbidden, "this request does not say where it came from")
		}
		return next(c)
	}
}

func refuseEncoded(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if enc := c.Request().Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
			return fault.New(fault.Malformed, "a compressed request body is not accepted")
		}
		return next(c)
	}
}

func metrics(o Options) echo.MiddlewareFunc {
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "leitstelle_http_request_seconds", Help: "Duration of HTTP requests.",
		Buckets:     []float64{.005, .025, .1, .25, .5, 1, 2.5, 5, 10},
		ConstLabels: prometheus.Labels{"service": o.Service},
	}, []string{"method", "route", "status"})
	o.Registry.MustRegister(seconds)
	classes := [...]string{"0", "1xx", "2xx", "3xx", "4xx", "5xx"}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			start := time.Now()
			if err := next(c); err != nil {
				c.Error(err)
			}
			class := classes[min(5, c.Response().Status/100)]
			seconds.WithLabelValues(method(c.Request().Method), c.Path(), class).Observe(time.Since(start).Seconds())
			return nil
		}
	}
}

// method bounds what a client can make of the metrics' labels.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}
