// SPDX-License-Identifier: EUPL-1.2

package page_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/shared/page"
)

// hurried serves the assets with the live view's waiting times cut short.
func hurried(t *testing.T) http.Handler {
	t.Helper()
	times := []string{"setInterval(poll, 30000)", "setInterval(poll, 200)", "live: false }), 4000)", "live: false }), 100)", "5000 + Math.random() * 5000", "100", ", 3000)", ", 100)"}
	short := strings.NewReplacer(times...)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/live.js") {
			page.Assets().ServeHTTP(w, r)
			return
		}
		r.Header.Del("Accept-Encoding")
		rec := httptest.NewRecorder()
		page.Assets().ServeHTTP(rec, r)
		for i := 0; i < len(times); i += 2 {
			if !strings.Contains(rec.Body.String(), times[i]) {
				t.Errorf("live.js no longer says %q", times[i])
			}
		}
		w.Header().Set("Content-Type", rec.Header().Get("Content-Type"))
		_, _ = fmt.Fprint(w, short.Replace(rec.Body.String()))
	})
}

// breaking is a queue whose stream can break, and whose list can change meanwhile.
type breaking struct {
	url     string
	events  fan
	away    atomic.Bool  // nobody gets a stream
	more    atomic.Bool  // the list has a further campaign of two cases
	figures atomic.Int32 // how often the figures were asked for
}

func newBreaking(t *testing.T) *breaking {
	t.Helper()
	b, r, e := &breaking{}, newRenderer(t), echo.New()
	e.GET("/assets/*", echo.WrapHandler(hurried(t)))
	e.GET("/desk", func(c echo.Context) error {
		v := sample(page.Desk)
		v.Stream = "/stream"
		v.Rows = []page.Row{{Label: "a", Value: "1"}, {Label: "L-1", Value: "3", Change: "campaign"}}
		if b.more.Load() {
			v.Rows = append(v.Rows, page.Row{Label: "L-2", Value: "2", Change: "campaign"})
		}
		return r.Render(c, http.StatusOK, "desk", v)
	})
	e.GET("/figures", func(c echo.Context) error {
		return c.HTML(http.StatusOK, fmt.Sprintf(`<p data-live="refresh" data-fragment="/figures">%d</p>`, b.figures.Add(1)))
	})
	e.GET("/line/:ref", func(c echo.Context) error { return c.NoContent(http.StatusNotFound) })
	e.GET("/stream", func(c echo.Context) error {
		if b.away.Load() {
			return c.NoContent(http.StatusServiceUnavailable)
		}
		return serveStream(c, &b.events, new(atomic.Int32))
	})
	srv := httptest.NewServer(e)
	b.url = srv.URL
	t.Cleanup(func() { b.events.close(); srv.CloseClientConnections(); srv.Close() })
	return b
}

const (
	isLive = `document.querySelector('[data-live=indicator]').dataset.state === 'live'`
	newBar = `document.querySelector('[data-live=count]').textContent`
)

func TestALineOfACampaignGoesWithItsLastCase(t *testing.T) {
	t.Parallel()
	b, tab := newBreaking(t), newBrowser(t)
	do(t, tab, chromedp.Navigate(b.url+"/desk"))
	want(t, tab, "the stream is live", isLive)
	b.events.send(`event: case.updated` + "\n" + `data: {"id":"x","version":7,"campaign":"L-1"}`)
	want(t, tab, "the line is gone", `!document.querySelector('tr[data-campaign]') && document.querySelectorAll('tr[data-case]').length === 1`)
}

// What the page counted by itself while the stream was broken is told again when
// it goes on: each case counts once.
func TestACaseIsCountedOnceThroughABreakOfTheStream(t *testing.T) {
	t.Parallel()
	b, tab := newBreaking(t), newBrowser(t)
	opened := func(id string) {
		b.events.send(`event: case.opened` + "\n" + `data: {"id":"` + id + `","version":1,"campaign":"L-2"}`)
	}
	do(t, tab, chromedp.Navigate(b.url+"/desk"))
	want(t, tab, "the stream is live", isLive)
	opened("one")
	want(t, tab, "one case", newBar+` === 'Lage L-2: neue Fälle: 1'`)

	b.more.Store(true)
	b.away.Store(true)
	b.events.kick()
	want(t, tab, "both cases, asked for", newBar+` === 'Lage L-2: neue Fälle: 2'`)
	before := b.figures.Load()
	b.away.Store(false)
	want(t, tab, "the stream is live again", isLive)
	want(t, tab, "the figures are asked for at once", fmt.Sprintf(`Number(document.querySelector('[data-live=refresh]').textContent) > %d`, before))
	opened("one")
	opened("two")
	b.events.send(`event: case.opened` + "\n" + `data: {"id":"single","version":1}`)
	want(t, tab, "still two of the campaign", newBar+` === '1 neue Meldung · Lage L-2: neue Fälle: 2'`)
	opened("three")
	want(t, tab, "a later one counts", newBar+` === '1 neue Meldung · Lage L-2: neue Fälle: 3'`)
}
