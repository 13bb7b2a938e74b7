// SPDX-License-Identifier: EUPL-1.2

package standalone

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/thueringencert/leitstelle/shared/event"
)

// withDatabase puts a database's name into a server's URL.
func withDatabase(server, name string) string {
	u, err := url.Parse(server)
	if err != nil {
		return server
	}
	u.Path = "/" + name
	return u.String()
}

// Client speaks the JSON API as one person.
type Client struct {
	URL   string
	Token string // empty: a guest
	HTTP  *http.Client
}

// Do sends in as JSON (nil: no body), checks the status and reads the answer
// into out (nil: ignored). It returns the answer's headers.
func (c Client) Do(ctx context.Context, method, path string, want int, in, out any, headers ...string) (http.Header, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.URL+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	if method == http.MethodPost {
		req.Header.Set("Idempotency-Key", event.NewID())
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return c.send(req, want, out)
}

func (c Client) send(req *http.Request, want int, out any) (http.Header, error) {
	client := c.HTTP
	if client == nil {
		client = &http.Client{Timeout: 10 * time.Second}
	}
	res, err := ask(client, req)
	if err != nil {
		return nil, err
	}
	if res.status != want {
		return res.header, fmt.Errorf("%s %s: got %d, want %d: %.400s", req.Method, req.URL.Path, res.status, want, res.body)
	}
	if out != nil {
		if err := json.Unmarshal(res.body, out); err != nil {
			return res.header, fmt.Errorf("%s %s: %w: %.200s", req.Method, req.URL.Path, err, res.body)
		}
	}
	return res.header, nil
}

// reply is an answer that was read.
type reply struct {
	status  int
	header  http.Header
	cookies []*http.Cookie
	body    []byte
}

// ask sends a request and reads its answer.
func ask(client *http.Client, req *http.Request) (reply, error) {
	res, err := client.Do(req) //nolint:gosec // the instance that demo.json names
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(res.Body, 8<<20))
	return reply{status: res.StatusCode, header: res.Header, cookies: res.Cookies(), body: b}, err
}

// until asks again and again until ok says yes, for as long as soon.
func until(ctx context.Context, ok func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		done, err := ok()
		if err != nil || done {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("still not there after %s", soon)
		case <-tick.C:
		}
	}
}
