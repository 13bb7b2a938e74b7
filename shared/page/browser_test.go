// SPDX-License-Identifier: EUPL-1.2

package page_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/shared/page"
)

// newDesk serves a queue of three cases and their stream, and gives the address
// and what sends an event to all who listen.
func newDesk(t *testing.T) (url string, streams *atomic.Int32, send func(event string)) {
	t.Helper()
	r := newRenderer(t)
	events := &fan{}
	streams = new(atomic.Int32)
	version := new(atomic.Int32)
	version.Store(1)
	e := echo.New()
	e.GET("/assets/*", echo.WrapHandler(page.Assets()))
	e.GET("/desk", func(c echo.Context) error {
		v := sample(page.Desk)
		v.Stream = "/stream"
		v.Rows = []page.Row{{Label: "a", Value: "1"}, {Label: "b", Value: "1", Change: "/row/b"}, {Label: "c", Value: "1"}}
		return r.Render(c, http.StatusOK, "desk", v)
	})
	e.GET("/row/:id", func(c echo.Context) error {
		return r.Fragment(c, http.StatusOK, "desk", "case", page.Row{Label: c.Param("id"), Value: fmt.Sprint(version.Add(1))})
	})
	e.GET("/pane", func(c echo.Context) error { return c.HTML(http.StatusOK, `<section data-case="a">neu</section>`) })
	e.GET("/figures", func(c echo.Context) error { return c.NoContent(http.StatusNotFound) })
	e.GET("/stream", func(c echo.Context) error { return serveStream(c, events, streams) })
	srv := httptest.NewServer(e)
	t.Cleanup(func() { events.close(); srv.CloseClientConnections(); srv.Close() })
	return srv.URL, streams, events.send
}

// fan hands each event to everyone who listens at that moment.
type fan struct {
	mu     sync.Mutex
	to     map[chan string]bool
	closed bool
}

func (f *fan) listen() chan string {
	f.mu.Lock()
	defer f.mu.Unlock()
	ch := make(chan string, 10)
	if f.to == nil {
		f.to = map[chan string]bool{}
	}
	if f.closed {
		close(ch)
		return ch
	}
	f.to[ch] = true
	return ch
}

func (f *fan) send(event string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for ch := range f.to {
		ch <- event
	}
}

func (f *fan) leave(ch chan string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.to, ch)
}

// kick ends all streams; whoever comes back is listened to again.
func (f *fan) kick() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for ch := range f.to {
		close(ch)
	}
	f.to = nil
}

func (f *fan) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for ch := range f.to {
		close(ch)
	}
	f.to = nil
}

func serveStream(c echo.Context, events *fan, streams *atomic.Int32) error {
	ch := events.listen()
	defer events.leave(ch)
	streams.Add(1)
	defer streams.Add(-1)
	c.Response().Header().Set(echo.HeaderContentType, "text/event-stream")
	_, _ = fmt.Fprint(c.Response(), "retry: 100\n\nevent: hello\ndata: {\"resumed\":true}\n\n")
	c.Response().Flush()
	for {
		select {
		case <-c.Request().Context().Done():
			return nil
		case event, ok := <-ch:
			if !ok {
				return nil
			}
			_, _ = fmt.Fprintf(c.Response(), "%s\n\n", event)
			c.Response().Flush()
		}
	}
}

// newBrowser starts Chromium. A machine without it fails here: make test
// installs it.
func newBrowser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("the browser tests need chromium: %v", err)
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	alloc, stopAlloc := chromedp.NewExecAllocator(ctx, opts...)
	tab, stopTab := chromedp.NewContext(alloc)
	t.Cleanup(func() { stopTab(); stopAlloc(); stop() })
	return tab
}

// do runs steps in the tab; want waits until a JavaScript expression is true.
func do(t *testing.T, tab context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(tab, steps...); err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, tab context.Context, what, js string) {
	t.Helper()
	_, err := chromedp.Run(tab, chromedp.Poll[bool](js, chromedp.WithPollingTimeout(10*time.Second), chromedp.WithPollingInterval(50*time.Millisecond)))
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

const focusOn = `document.activeElement.closest('tr')?.dataset.case === `

func TestKeysWorkOnRowsAndNeverWhileSomeoneTypes(t *testing.T) {
	t.Parallel()
	url, _, _ := newDesk(t)
	tab := newBrowser(t)
	do(t, tab, chromedp.Navigate(url+"/desk"))
	want(t, tab, "the hints are there", `document.querySelectorAll('footer.hints kbd').length > 3`)
	do(t, tab, chromedp.KeyEvent("j"), chromedp.KeyEvent("j"), chromedp.KeyEvent("x"))
	want(t, tab, "J moves", focusOn+`"b"`)
	want(t, tab, "X ticks", `document.querySelector('tr[data-case=b] input').checked`)
	do(t, tab, chromedp.KeyEvent("k"))
	want(t, tab, "K moves back", focusOn+`"a"`)

	eval(t, tab, `document.getElementById('take').addEventListener('click', () => { window.taken = (window.taken ?? 0) + 1 }), 1`)
	do(t, tab, chromedp.KeyEvent("a"))
	want(t, tab, "A takes", `window.taken === 1`)
	eval(t, tab, `document.getElementById('antwort').focus(), 1`)
	do(t, tab, chromedp.KeyEvent("ajx"))
	want(t, tab, "typing is typing", `document.getElementById('antwort').value === 'ajx' && window.taken === 1`)
	eval(t, tab, `document.getElementById('antwort').blur(), document.getElementById('keys-on').click(), 1`)
	do(t, tab, chromedp.KeyEvent("a"))
	want(t, tab, "the switch turns the keys off", `window.taken === 1 && localStorage.getItem('leitstelle.keys') === 'off'`)
	do(t, tab, chromedp.KeyEvent("?"))
	want(t, tab, "? still shows the list with the switch", `document.getElementById('keys').open`)
}

func TestLiveUpdatesChangeRowsInPlaceAndInsertNothing(t *testing.T) {
	t.Parallel()
	url, streams, send := newDesk(t)
	tab := newBrowser(t)
	do(t, tab, chromedp.Navigate(url+"/desk"))
	want(t, tab, "the stream is live", `document.querySelector('[data-live=indicator]').dataset.state === 'live'`)
	do(t, tab, chromedp.KeyEvent("j"))
	eval(t, tab, `document.getElementById('antwort').value = 'halb fertig', 1`)
	send(`event: case.updated` + "\n" + `data: {"id":"a","version":7}`)
	want(t, tab, "the row is new and keeps the focus", `document.querySelector('tr[data-case=a]').dataset.version > 1 && `+focusOn+`"a"`)
	want(t, tab, "what someone types stays, with a note", `document.getElementById('antwort').value === 'halb fertig' && !document.querySelector('[data-live=changed]').hidden`)
	send(`event: case.opened` + "\n" + `data: {"id":"d","version":1}`)
	want(t, tab, "a new case is counted", `document.querySelector('[data-live=count]').textContent === '1 neue Meldung' && document.title.startsWith('(1) ')`)
	want(t, tab, "and not inserted", `document.querySelectorAll('tr[data-row]').length === 3`)

	send(`event: case.gone` + "\n" + `data: {"id":"d"}`)
	want(t, tab, "one that was locked meanwhile is no news", `document.querySelector('[data-live=new]').hidden && !document.title.startsWith('(')`)
	send(`event: case.gone` + "\n" + `data: {"id":"b"}`)
	want(t, tab, "its line goes, and no other", `!document.querySelector('tr[data-case=b]') && document.querySelectorAll('tr[data-row]').length === 2`)

	second, stop := chromedp.NewContext(tab)
	defer stop()
	do(t, second, chromedp.Navigate(url+"/desk"))
	want(t, second, "a second tab is live", `document.querySelector('[data-live=indicator]').dataset.state === 'live'`)
	if n := streams.Load(); n != 1 {
		t.Errorf("two tabs hold %d streams, want 1", n)
	}
	send(`event: case.updated` + "\n" + `data: {"id":"c","version":9}`)
	want(t, second, "it hears through the first", `document.querySelector('tr[data-case=c]').dataset.version > 1`)
}

func TestOnlyTheFragmentPolicyMakesElements(t *testing.T) {
	t.Parallel()
	url, _, _ := newDesk(t)
	tab := newBrowser(t)
	do(t, tab, chromedp.Navigate(url+"/desk"))
	want(t, tab, "htmx is there", `typeof htmx === 'object'`)
	eval(t, tab, `document.querySelector('tr[data-case=b] a').click(), 1`)
	want(t, tab, "htmx swaps", `document.querySelector('tr[data-case=b]').dataset.version > 1`)
	if got := evalString(t, tab, `(() => { try { document.body.innerHTML = '<p>x'; return 'done' } catch (e) { return e.name } })()`); got != "TypeError" {
		t.Errorf("innerHTML without the policy: %s", got)
	}
	if got := evalString(t, tab, `(() => { try { trustedTypes.createPolicy('mine', {}); return 'done' } catch (e) { return e.name } })()`); got != "TypeError" {
		t.Errorf("another policy: %s", got)
	}
}

func eval(t *testing.T, tab context.Context, js string) {
	t.Helper()
	if _, err := chromedp.Run(tab, chromedp.Evaluate[int](js)); err != nil {
		t.Fatalf("%s: %v", js, err)
	}
}

func evalString(t *testing.T, tab context.Context, js string) string {
	t.Helper()
	s, err := chromedp.Run(tab, chromedp.Evaluate[string](js))
	if err != nil {
		t.Fatal(err)
	}
	return s
}
