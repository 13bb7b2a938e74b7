// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
)

// What a storm is: the whole constituency comes in one minute.
const (
	storm       = 600
	stormUsers  = 20
	stormEvery  = 100 * time.Millisecond // one question of each of those signed in
	stormAnswer = 60 * time.Second
	triesOfOne  = 4 // wrong passwords for one account: a fifth is the last one let in
)

// SignIn measures how those who are signed in already fare while 600 people
// sign in at once. Each sign-in costs its whole password check: the addresses are
// unknown, and an unknown one takes as long as a known one. They are queued; a
// sign-in that is sent away (429, 503) is counted, any other answer fails it.
func SignIn(ctx context.Context, p Plan, dir string) (f Figures, err error) {
	s, err := startSystem(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	quiet, err := s.steady(ctx, 3*time.Second, nil)
	if err != nil {
		return nil, err
	}
	tells, err := s.timeTells(ctx)
	if err != nil {
		return nil, err
	}
	done := make(chan struct{})
	var away int
	var took time.Duration
	var stormErr error
	go func() {
		defer close(done)
		began := time.Now()
		away, stormErr = s.storm(ctx)
		took = time.Since(began)
	}()
	busy, err := s.steady(ctx, 5*time.Minute, done)
	<-done
	if err = errors.Join(err, stormErr); err != nil {
		return nil, err
	}
	p95 := percentile(busy, 0.95)
	_, _ = fmt.Fprintf(p.Out, "  %d sign-ins at once: %.1f s, %d queued to the end, %d sent away\n", storm, took.Seconds(), storm-away, away)
	_, _ = fmt.Fprintf(p.Out, "  %d signed in: p95 %.1f ms over %d questions, %.1f ms when it is quiet\n", stormUsers, ms(p95), len(busy), ms(percentile(quiet, 0.95)))
	f.Add("signin.unknown.ratio", tells, "x")
	f.Add("signin.storm.seconds", took.Seconds(), "s")
	f.Add("signin.storm.away", float64(away), "sign-ins")
	f.Add("signin.storm.p95", ms(p95), "ms")
	return f, nil
}

// timeTells compares how long an unknown address and a known one with a wrong
// password take, in turn: 1.00 tells nobody who has an account (abuse case Login).
func (s *system) timeTells(ctx context.Context) (float64, error) {
	c := &http.Client{Timeout: stormAnswer, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer c.CloseIdleConnections()
	var known, unknown []float64
	for round := range triesOfOne {
		for i, p := range s.demo.People {
			for _, x := range []struct {
				email string
				into  *[]float64
			}{{p.Email, &known}, {fmt.Sprintf("nobody-%d-%d@example.org", round, i), &unknown}} {
				start := time.Now()
				status, err := s.signIn(ctx, c, x.email)
				if err != nil {
					return 0, err
				}
				if status != http.StatusUnauthorized {
					return 0, fmt.Errorf("a wrong sign-in was answered with %d", status)
				}
				*x.into = append(*x.into, time.Since(start).Seconds())
			}
		}
	}
	same := func(v float64) float64 { return v }
	return medianOf(unknown, same) / medianOf(known, same), nil
}

// steady asks as 20 people who are signed in, half of them for who they are,
// half for their reports, until done is closed or the time is over. It returns
// the sorted times of the answers.
func (s *system) steady(ctx context.Context, most time.Duration, done <-chan struct{}) ([]time.Duration, error) {
	tokens, err := s.tokens(actor.Officer)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	times := make([][]time.Duration, stormUsers)
	errs := make([]error, stormUsers)
	var wg sync.WaitGroup
	for i := range stormUsers {
		path := "/api/directory/v1/me"
		if i%2 == 1 {
			path = "/api/intake/v1/reports"
		}
		token := tokens[i%len(tokens)]
		wg.Go(func() { times[i], errs[i] = s.ask(ctx, path, token, done) })
	}
	wg.Wait()
	all := slices.Concat(times...)
	slices.Sort(all)
	return all, errors.Join(errs...)
}

func (s *system) ask(ctx context.Context, path, token string, done <-chan struct{}) ([]time.Duration, error) {
	c, err := dial(ctx, s.addr, getRequest(path, token), -1, http.StatusOK)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.conn.Close() }()
	var took []time.Duration
	t := time.NewTicker(stormEvery)
	defer t.Stop()
	for {
		start := time.Now()
		if _, err := c.get(); err != nil {
			return nil, fmt.Errorf("ask %s: %w", path, err)
		}
		took = append(took, time.Since(start))
		select {
		case <-done:
			return took, nil
		case <-ctx.Done():
			return took, nil
		case <-t.C:
		}
	}
}

// storm signs 600 people in at the same moment and returns how many were sent away.
func (s *system) storm(ctx context.Context) (int, error) {
	c := &http.Client{
		Timeout: stormAnswer, Transport: &http.Transport{MaxConnsPerHost: storm},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer c.CloseIdleConnections()
	statuses := make([]int, storm)
	errs := make([]error, storm)
	var wg sync.WaitGroup
	for i := range storm {
		wg.Go(func() { statuses[i], errs[i] = s.signIn(ctx, c, fmt.Sprintf("storm-%d@example.org", i)) })
	}
	wg.Wait()
	away := 0
	for _, status := range statuses {
		switch status {
		case http.StatusUnauthorized:
		case http.StatusTooManyRequests, http.StatusServiceUnavailable:
			away++
		default:
			errs = append(errs, fmt.Errorf("a sign-in was answered with %d", status))
		}
	}
	return away, errors.Join(errs...)
}

func (s *system) signIn(ctx context.Context, c *http.Client, email string) (int, error) {
	form := url.Values{"email": {email}, "password": {"a storm of sign-ins"}, "code": {"123456"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.addr+"/konto/anmelden", strings.NewReader(form.Encode()))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	got, err := c.Do(req)
	if err != nil {
		return 0, err
	}
	return got.StatusCode, got.Body.Close()
}
