// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// keyMark is the place in a request where each attempt's own key goes. It has
// the form of a UUID so that a server may check it.
const keyMark = "00000000-0000-7000-8000-000000000000"

// Load is a closed loop of HTTP/1.1 clients over raw sockets: each connection
// sends its next request when the answer to the last one is complete. A full
// HTTP client would take a good part of the two processors that the server is
// measured on; this one writes prebuilt bytes and reads as little as it may.
type Load struct {
	Addr    string
	Conns   int
	Warmup  time.Duration // discarded
	Measure time.Duration
	Request []byte // with keyMark where the Idempotency-Key stands
	Want    int    // every other status is an error
	// Begin and End are called around the measured time, to read meters.
	Begin, End func()
}

// Result of a round.
type Result struct {
	Requests int
	Errors   int
	FirstErr error
	Elapsed  time.Duration
	P50, P99 time.Duration
	CPU      Used // of the server and its database; filled by the caller
}

// Rate is the number of answered requests a second.
func (r Result) Rate() float64 { return float64(r.Requests) / r.Elapsed.Seconds() }

// CPUPer is the processor time of one request in milliseconds, the database's included.
func (r Result) CPUPer() float64 { return r.per(r.CPU.Server + r.CPU.Database) }

func (r Result) per(d time.Duration) float64 {
	if r.Requests == 0 {
		return 0
	}
	return ms(d) / float64(r.Requests)
}

// phases of a round.
const (
	warming int32 = iota
	measuring
	over
)

// keys counts requests of this process, so that no key comes twice.
var keys atomic.Uint64

// Run drives one round.
func (l Load) Run(ctx context.Context) (Result, error) {
	mark := bytes.Index(l.Request, []byte(keyMark))
	if mark < 0 {
		return Result{}, errors.New("the request has no place for a key")
	}
	clients := make([]*client, l.Conns)
	for i := range clients {
		c, err := dial(ctx, l.Addr, l.Request, mark, l.Want)
		if err != nil {
			return Result{}, err
		}
		defer func() { _ = c.conn.Close() }()
		clients[i] = c
	}
	var phase atomic.Int32
	var wg sync.WaitGroup
	for _, c := range clients {
		wg.Go(func() { c.loop(&phase) })
	}
	err := sleep(ctx, l.Warmup)
	l.Begin()
	phase.Store(measuring)
	start := time.Now()
	err = errors.Join(err, sleep(ctx, l.Measure))
	phase.Store(over)
	elapsed := time.Since(start)
	l.End()
	wg.Wait()
	return sum(clients, elapsed), err
}

func sum(clients []*client, elapsed time.Duration) Result {
	r := Result{Elapsed: elapsed}
	var all []time.Duration
	for _, c := range clients {
		all = append(all, c.took...)
		if c.err != nil {
			r.Errors++
			r.FirstErr = errors.Join(r.FirstErr, c.err)
		}
	}
	slices.Sort(all)
	r.Requests, r.P50, r.P99 = len(all), percentile(all, 0.50), percentile(all, 0.99)
	return r
}

// client is one connection.
type client struct {
	conn    net.Conn
	in      *bufio.Reader
	request []byte
	key     []byte // the part of request that changes
	want    int
	took    []time.Duration
	err     error // the first failure ends the connection's part in the round
}

// dial connects; mark is where the key stands in the request, -1 when it has none.
func dial(ctx context.Context, addr string, request []byte, mark, want int) (*client, error) {
	conn, err := (&net.Dialer{Timeout: 3 * time.Second}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &client{conn: conn, in: bufio.NewReaderSize(conn, 4096), request: slices.Clone(request), want: want, took: make([]time.Duration, 0, 4096)}
	if mark >= 0 {
		c.key = c.request[mark : mark+len(keyMark)]
	}
	return c, nil
}

// loop asks until the round is over. An answer counts when the request was sent
// and answered within the measured time.
func (c *client) loop(phase *atomic.Int32) {
	for phase.Load() != over {
		measured := phase.Load() == measuring
		start := time.Now()
		if _, err := c.ask(); err != nil {
			c.err = err
			return
		}
		if measured && phase.Load() == measuring {
			c.took = append(c.took, time.Since(start))
		}
	}
}

// answerLimit bounds the wait for one answer.
const answerLimit = 15 * time.Second

// ask sends the request under a fresh key and returns the body of the answer,
// which is valid until the next call.
func (c *client) ask() ([]byte, error) {
	number := strconv.AppendUint(nil, keys.Add(1), 10)
	copy(c.key[len(c.key)-12:], "000000000000")
	copy(c.key[len(c.key)-len(number):], number)
	copy(c.key, run)
	return c.get()
}

// get sends the request as it is.
func (c *client) get() ([]byte, error) {
	if err := c.conn.SetDeadline(time.Now().Add(answerLimit)); err != nil {
		return nil, err
	}
	if _, err := c.conn.Write(c.request); err != nil {
		return nil, err
	}
	status, body, err := readAnswer(c.in)
	if err != nil {
		return nil, err
	}
	if status != c.want {
		return nil, fmt.Errorf("answer %d instead of %d: %.300s", status, c.want, body)
	}
	return body, nil
}

// run tells this process's keys from those of an earlier run: eight hex digits.
var run = fmt.Sprintf("%08x", uint32(time.Now().UnixNano()))

// readAnswer reads one HTTP/1.1 answer: the status, and the body by its length
// or in chunks.
func readAnswer(in *bufio.Reader) (status int, body []byte, err error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return 0, nil, fmt.Errorf("read the status: %w", err)
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return 0, nil, fmt.Errorf("not an HTTP answer: %.40q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, nil, fmt.Errorf("not a status: %.40q", line)
	}
	length, chunked := 0, false
	for {
		if line, err = in.ReadSlice('\n'); err != nil {
			return 0, nil, fmt.Errorf("read the header: %w", err)
		}
		name, value, _ := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(": "))
		switch {
		case len(name) == 0:
			if chunked {
				body, err = readChunks(in)
				return status, body, err
			}
			body = make([]byte, length)
			_, err = io.ReadFull(in, body)
			return status, body, err
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil || length > 1<<20 {
				return 0, nil, fmt.Errorf("bad length %.20q", value)
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = true
		}
	}
}

func readChunks(in *bufio.Reader) ([]byte, error) {
	var body []byte
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		n, err := strconv.ParseUint(string(bytes.TrimSpace(line)), 16, 20)
		if err != nil {
			return nil, fmt.Errorf("bad chunk: %w", err)
		}
		part := make([]byte, n+2) // with its CRLF
		if _, err := io.ReadFull(in, part); err != nil {
			return nil, err
		}
		if n == 0 {
			return body, nil
		}
		body = append(body, part[:n]...)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
