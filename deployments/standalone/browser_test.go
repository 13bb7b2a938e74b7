// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdpage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/thueringencert/leitstelle/shared/session"
)

//go:embed testdata/axe.min.js
var axe string

// The browser is started once for all tests; each gets a profile of its own.
var (
	browserOnce sync.Once
	browserCtx  context.Context
	browserErr  error
	browserEnd  []context.CancelFunc
)

func stopBrowser() {
	for _, stop := range slices.Backward(browserEnd) {
		stop()
	}
}

// startBrowser fails on a machine without Chromium: make test installs it.
func startBrowser() {
	path, err := exec.LookPath("chromium")
	if err != nil {
		browserErr = fmt.Errorf("the browser tests need chromium (Debian: apt-get install chromium): %w", err)
		return
	}
	opts := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("lang", "de"))
	alloc, stopAlloc := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, stop := chromedp.NewContext(alloc)
	browserCtx, browserEnd = ctx, []context.CancelFunc{stopAlloc, stop}
	browserErr = chromedp.Do(ctx)
}

// tab is a page in a fresh profile. Whatever a page must not do is gathered and
// fails the test at its end: errors in the console, violations of the policy,
// dialogs, requests to another origin.
type tab struct {
	t      *testing.T
	w      *world
	ctx    context.Context
	width  int64
	height int64
	silent bool // the pages' scripts are off

	mu        sync.Mutex
	bases     []string // origins that may be asked; the first is where pages are opened
	problems  []string
	documents map[string]bool
}

func newTab(t *testing.T, w *world, width, height int64) *tab {
	t.Helper()
	browserOnce.Do(startBrowser)
	if browserErr != nil {
		t.Fatal(browserErr)
	}
	ctx, stop := chromedp.NewContext(browserCtx, chromedp.WithNewBrowserContext())
	b := &tab{t: t, w: w, ctx: ctx, bases: []string{w.Demo.URL}, documents: map[string]bool{}}
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatal(err)
	}
	_, err := chromedp.Call(ctx, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": "de"}})
	b.check(err)
	b.size(width, height)
	t.Cleanup(func() {
		stop()
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, p := range b.problems {
			t.Errorf("the browser saw: %s", p)
		}
	})
	return b
}

// hear runs inside the loop that reads the browser's messages: it only notes.
func (b *tab) hear(ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	note := func(format string, args ...any) { b.problems = append(b.problems, fmt.Sprintf(format, args...)) }
	switch e := ev.(type) {
	case *network.EventRequestWillBeSent:
		if e.Type == network.ResourceTypeDocument {
			b.documents[e.Request.URL] = true
		}
		u, err := url.Parse(e.Request.URL)
		if err != nil || u.Scheme != "data" && u.Scheme != "about" && !slices.Contains(b.bases, u.Scheme+"://"+u.Host) {
			note("a request to another origin: %s", e.Request.URL)
		}
	case *runtime.EventExceptionThrown:
		note("an exception: %s", e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			note("console %s", text(e.Args))
		}
	case *log.EventEntryAdded:
		// The status of a page that was asked for is the test's business.
		if e.Entry.Source == log.EntrySourceNetwork && b.documents[e.Entry.URL] {
			return
		}
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			note("%s %s: %s (%s)", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL)
		}
	case *cdpage.EventJavascriptDialogOpening:
		note("a dialog: %s", e.Message)
		go func() { // never inside the loop
			_, _ = chromedp.Call(b.ctx, cdpage.HandleJavaScriptDialog, cdpage.HandleJavaScriptDialogParams{Accept: true})
		}()
	}
}

func text(args []*runtime.RemoteObject) string {
	b, _ := json.Marshal(args)
	return string(b)
}

func (b *tab) check(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// limited bounds one step.
func (b *tab) limited() (context.Context, context.CancelFunc) {
	return context.WithTimeout(b.ctx, 20*time.Second)
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, stop := b.limited()
	defer stop()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("%v\n%s", err, b.where())
	}
}

// where says what page the tab shows, for a failure's message.
func (b *tab) where() string {
	ctx, stop := context.WithTimeout(b.ctx, 5*time.Second)
	defer stop()
	s, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.pathname + location.search + "\n" + (document.querySelector('main') ?? document.body).innerText.slice(0, 1500)`))
	if err != nil {
		return err.Error()
	}
	return s
}

// open goes to an address of the instance and returns the status.
func (b *tab) open(path string) int64 {
	b.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = b.bases[0] + path
	}
	return b.load(chromedp.Navigate(path))
}

// load runs steps that lead to another page, and waits for it.
func (b *tab) load(steps ...chromedp.Action[chromedp.Void]) int64 {
	b.t.Helper()
	ctx, stop := b.limited()
	defer stop()
	res, err := chromedp.RunResponse(ctx, steps...)
	if err != nil {
		b.t.Fatalf("%v\n%s", err, b.where())
	}
	return res.Status
}

// follow clicks what leads to another page.
func (b *tab) follow(selector string) int64 {
	b.t.Helper()
	return b.load(chromedp.Click(chromedp.CSS(selector)))
}

// submit sends the page's main form as its button does.
func (b *tab) submit() int64 { b.t.Helper(); return b.follow(`main form button[type=submit]`) }

func (b *tab) click(selector string) { b.t.Helper(); b.do(chromedp.Click(chromedp.CSS(selector))) }

// write replaces what stands in a field, key by key.
func (b *tab) write(selector, value string) {
	b.t.Helper()
	b.js(`(e => { e.focus(); e.value = ''; return true })(document.querySelector(` + quote(selector) + `))`)
	b.do(chromedp.SendKeys(chromedp.CSS(selector), value))
}

func (b *tab) press(keys string) { b.t.Helper(); b.do(chromedp.KeyEvent(keys)) }

// js evaluates an expression that gives true or false.
func (b *tab) js(expression string) bool {
	b.t.Helper()
	ctx, stop := b.limited()
	defer stop()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression))
	if err != nil {
		b.t.Fatalf("%s: %v\n%s", expression, err, b.where())
	}
	return v
}

// read evaluates an expression that gives a text.
func (b *tab) read(expression string) string {
	b.t.Helper()
	ctx, stop := b.limited()
	defer stop()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[string](expression))
	if err != nil {
		b.t.Fatalf("%s: %v\n%s", expression, err, b.where())
	}
	return v
}

// want waits until an expression is true, also over a navigation.
func (b *tab) want(what, expression string) {
	b.t.Helper()
	b.within(15*time.Second, what, expression)
}

func (b *tab) within(d time.Duration, what, expression string) {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, d)
	defer stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`Boolean(`+expression+`)`))
		if err == nil && ok {
			return
		}
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			last = err
		}
		select {
		case <-ctx.Done():
			b.t.Fatalf("%s: still not true: %s (%v)\n%s", what, expression, last, b.where())
		case <-tick.C:
		}
	}
}

// has reports whether the page's text contains the words.
func (b *tab) has(words string) bool {
	b.t.Helper()
	return strings.Contains(b.read(`document.body.innerText`), words)
}

func (b *tab) size(width, height int64) {
	b.t.Helper()
	b.width, b.height = width, height
	b.do(chromedp.EmulateViewport(width, height))
}

// media sets the colour scheme ("light", "dark") and the medium ("", "print").
func (b *tab) media(scheme, medium string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Media: medium, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	b.check(err)
}

// withoutScript switches JavaScript off for the pages.
func (b *tab) withoutScript() {
	b.t.Helper()
	b.silent = true
	b.scripts(false)
}

func (b *tab) scripts(on bool) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
	b.check(err)
}

// signedIn gives the tab a session that was made elsewhere.
func (b *tab) signedIn(cookie string) {
	b.t.Helper()
	yes := true
	_, err := chromedp.Call(b.ctx, network.SetCookie, network.SetCookieParams{
		Name: session.Cookie, Value: cookie, URL: b.w.Demo.URL + "/", Path: "/", Secure: &yes, HTTPOnly: &yes, SameSite: network.CookieSameSiteLax,
	})
	b.check(err)
}

// shot keeps a picture of the page in LEITSTELLE_SHOTS, when that is set.
func (b *tab) shot(name string) {
	b.t.Helper()
	dir := os.Getenv("LEITSTELLE_SHOTS")
	if dir == "" {
		return
	}
	b.check(os.MkdirAll(dir, 0o750))
	ctx, stop := b.limited()
	defer stop()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	b.check(err)
	b.check(os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600))
}

type violation struct {
	ID, Impact, Help string
	Nodes            []struct {
		HTML           string
		FailureSummary string
	}
}

// accessible runs axe-core on the page, in light and dark, and looks for what
// scrolls sideways at 320 px when the page is a narrow one.
func (b *tab) accessible(what string) {
	b.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		b.media(scheme, "")
		b.violations(what + ", " + scheme)
	}
	b.media("light", "")
}

// violations runs axe-core on the page as it is.
func (b *tab) violations(what string) {
	b.t.Helper()
	for _, v := range b.axe() {
		for _, n := range v.Nodes {
			b.t.Errorf("%s: %s (%s): %s\n  %s\n  %s", what, v.ID, v.Impact, v.Help, n.HTML, strings.ReplaceAll(n.FailureSummary, "\n", "\n  "))
		}
	}
}

const runAxe = `(async () => JSON.stringify((await globalThis.axe.run(document, {resultTypes: ['violations'],
	runOnly: ['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa','best-practice','EN-301-549']})).violations))()`

func (b *tab) axe() []violation {
	b.t.Helper()
	if b.silent { // axe waits with timers, which are scripts as well
		b.scripts(true)
		defer b.scripts(false)
	}
	ctx, stop := context.WithTimeout(b.ctx, time.Minute)
	defer stop()
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`typeof globalThis.axe === 'object' || ((() => {`+axe+`})(), true)`)); err != nil {
		b.t.Fatalf("axe: %v", err)
	}
	s, err := chromedp.Run(ctx, chromedp.Evaluate[string](runAxe, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("axe: %v\n%s", err, b.where())
	}
	var out []violation
	if err := json.Unmarshal([]byte(s), &out); err != nil {
		b.t.Fatalf("axe: %v", err)
	}
	return out
}

// reflows reports what is wider than the page at 320 px (WCAG 1.4.10).
func (b *tab) reflows(what string) {
	b.t.Helper()
	width, height := b.width, b.height
	b.size(320, 640)
	if !b.js(`document.documentElement.scrollWidth <= 320`) {
		b.t.Errorf("%s scrolls sideways at 320 px: %s", what, b.read(`document.documentElement.scrollWidth + ' px; ' + [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > 320.5 && !e.parentElement.closest('.scroll,.tblwrap,.qwrap')).slice(0, 8).map(e => e.tagName + '.' + e.className + ' ' + e.innerText?.slice(0, 30)).join(' | ')`))
	}
	b.size(width, height)
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}
