// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/shared/actor"
)

// What the stream is measured with.
const (
	analysts     = 50
	reportsEvery = time.Second / 50
	streamWarmup = 3 * time.Second
	streamFor    = 10 * time.Second
	streamTail   = 20 * time.Second // how long the last event may take
	senders      = 16
)

// Stream measures how long a report takes from the moment it is due to be sent
// to its case.opened on each of 50 analysts' streams, at 50 reports a second. The load is
// open: reports come at their time, whether the system keeps up or not.
func Stream(ctx context.Context, p Plan, dir string) (f Figures, err error) {
	s, err := startSystem(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.measureStream(ctx, p, &f); err != nil {
		return nil, err
	}
	return f, s.measureLists(ctx, p, &f)
}

func (s *system) measureStream(ctx context.Context, p Plan, f *Figures) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watchers, err := s.watch(ctx)
	if err != nil {
		return err
	}
	defer func() {
		cancel()
		for _, w := range watchers {
			<-w.done
		}
	}()
	// The system has just started: its first seconds are no measure.
	if warm, err := s.send(ctx, int(streamWarmup/reportsEvery)); err != nil {
		return err
	} else if _, err = s.casesOf(ctx, warm); err != nil {
		return err
	}
	sent, err := s.send(ctx, int(streamFor/reportsEvery))
	if err != nil {
		return err
	}
	cases, err := s.casesOf(ctx, sent)
	if err != nil {
		return err
	}
	var all, acks []time.Duration
	for _, r := range sent {
		acks = append(acks, r.acked.Sub(r.due))
	}
	limit := time.Now().Add(streamTail)
	for i, w := range watchers {
		took, err := w.wait(ctx, limit, sent, cases)
		if err != nil {
			return fmt.Errorf("stream %d: %w", i, err)
		}
		all = append(all, took...)
	}
	slices.Sort(all)
	slices.Sort(acks)
	_, _ = fmt.Fprintf(p.Out, "  %d reports on %d streams: %d events, p50 %.0f ms, p99 %.0f ms, the last %.0f ms; answers p50 %.0f ms, p99 %.0f ms\n",
		len(sent), len(watchers), len(all), ms(percentile(all, .5)), ms(percentile(all, .99)), ms(all[len(all)-1]), ms(percentile(acks, .5)), ms(percentile(acks, .99)))
	f.Add("stream.p50", ms(percentile(all, .5)), "ms")
	f.Add("stream.p99", ms(percentile(all, .99)), "ms")
	f.Add("stream.answer.p99", ms(percentile(acks, .99)), "ms")
	return nil
}

// sentReport is one report of the open load.
type sentReport struct {
	id         string
	due, acked time.Time
}

// send posts n reports, each at its time, over a few connections.
func (s *system) send(ctx context.Context, n int) ([]sentReport, error) {
	officer, err := s.demo.Person(actor.Officer)
	if err != nil {
		return nil, err
	}
	body, err := reportBody(officer.Organisation.AGS)
	if err != nil {
		return nil, err
	}
	request := postRequest("/api/intake/v1/reports", officer.Token, body)
	mark := strings.Index(string(request), keyMark)
	out := make([]sentReport, n)
	due := make(chan int, n)
	errs := make([]error, senders)
	var wg sync.WaitGroup
	for i := range senders {
		c, err := dial(ctx, s.addr, request, mark, http.StatusCreated)
		if err != nil {
			close(due)
			wg.Wait()
			return nil, err
		}
		wg.Go(func() {
			defer func() { _ = c.conn.Close() }()
			for j := range due {
				id, err := submit(c)
				if err != nil {
					errs[i] = err
					return
				}
				out[j].id, out[j].acked = id, time.Now()
			}
		})
	}
	tick := time.NewTicker(reportsEvery)
	defer tick.Stop()
	start := time.Now()
	for j := range n {
		out[j].due = start.Add(time.Duration(j) * reportsEvery)
		if err = sleep(ctx, time.Until(out[j].due)); err != nil {
			break
		}
		due <- j
	}
	close(due)
	wg.Wait()
	return out, errors.Join(append(errs, err)...)
}

// casesOf waits until every report has its case and returns them by report.
func (s *system) casesOf(ctx context.Context, sent []sentReport) (map[string]string, error) {
	ids := make([]string, len(sent))
	for i, r := range sent {
		ids[i] = r.id
	}
	ctx, cancel := context.WithTimeout(ctx, streamTail)
	defer cancel()
	for {
		var rows []struct {
			Report string `db:"report_id"`
			Case   string `db:"case_id"`
		}
		if err := s.triage.SelectContext(ctx, &rows, `SELECT report_id, case_id FROM case_reports WHERE report_id = ANY($1)`, pq.Array(ids)); err != nil {
			return nil, err
		}
		if len(rows) == len(ids) {
			out := make(map[string]string, len(rows))
			for _, r := range rows {
				out[r.Report] = r.Case
			}
			return out, nil
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return nil, fmt.Errorf("only %d of %d reports have a case: %w", len(rows), len(ids), err)
		}
	}
}

// watcher is one analyst's stream.
type watcher struct {
	done   chan struct{}
	mu     sync.Mutex
	opened map[string]time.Time // by case
}

// watch opens the streams and waits until each has said hello.
func (s *system) watch(ctx context.Context) ([]*watcher, error) {
	tokens, err := s.tokens(actor.Analyst, actor.Duty, actor.Lead)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: analysts}}
	var out []*watcher
	for i := range analysts {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.demo.URL+"/api/triage/v1/stream", nil)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", "Bearer "+tokens[i%len(tokens)])
		res, err := client.Do(req)
		if err != nil {
			return nil, err
		}
		if res.StatusCode != http.StatusOK {
			return nil, errors.Join(fmt.Errorf("stream %d: answer %d", i, res.StatusCode), res.Body.Close())
		}
		w := &watcher{done: make(chan struct{}), opened: map[string]time.Time{}}
		hello := make(chan struct{})
		go w.follow(res, hello)
		select {
		case <-hello:
		case <-w.done:
			return nil, fmt.Errorf("stream %d ended at once", i)
		}
		out = append(out, w)
	}
	return out, nil
}

// follow reads events until the stream ends.
func (w *watcher) follow(res *http.Response, hello chan<- struct{}) {
	defer close(w.done)
	defer func() { _ = res.Body.Close() }()
	lines := bufio.NewScanner(res.Body)
	name := ""
	for lines.Scan() {
		now := time.Now()
		switch key, value, _ := strings.Cut(lines.Text(), ": "); key {
		case "event":
			if name = value; name == "hello" {
				close(hello)
			}
		case "data":
			var ev struct {
				ID string `json:"id"`
			}
			if name == "case.opened" && json.Unmarshal([]byte(value), &ev) == nil {
				w.mu.Lock()
				w.opened[ev.ID] = now
				w.mu.Unlock()
			}
		}
	}
}

// wait returns how long each report took to this stream. All have to arrive.
func (w *watcher) wait(ctx context.Context, limit time.Time, sent []sentReport, cases map[string]string) ([]time.Duration, error) {
	for {
		took := make([]time.Duration, 0, len(sent))
		w.mu.Lock()
		for _, r := range sent {
			if at, ok := w.opened[cases[r.id]]; ok {
				took = append(took, at.Sub(r.due))
			}
		}
		w.mu.Unlock()
		if len(took) == len(sent) {
			return took, nil
		}
		if time.Now().After(limit) {
			return nil, fmt.Errorf("%d of %d cases arrived", len(took), len(sent))
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return nil, err
		}
	}
}
