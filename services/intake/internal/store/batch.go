// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/outbox"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// job is one request that waits, with everything prepared that does not depend
// on the others.
type job struct {
	ctx     context.Context
	p       report.Pending
	content string
	digest  string
	events  []outbox.Row
	entries []audit.Entry // one, or one for each principal
	own     []string      // what the report says about each body alone
	done    chan outcome  // buffered: a client that went away blocks nobody
}

func newJob(ctx context.Context, p report.Pending) (*job, error) {
	content, err := json.Marshal(p.Content)
	if err != nil {
		return nil, fmt.Errorf("encode report: %w", err)
	}
	j := &job{ctx: ctx, p: p, content: string(content), digest: p.Receipt().SHA256, done: make(chan outcome, 1)}
	for _, behalf := range principals(p.Affected) {
		j.entries = append(j.entries, entryOf(report.Act{
			At: p.ReceivedAt, By: p.By, OnBehalf: behalf,
			Action: string(actor.ReportCreate), ObjectType: "report", ObjectID: p.ID, RequestID: p.RequestID,
		}))
	}
	for _, b := range p.Affected {
		own, err := json.Marshal(b.Own)
		if err != nil {
			return nil, fmt.Errorf("encode report: %w", err)
		}
		j.own = append(j.own, string(own))
	}
	for _, e := range p.Submitted(p.By.ID(), p.TraceParent) {
		row, err := outbox.Encode(e)
		if err != nil {
			return nil, err
		}
		j.events = append(j.events, row)
	}
	return j, nil
}

// principals are on whose behalf a report was made, each once, so that each
// one's own log shows it; "" alone when it was made on nobody's.
func principals(bodies []report.Body) []string {
	var out []string
	seen := map[string]bool{"": true}
	for _, b := range bodies {
		if !seen[b.OnBehalf] {
			seen[b.OnBehalf] = true
			out = append(out, b.OnBehalf)
		}
	}
	if out == nil {
		return []string{""}
	}
	return out
}

// numbers hands out the human numbers of reports. They come from a sequence, in
// blocks that grow while many reports come, so that most requests need not ask;
// what is left of a block when the service stops is never given.
type numbers struct {
	mu    sync.Mutex
	free  []int64
	block int
	asked time.Time
}

// maxBlock bounds the gap in the numbers that a stop under load leaves.
const maxBlock = 64

func (n *numbers) next(ctx context.Context, db pg.DB) (string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.free) == 0 {
		n.block = min(2*n.block, maxBlock)
		if time.Since(n.asked) > time.Second || n.block == 0 {
			n.block = 1
		}
		n.asked = time.Now()
		if err := db.SelectContext(ctx, &n.free, `SELECT nextval('report_number') FROM generate_series(1, $1)`, n.block); err != nil {
			n.free = nil
			return "", pg.Classify(ctx, fmt.Errorf("number a report: %w", err))
		}
	}
	number := n.free[0]
	n.free = n.free[1:]
	return strconv.FormatInt(number, 10), nil
}

// Numbers of the arguments of insertReports.
const (
	reportArgs = 16
	bodyArgs   = 14
)

// insertReports writes reports, bodies, events and the audit, or nothing when
// the head of the audit is not where the arguments say.
var insertReports = `
WITH ` + audit.ExtendSQL(reportArgs+bodyArgs+outbox.AddArgs+1) + `, taken AS (
	INSERT INTO report (id, reference, received_at, channel, verified, reporter_id, reporter, home,
		language, content, digest, alert_id, callback_by, idem_scope, idem_key, idem_hash)
	SELECT i.*
	FROM moved, unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::boolean[], $6::text[], $7::text[], $8::text[],
		$9::text[], $10::jsonb[], $11::text[], $12::text[], $13::timestamptz[], $14::text[], $15::text[], $16::bytea[]) AS i
), bodies AS (
	INSERT INTO report_body (report_id, position, organisation, ags, name, level, kreis, on_behalf, visible_to,
		mandate, agent, agent_name, own, taken_in_at)
	SELECT b.* FROM moved, unnest($17::uuid[], $18::integer[], $19::text[], $20::text[], $21::text[], $22::text[], $23::text[],
		$24::text[], $25::text[], $26::text[], $27::text[], $28::text[], $29::jsonb[], $30::timestamptz[]) AS b
), ` + outbox.AddSQL(reportArgs+bodyArgs+1, "moved") + `
SELECT ` + outbox.WakeSQL + `::text FROM moved`

// insertBatch runs insertReports, through get, from head. It returns whether it wrote, and
// where the head is then.
func insertBatch(batch []*job, head audit.Head, get func(to any, args []any) error) (bool, audit.Head, error) {
	var c columns
	var entries []audit.Entry
	var events []outbox.Row
	for _, j := range batch {
		c.add(j)
		entries = append(entries, j.entries...)
		events = append(events, j.events...)
	}
	links, next := audit.Extend(head, entries)
	var woken string
	err := get(&woken, slices.Concat(c.args(), outbox.Args(events), links))
	if errors.Is(err, sql.ErrNoRows) {
		return false, head, nil
	}
	if err != nil {
		return false, head, fmt.Errorf("insert %d reports: %w", len(batch), err)
	}
	return true, next, nil
}

// columns are the batch, turned on its side.
type columns struct {
	id, reference, received, channel, reporterID, reporter, home  []string
	language, content, digest, alert, callback, scope, key        []string
	verified                                                      []bool
	hash                                                          [][]byte
	bReport, bOrg, bAGS, bName, bLevel, bKreis, bBehalf, bVisible []string
	bMandate, bAgent, bAgentName, bOwn, bTaken                    []string
	bPosition                                                     []int64
}

const stamp = "2006-01-02T15:04:05.000000Z07:00"

func (c *columns) add(j *job) {
	p := j.p
	c.id, c.reference = append(c.id, p.ID), append(c.reference, p.Reference)
	c.received, c.callback = append(c.received, p.ReceivedAt.Format(stamp)), append(c.callback, p.CallbackBy.Format(stamp))
	c.channel, c.verified = append(c.channel, string(p.Report.Channel)), append(c.verified, p.Verified)
	c.reporterID, c.reporter = append(c.reporterID, p.Reporter.ID), append(c.reporter, p.Reporter.Name)
	c.home, c.language = append(c.home, p.Home), append(c.language, p.Report.Language)
	c.content, c.digest, c.alert = append(c.content, j.content), append(c.digest, j.digest), append(c.alert, p.AlertID)
	c.scope, c.key, c.hash = append(c.scope, p.Key.Scope), append(c.key, p.Key.Key), append(c.hash, p.Key.Hash)
	for i, b := range p.Affected {
		c.addBody(p.ID, i, b, j.own[i], p.ReceivedAt)
	}
}

func (c *columns) addBody(reportID string, position int, b report.Body, own string, taken time.Time) {
	o := b.Organisation
	c.bReport, c.bPosition = append(c.bReport, reportID), append(c.bPosition, int64(position))
	c.bOrg, c.bAGS, c.bName = append(c.bOrg, o.ID), append(c.bAGS, o.AGS), append(c.bName, o.Name)
	c.bLevel, c.bKreis = append(c.bLevel, o.Level), append(c.bKreis, o.Kreis)
	c.bBehalf, c.bVisible = append(c.bBehalf, b.OnBehalf), append(c.bVisible, b.VisibleTo)
	c.bMandate, c.bAgent = append(c.bMandate, b.Mandate), append(c.bAgent, b.Agent.ID)
	c.bAgentName, c.bOwn, c.bTaken = append(c.bAgentName, b.Agent.Name), append(c.bOwn, own), append(c.bTaken, taken.Format(stamp))
}

func (c *columns) args() []any {
	a := pq.Array
	return append([]any{
		a(c.id), pg.Texts(c.reference), a(c.received), pg.Texts(c.channel), a(c.verified), pg.Texts(c.reporterID),
		pg.Texts(c.reporter), pg.Texts(c.home), pg.Texts(c.language), pg.JSONs(c.content), pg.Texts(c.digest), pg.Texts(c.alert),
		a(c.callback), pg.Texts(c.scope), pg.Texts(c.key), pg.Byteas(c.hash),
	}, c.bodyArgs()...)
}

func (c *columns) bodyArgs() []any {
	return []any{
		pq.Array(c.bReport), pq.Array(c.bPosition), pg.Texts(c.bOrg), pg.Texts(c.bAGS), pg.Texts(c.bName), pg.Texts(c.bLevel), pg.Texts(c.bKreis),
		pg.Texts(c.bBehalf), pg.Texts(c.bVisible), pg.Texts(c.bMandate), pg.Texts(c.bAgent), pg.Texts(c.bAgentName), pg.JSONs(c.bOwn),
		pq.Array(c.bTaken),
	}
}

// knownKeys tells of each job whether a report with its key is stored.
func (s *Store) knownKeys(ctx context.Context, batch []*job) ([]bool, error) {
	scopes, keys := make([]string, len(batch)), make([]string, len(batch))
	for i, j := range batch {
		scopes[i], keys[i] = j.p.Key.Scope, j.p.Key.Key
	}
	var known []bool
	err := s.db.SelectContext(ctx, &known, `
		SELECT r.id IS NOT NULL
		FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w(scope, key, i)
		LEFT JOIN report r ON r.idem_scope = w.scope AND r.idem_key = w.key
		ORDER BY w.i`, pq.Array(scopes), pq.Array(keys))
	if err != nil {
		return nil, pg.Classify(ctx, fmt.Errorf("look up %d keys: %w", len(batch), err))
	}
	return known, nil
}
