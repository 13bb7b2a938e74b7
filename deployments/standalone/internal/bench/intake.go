// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	_ "github.com/lib/pq" // the driver "postgres"

	"github.com/thueringencert/leitstelle/shared/outbox"
)

// BodySize is the size of a report in bytes.
const BodySize = 2048

// Plan is how long and how often is measured.
type Plan struct {
	Conns   []int
	Rounds  int
	Warmup  time.Duration
	Measure time.Duration
	Out     io.Writer // what a person reads while it runs
}

// Intake compares the intake service with the bare program on one PostgreSQL.
// The rounds alternate, so that a noisy machine hurts both alike; before each
// round both are idle, the relay included.
func Intake(ctx context.Context, p Plan, dir string) (f Figures, err error) {
	child, err := StartChild(ctx, "serve-intake", dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, child.Stop()) }()
	var s Served
	if err := json.Unmarshal([]byte(child.Line), &s); err != nil {
		return nil, fmt.Errorf("the intake child said %q: %w", child.Line, err)
	}
	if err := makeBareTables(ctx, s.Bare); err != nil {
		return nil, err
	}
	idle, err := sqlx.ConnectContext(ctx, "postgres", s.Intake)
	if err != nil {
		return nil, err
	}
	defer func() { _ = idle.Close() }()
	if err := ageLog(ctx, idle); err != nil {
		return nil, err
	}
	for _, n := range p.Conns {
		pair, err := comparison{plan: p, served: s, child: child, idle: idle, conns: n}.run(ctx)
		if err != nil {
			return nil, fmt.Errorf("%d connections: %w", n, err)
		}
		pair.figures(&f, n)
	}
	return f, nil
}

// logFiles of 16 MiB are about what all rounds write.
const logFiles = 48

// ageLog makes the database write over old log files, as one does that has run
// for a day: in a fresh cluster every 16 MiB both programs would stand still
// until a new file is made.
func ageLog(ctx context.Context, db *sqlx.DB) error {
	for range logFiles {
		if _, err := db.ExecContext(ctx, `SELECT pg_logical_emit_message(false, 'bench', 'next'), pg_switch_wal()`); err != nil {
			return fmt.Errorf("age the log: %w", err)
		}
	}
	_, err := db.ExecContext(ctx, `CHECKPOINT`)
	return err
}

// comparison is one number of connections.
type comparison struct {
	plan   Plan
	served Served
	child  *Child
	idle   *sqlx.DB
	conns  int
}

// pair are the rounds of both, in the order they ran.
type pair struct{ bare, ours []Result }

func (c comparison) run(ctx context.Context) (p pair, err error) {
	bare, err := StartChild(ctx, "serve-bare", c.served.Bare, strconv.Itoa(c.conns))
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, bare.Stop()) }()
	body, err := reportBody(c.served.AGS)
	if err != nil {
		return p, err
	}
	for range c.plan.Rounds {
		r, err := c.round(ctx, bare.Line, postRequest("/reports", "", body), bare.PID())
		if err != nil {
			return p, fmt.Errorf("bare: %w", err)
		}
		p.bare = append(p.bare, r)
		c.tell("bare", r)
		if r, err = c.round(ctx, c.served.Addr, postRequest("/api/intake/v1/reports", c.served.Token, body), c.child.PID()); err != nil {
			return p, fmt.Errorf("intake: %w", err)
		}
		p.ours = append(p.ours, r)
		c.tell("intake", r)
	}
	return p, nil
}

// round measures one program once.
func (c comparison) round(ctx context.Context, addr string, request []byte, pid int) (Result, error) {
	if err := settle(ctx, c.idle); err != nil {
		return Result{}, err
	}
	meter := Meter{Server: pid, Postmaster: c.served.Postmaster}
	var begin, end Used
	var beginErr, endErr error
	r, err := Load{
		Addr: addr, Conns: c.conns, Warmup: c.plan.Warmup, Measure: c.plan.Measure, Request: request, Want: 201,
		Begin: func() { begin, beginErr = meter.Read() },
		End:   func() { end, endErr = meter.Read() },
	}.Run(ctx)
	r.CPU = end.Since(begin)
	if err := errors.Join(err, beginErr, endErr); err != nil {
		return r, err
	}
	if r.Errors > 0 {
		return r, fmt.Errorf("%d of %d connections failed: %w", r.Errors, c.conns, r.FirstErr)
	}
	if r.Requests == 0 {
		return r, errors.New("no report was answered")
	}
	return r, nil
}

func (c comparison) tell(name string, r Result) {
	_, _ = fmt.Fprintf(c.plan.Out, "  %-6s %2d connections: %6.0f/s   p50 %6.1f ms   p99 %6.1f ms   cpu %.2f + %.2f ms\n",
		name, c.conns, r.Rate(), ms(r.P50), ms(r.P99), r.per(r.CPU.Server), r.per(r.CPU.Database))
}

// figures are the medians over the rounds, and the median of the ratios of each
// round with the one before it.
func (p pair) figures(f *Figures, conns int) {
	suffix := ".c" + strconv.Itoa(conns)
	for _, x := range []struct {
		name, unit string
		of         func(Result) float64
	}{
		{"rate", "1/s", Result.Rate},
		{"p50", "ms", func(r Result) float64 { return ms(r.P50) }},
		{"p99", "ms", func(r Result) float64 { return ms(r.P99) }},
		{"cpu", "ms", Result.CPUPer},
	} {
		f.Add("bare."+x.name+suffix, medianOf(p.bare, x.of), x.unit)
		f.Add("intake."+x.name+suffix, medianOf(p.ours, x.of), x.unit)
	}
	type both struct{ bare, ours Result }
	rounds := make([]both, len(p.ours))
	for i := range p.ours {
		rounds[i] = both{p.bare[i], p.ours[i]}
	}
	f.Add("intake.ratio"+suffix, medianOf(rounds, func(b both) float64 { return b.ours.Rate() / b.bare.Rate() }), "x")
	f.Add("intake.p99ratio"+suffix, medianOf(rounds, func(b both) float64 { return ms(b.ours.P99) / ms(b.bare.P99) }), "x")
}

// settleLimit bounds the wait for the relay between two rounds.
const settleLimit = 60 * time.Second

// settle waits until the service's relay has nothing left to publish, so that
// no round pays for the one before it.
func settle(ctx context.Context, db *sqlx.DB) error {
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	for {
		n, _, err := outbox.Waiting(ctx, db)
		if err != nil || n == 0 {
			return err
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return fmt.Errorf("%d events still wait for the relay: %w", n, err)
		}
	}
}

func makeBareTables(ctx context.Context, url string) error {
	db, err := sqlx.ConnectContext(ctx, "postgres", url)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, bareTables)
	return errors.Join(err, db.Close())
}

// reportBody is a report of BodySize bytes about a body of the constituency.
func reportBody(ags string) ([]byte, error) {
	r := map[string]any{
		"affected": []string{ags}, "what": "ransomware", "description": "",
		"noticed_at": time.Now().UTC().Add(-time.Hour).Format(time.RFC3339), "noticed_approx": true, "impact": "high",
		"callback":    map[string]string{"name": "Kim Beispiel", "phone": "+49 361 000000", "email": "kim@klettbach.example"},
		"help_needed": []string{"callback", "forensics"}, "tlp": "AMBER", "exercise": false,
	}
	empty, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	const sentence = "Mehrere Dateien auf dem Fileserver tragen eine unbekannte Endung und lassen sich nicht oeffnen. "
	r["description"] = strings.Repeat(sentence, BodySize/len(sentence)+1)[:BodySize-len(empty)]
	return json.Marshal(r)
}

// postRequest is the whole request as it goes over the wire.
func postRequest(path, token string, body []byte) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nAccept: application/json\r\nIdempotency-Key: %s\r\n", path, keyMark)
	if token != "" {
		fmt.Fprintf(&b, "Authorization: Bearer %s\r\n", token)
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n", len(body))
	b.Write(body)
	return []byte(b.String())
}
