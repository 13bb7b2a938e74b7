// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestPercentilesAndMedians(t *testing.T) {
	t.Parallel()
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(i+1))
	}
	for p, want := range map[float64]time.Duration{0.5: 50, 0.99: 99, 1: 100, 0: 1} {
		if got := percentile(hundred, p); got != want {
			t.Errorf("percentile %v = %d, want %d", p, got, want)
		}
	}
	if percentile(nil, 0.5) != 0 {
		t.Error("of nothing there is a percentile")
	}
	same := func(v float64) float64 { return v }
	if odd, even := medianOf([]float64{3, 1, 2}, same), medianOf([]float64{4, 1, 3, 2}, same); odd != 2 || even != 2.5 {
		t.Errorf("medians %v %v, want 2 and 2.5", odd, even)
	}
	var b bytes.Buffer
	Figures{{"a.b", 0.5, "x"}, {"c", 1234.4, "1/s"}}.Print(&b)
	if got := b.String(); got != "a.b 0.50 x\nc 1234 1/s\n" {
		t.Errorf("printed %q", got)
	}
}

func TestAnswersAreReadByLengthAndInChunks(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"length": "HTTP/1.1 201 Created\r\ncontent-length: 5\r\nX: y\r\n\r\nhello",
		"chunks": "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
	} {
		in := bufio.NewReader(strings.NewReader(raw + "HTTP/1.1 204 No Content\r\n\r\n"))
		status, body, err := readAnswer(in)
		if err != nil || status != 201 || string(body) != "hello" {
			t.Errorf("%s: %d %q %v", name, status, body, err)
		}
		if status, _, err = readAnswer(in); err != nil || status != 204 {
			t.Errorf("%s: the next answer: %d %v", name, status, err)
		}
	}
	if _, _, err := readAnswer(bufio.NewReader(strings.NewReader("SSH-2.0\r\n"))); err == nil {
		t.Error("what is no HTTP was read")
	}
}

// Each request has a key of its own, and an answer that is not the wanted one
// is an error.
func TestTheLoadCountsOnlyTheWantedAnswer(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	keys, status := map[string]bool{}, http.StatusCreated
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		key := r.Header.Get("Idempotency-Key")
		if err != nil || len(body) != BodySize || keys[key] || len(key) != len(keyMark) {
			t.Errorf("key %q came twice, or a body of %d bytes: %v", key, len(body), err)
		}
		keys[key] = true
		w.WriteHeader(status)
	}))
	defer server.Close()
	body, err := reportBody(benchAGS)
	if err != nil {
		t.Fatal(err)
	}
	load := Load{
		Addr: server.Listener.Addr().String(), Conns: 4, Warmup: 20 * time.Millisecond, Measure: 100 * time.Millisecond,
		Request: postRequest("/reports", "token", body), Want: http.StatusCreated, Begin: func() {}, End: func() {},
	}
	r, err := load.Run(t.Context())
	if err != nil || r.Errors != 0 || r.Requests == 0 || r.P99 < r.P50 || r.Rate() <= 0 {
		t.Errorf("%+v, %v", r, err)
	}
	mu.Lock()
	status = http.StatusUnprocessableEntity
	mu.Unlock()
	if r, err = load.Run(t.Context()); err != nil || r.Errors != load.Conns || r.FirstErr == nil {
		t.Errorf("refused: %+v, %v", r, err)
	}
}

func TestTheMeterReadsProcessorTime(t *testing.T) {
	t.Parallel()
	m := Meter{Server: os.Getpid(), Postmaster: os.Getpid()}
	before, err := m.Read()
	if err != nil {
		t.Fatal(err)
	}
	for used := before; used.Since(before).Server < 2*tick; {
		if used, err = m.Read(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := (Meter{Server: -1}).Read(); err == nil {
		t.Error("a process that is none has used time")
	}
}

// The product's bound: a decision costs under 5 µs and allocates nothing.
func TestADecisionIsCheap(t *testing.T) {
	f, err := Authz(t.Context(), Plan{Out: io.Discard}, "")
	if err != nil || len(f) != 1 || f[0].Value > 5000 {
		t.Errorf("figures %v, %v; want authz.decision under 5000 ns", f, err)
	}
}
