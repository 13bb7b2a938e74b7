// SPDX-License-Identifier: EUPL-1.2

package httpserver_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/httpserver"
)

// request is shaped like the bodies of the services.
type request struct {
	Affected []string              `json:"affected"`
	What     string                `json:"what"`
	TLP      string                `json:"tlp"`
	Noticed  *time.Time            `json:"noticed_at"`
	Exercise bool                  `json:"exercise"`
	Count    int                   `json:"count"`
	Weight   float64               `json:"weight"`
	Callback struct{ Name string } `json:"callback"`
	Fields   map[string]any        `json:"fields"`
}

func manyKeys(n int) string {
	var b strings.Builder
	b.WriteString(`{"fields":{`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"%x":1`, i)
	}
	b.WriteString("}}")
	return b.String()
}

var corpus = map[string]struct {
	body string
	bad  bool
}{
	"everything": {`{"affected":["16071043"],"what":"ransomware","tlp":"AMBER","noticed_at":"2026-11-21T07:12:00Z",` +
		`"exercise":false,"count":3,"weight":0.5,"callback":{"Name":"Ö. \"Ä\" 👍"},"fields":{"x":[1,{"y":null}]}}`, false},
	"an empty object":         {`{}`, false},
	"white space around":      {" \r\n\t{} \n", false},
	"many keys":               {manyKeys(20000), false},
	"escaped text":            {`{"what":"\u00e4\n\/"}`, false},
	"nothing":                 {``, true},
	"only white space":        {" \n", true},
	"no JSON":                 {`what=ransomware`, true},
	"half an object":          {`{"what":"ransom`, true},
	"a comma too many":        {`{"what":"x",}`, true},
	"a comma too many, list":  {`{"affected":["x",]}`, true},
	"a comment":               {`{"what":"x"/* no */}`, true},
	"single quotes":           {`{'what':'x'}`, true},
	"NaN":                     {`{"weight":NaN}`, true},
	"another shape":           {`[]`, true},
	"a string":                {`"what"`, true},
	"trailing data":           {`{"what":"x"}{"what":"y"}`, true},
	"a trailing bracket":      {`{"what":"x"}}`, true},
	"an unknown field":        {`{"what":"x","is_admin":true}`, true},
	"a field of the server":   {`{"id":"01900000-0000-7000-8000-00000000000a"}`, true},
	"an unknown field inside": {`{"callback":{"Name":"x","file_local_name":"../../x"}}`, true},
	"a duplicate key":         {`{"what":"x","what":"y"}`, true},
	"a duplicate in a map":    {`{"fields":{"a":1,"a":2}}`, true},
	"a duplicate in capitals": {`{"tlp":"RED","TLP":"CLEAR"}`, true},
	"a duplicate by Kelvin":   {`{"callback":{"Name":"x"},"callbac` + "\u212a" + `":{"Name":"y"}}`, true},
	"a duplicate by escape":   {`{"what":"x","wh\u0061t":"y"}`, true},
	"a wrong type":            {`{"affected":"16071043"}`, true},
	"a number for a text":     {`{"what":7}`, true},
	"a text for a number":     {`{"count":"7"}`, true},
	"a fraction for a count":  {`{"count":1.5}`, true},
	"a count out of range":    {`{"count":9223372036854775808}`, true},
	"1e999":                   {`{"weight":1e999}`, true},
	"1e999 in a map":          {`{"fields":{"x":1e999}}`, true},
	"no time":                 {`{"noticed_at":"yesterday"}`, true},
	"not UTF-8":               {"{\"what\":\"\xff\"}", true},
	"not UTF-8 in a key":      {"{\"fields\":{\"\xc3\x28\":1}}", true},
	"UTF-16":                  {"\xff\xfe{\x00}\x00", true},
	"a byte order mark":       {"\ufeff{}", true},
	"a NUL":                   {`{"what":"a\u0000b"}`, true},
	"a NUL in a key":          {`{"fields":{"a\u0000b":1}}`, true},
	"a raw NUL":               {"{\"what\":\"a\x00b\"}", true},
	"a raw line break":        {"{\"what\":\"a\nb\"}", true},
	"depth 33":                {`{"fields":{"x":` + strings.Repeat("[", 33) + strings.Repeat("]", 33) + "}}", true},
	"depth 100,000, open":     {strings.Repeat("[", 100000), true},
	"depth 100,000, objects":  {strings.Repeat(`{"a":`, 40000), true},
	"a number of 200 KB":      {`{"count":` + strings.Repeat("9", 200<<10) + `}`, true},
}

func TestDecodeIsStrict(t *testing.T) {
	t.Parallel()
	for name, tt := range corpus {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := serve(options(), open("POST", "/api/x", func(c echo.Context) error {
				var r request
				raw, err := httpserver.DecodeJSON(c, &r)
				if err == nil && string(raw) != tt.body {
					t.Errorf("raw = %q, want the body as it came", raw)
				}
				return err
			}))
			w := ask(e, "POST", "/api/x", tt.body, "Content-Type: application/json")
			if want := map[bool]int{true: 400, false: 200}[tt.bad]; w.Code != want {
				t.Errorf("%d %s, want %d", w.Code, w.Body, want)
			}
		})
	}
}

// The dearest bodies that the limit lets in: each must cost milliseconds.
func BenchmarkDecode(b *testing.B) {
	for _, name := range []string{"everything", "many keys", "depth 100,000, open", "a number of 200 KB"} {
		b.Run(name, func(b *testing.B) {
			body := []byte(corpus[name].body)
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				var r request
				_ = httpserver.Decode(body, &r)
			}
		})
	}
}

func TestALargeBodyIsRefusedBeforeItIsRead(t *testing.T) { // not parallel: it counts what the process allocates
	e := serve(options(), open("POST", "/api/x", func(c echo.Context) error {
		_, err := httpserver.DecodeJSON(c, &request{})
		return err
	}))
	var before, after runtime.MemStats
	body := manyKeys(1000000)
	runtime.ReadMemStats(&before)
	w := ask(e, "POST", "/api/x", body)
	runtime.ReadMemStats(&after)
	if w.Code != 413 {
		t.Errorf("%d, want 413", w.Code)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 50<<20 {
		t.Errorf("%d MiB were allocated for a body that is refused", used>>20)
	}
}

func TestABodyThatEndsTooEarlyIsTheClientsFault(t *testing.T) {
	t.Parallel()
	status := make(chan int, 1)
	o := options()
	e := serve(o, open("POST", "/api/x", func(c echo.Context) error {
		_, err := httpserver.DecodeJSON(c, &request{})
		status <- httpserver.StatusOf(err)
		return err
	}))
	address, _, _ := running(t, e)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "POST /api/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if got := <-status; got != 400 {
		t.Errorf("%d, want 400: no part of ours is away", got)
	}
}

// A browser sends the whole file before it reads the answer.
func TestWhoSendsTooMuchIsToldSo(t *testing.T) {
	t.Parallel()
	upload := open("POST", "/api/x", func(c echo.Context) error {
		_, err := io.ReadAll(c.Request().Body)
		return err
	})
	upload.Limit, upload.Stream = 1<<20, true
	early := open("POST", "/api/early", func(echo.Context) error { return fault.New(fault.TooLarge, "not at all") })
	early.Limit, early.Stream = 1<<20, true
	address, _, _ := running(t, serve(options(), upload, early))
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	for path, size := range map[string]int{"/api/x": 4 << 20, "/api/early": 1 << 20} {
		c, err := net.Dial("tcp", u.Host)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", path, size, strings.Repeat("x", size)); err != nil {
			t.Errorf("%s: %v: the server hung up in the middle", path, err)
		}
		b, err := io.ReadAll(c)
		if err != nil || !strings.HasPrefix(string(b), "HTTP/1.1 413") {
			t.Errorf("%s: %.40q, %v; want 413", path, b, err)
		}
		_ = c.Close()
	}
}

func TestTwoLengthsAreRefused(t *testing.T) {
	t.Parallel()
	address, _, _ := running(t, serve(options(), open("POST", "/api/x", ok)))
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := io.WriteString(c, "POST /api/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}"); err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(c)
	if !strings.HasPrefix(string(b), "HTTP/1.1 400") {
		t.Errorf("%q, want 400", b)
	}
}

// FuzzDecode: whatever comes, no panic, no other kind than malformed, and what
// is accepted is one UTF-8 value that encodes again.
func FuzzDecode(f *testing.F) {
	for _, tt := range corpus {
		if len(tt.body) < 4096 {
			f.Add([]byte(tt.body))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var r request
		err := httpserver.Decode(b, &r)
		if err != nil {
			if fault.KindOf(err) != fault.Malformed {
				t.Errorf("Decode(%q) = %v, want malformed", b, err)
			}
			return
		}
		if !utf8.Valid(b) || !json.Valid(b) {
			t.Errorf("Decode accepts %q", b)
		}
		if _, err := json.Marshal(r); err != nil {
			t.Errorf("what was accepted cannot be encoded: %v", err)
		}
	})
}

func TestIfMatchCarriesTheVersion(t *testing.T) {
	t.Parallel()
	for header, tt := range map[string]struct {
		version int
		kind    fault.Kind
	}{
		"":       {0, fault.PreconditionRequired},
		`"7"`:    {7, ""},
		`W/"7"`:  {7, ""},
		"7":      {7, ""},
		"*":      {0, fault.Stale},
		`"x"`:    {0, fault.Stale},
		`"7", 8`: {0, fault.Stale},
	} {
		var got int
		var err error
		e := serve(options(), open("PUT", "/api/x", func(c echo.Context) error {
			got, err = httpserver.IfMatch(c)
			return err
		}))
		headers := []string{"If-Match: " + header}
		if header == "" {
			headers = nil
		}
		w := ask(e, "PUT", "/api/x", "", headers...)
		if got != tt.version || fault.KindOf(err) != tt.kind {
			t.Errorf("If-Match %q = %d, %v (%d); want %d, %q", header, got, err, w.Code, tt.version, tt.kind)
		}
	}
	if got := httpserver.ETag(7); got != `"7"` {
		t.Errorf("ETag = %s", got)
	}
}

func TestAPageIsBounded(t *testing.T) {
	t.Parallel()
	for query, tt := range map[string]struct {
		limit int
		after string
		bad   bool
	}{
		"":                                   {50, "", false},
		"?limit=7&after=abc":                 {7, "abc", false},
		"?limit=200":                         {200, "", false},
		"?limit=100000":                      {200, "", false},
		"?limit=0":                           {0, "", true},
		"?limit=-1":                          {0, "", true},
		"?limit=x":                           {0, "", true},
		"?limit=99999999999999999999":        {0, "", true},
		"?after=a%00b":                       {0, "", true},
		"?after=%ff":                         {0, "", true},
		"?after=" + strings.Repeat("a", 201): {0, "", true},
	} {
		var p httpserver.Page
		e := serve(options(), open("GET", "/api/x", func(c echo.Context) (err error) {
			p, err = httpserver.PageOf(c)
			return err
		}))
		w := ask(e, "GET", "/api/x"+query, "")
		if (w.Code == http.StatusBadRequest) != tt.bad || !tt.bad && (p.Limit != tt.limit || p.After != tt.after) {
			t.Errorf("%q = %d %+v, want %+v", query, w.Code, p, tt)
		}
	}
}

func TestWellFormedLooksAtEveryKeyAndString(t *testing.T) {
	t.Parallel()
	many := func(last string) string {
		var b strings.Builder
		for i := range 100 {
			_, _ = fmt.Fprintf(&b, `"k%d":{"a":[1,"x"]},`, i)
		}
		return "{" + b.String() + `"` + last + `":1}`
	}
	for body, ok := range map[string]bool{
		`{"a":1,"b":{"a":1},"c":[{"a":1},{"a":2}]}`: true,
		`{"a":1,"a":2}`:         false,
		`{"a":1,"A":2}`:         false, // the decoder takes both for one field
		`{"a":1,"\u0061":2}`:    false,
		`{"a":{"b":1,"b":2}}`:   false,
		`[{"a":1,"a":1}]`:       false,
		`{"a":"\u0000"}`:        false,
		`{"a":"\\u0000"}`:       true,
		`{"a":"\\\u0000"}`:      false,
		`{"\u0000":1}`:          false,
		`{"a":"x\",\"a\":\"y"}`: true,
		`"text"`:                true,
		`{} {}`:                 false,
		`{"a":1,}`:              false,
		``:                      false,
		many("k99"):             false,
		many("K3"):              false,
		many("z"):               true,
		strings.Repeat("[", 32) + strings.Repeat("]", 32):         true,
		strings.Repeat("[", 33) + strings.Repeat("]", 33):         false,
		strings.Repeat("[", 100000) + strings.Repeat("]", 100000): false,
	} {
		var v any
		if err := httpserver.Decode([]byte(body), &v); (err == nil) != ok || err != nil && !fault.Is(err, fault.Malformed) {
			t.Errorf("%.80s: %v", body, err)
		}
	}
}
