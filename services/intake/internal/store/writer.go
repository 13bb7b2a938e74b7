// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/outbox"
	"github.com/thueringencert/leitstelle/shared/pg"
)

const (
	maxBatch = 256
	maxQueue = 2048
	// commitLimit bounds one shared commit; statements have shorter limits.
	commitLimit = 8 * time.Second
	// lookupLimit bounds the search for a key after a lost answer.
	lookupLimit = 3 * time.Second
	// idle is how long the writer stays after the end for requests on their way.
	idle = 300 * time.Millisecond
)

// Writer takes reports in. One goroutine (Run) writes what waits at the moment
// in one transaction with one statement a table; it never waits for more. So a
// report costs a fraction of a commit and one link of the audit chain, and a
// bad one fails alone (docs/adr, design §7 "Shared commits").
type Writer struct {
	db    *sqlx.DB // one connection, its own login
	reads *Store   // another pool, for lookups
	log   *zap.Logger
	queue chan *job
	stmt  *sqlx.Stmt
}

// NewWriter returns a writer. db is a pool of one connection for it alone.
func NewWriter(db *sqlx.DB, reads *Store, log *zap.Logger) *Writer {
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	db.SetConnMaxLifetime(0) // the prepared statement lives on it; an error drops both
	return &Writer{db: db, reads: reads, log: log, queue: make(chan *job, maxQueue)}
}

var _ report.Taker = (*Writer)(nil)

// job is one request that waits.
type job struct {
	ctx  context.Context
	p    report.Pending
	done chan outcome // buffered: a client that went away blocks nobody
}

// outcome of a job: stored, or its key was there before, or the error.
type outcome struct {
	reference string
	known     bool
	err       error
}

// Take implements report.Taker.
func (w *Writer) Take(ctx context.Context, p report.Pending) (report.Report, bool, error) {
	j := &job{ctx: ctx, p: p, done: make(chan outcome, 1)}
	select {
	case w.queue <- j:
	default:
		return report.Report{}, false, fault.New(fault.Unavailable, "too many reports wait at the moment").WithRetry(2 * time.Second)
	}
	var o outcome
	select {
	case o = <-j.done:
	case <-ctx.Done():
		return report.Report{}, false, fault.Wrap(fault.Unavailable, ctx.Err(), "the report could not be stored in time").WithRetry(2 * time.Second)
	}
	switch {
	case o.err == nil && !o.known:
		p.Reference = o.reference
		return p.Report, false, nil
	case o.known:
		return w.earlier(ctx, p)
	case errors.Is(o.err, pg.ErrOutcomeUnknown):
		return w.resolve(ctx, p, o.err)
	}
	return report.Report{}, false, o.err
}

// earlier answers a repeated request with the report that its key made.
func (w *Writer) earlier(ctx context.Context, p report.Pending) (report.Report, bool, error) {
	r, hash, err := w.reads.byKey(ctx, p.Key.Scope, p.Key.Key)
	switch {
	case err != nil:
		return report.Report{}, false, err
	case !bytes.Equal(hash, p.Key.Hash):
		return report.Report{}, false, fault.New(fault.Invalid, "this Idempotency-Key was used for another request")
	}
	return r, true, nil
}

// resolve finds out on a new connection whether a commit whose answer was lost
// happened. What is not there may still come: the client asks again with its key.
func (w *Writer) resolve(ctx context.Context, p report.Pending, cause error) (report.Report, bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookupLimit)
	defer cancel()
	r, hash, err := w.reads.byKey(ctx, p.Key.Scope, p.Key.Key)
	if err == nil && bytes.Equal(hash, p.Key.Hash) {
		return r, r.ID != p.ID, nil
	}
	return report.Report{}, false, fault.Wrap(fault.Unavailable, errors.Join(cause, err),
		"it is not certain whether the report was stored, please send it again with the same key").WithRetry(2 * time.Second)
}

// Run writes until ctx ends and nothing waits any more.
func (w *Writer) Run(ctx context.Context) error {
	for {
		select {
		case j := <-w.queue:
			w.write(w.gather(j))
			continue
		default:
		}
		select {
		case j := <-w.queue:
			w.write(w.gather(j))
		case <-ctx.Done():
			w.finish()
			return nil
		}
	}
}

// finish takes the requests that were on their way when the end came.
func (w *Writer) finish() {
	t := time.NewTimer(idle)
	defer t.Stop()
	for {
		select {
		case j := <-w.queue:
			w.write(w.gather(j))
			t.Reset(idle)
		case <-t.C:
			w.forget()
			return
		}
	}
}

// gather takes what waits. Whoever went away meanwhile is left out: nothing of
// theirs is stored.
func (w *Writer) gather(first *job) []*job {
	batch := make([]*job, 0, 64)
	for j := first; ; {
		if j.ctx.Err() == nil {
			batch = append(batch, j)
		} else {
			j.done <- outcome{err: j.ctx.Err()}
		}
		if len(batch) == maxBatch {
			return batch
		}
		select {
		case j = <-w.queue:
		default:
			return batch
		}
	}
}

func (w *Writer) write(batch []*job) {
	if len(batch) == 0 {
		return
	}
	refs, err := w.commit(batch)
	switch {
	case err == nil:
		for _, j := range batch {
			ref, stored := refs[j.p.ID]
			j.done <- outcome{reference: ref, known: !stored}
		}
	case len(batch) == 1, errors.Is(err, pg.ErrOutcomeUnknown), fault.Is(err, fault.Unavailable):
		w.log.Warn("intake: reports not stored", zap.Int("reports", len(batch)), zap.Error(err))
		for _, j := range batch {
			j.done <- outcome{err: err}
		}
	default:
		w.log.Warn("intake: a shared commit failed, each report is stored alone", zap.Int("reports", len(batch)), zap.Error(err))
		for _, j := range batch {
			w.write([]*job{j})
		}
	}
}

// commit writes a batch in one transaction and returns the references of those
// that are new: one statement for reports and bodies, one for the events, the
// audit last.
func (w *Writer) commit(batch []*job) (refs map[string]string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), commitLimit)
	defer cancel()
	if w.stmt == nil {
		if w.stmt, err = w.db.PreparexContext(ctx, insertReports); err != nil {
			w.stmt = nil
			return nil, pg.Classify(ctx, fmt.Errorf("prepare the insert: %w", err))
		}
	}
	err = pg.InTx(ctx, w.db, func(db pg.DB) error {
		tx, ok := db.(*sqlx.Tx)
		if !ok {
			return errors.New("the writer's transaction is none")
		}
		if refs, err = insertBatch(ctx, tx.StmtxContext(ctx, w.stmt), batch); err != nil {
			return err
		}
		return w.tell(ctx, db, batch, refs)
	})
	if err != nil {
		w.forget()
	}
	return refs, err
}

// tell writes the events and the audit of the reports that are new.
func (w *Writer) tell(ctx context.Context, tx pg.DB, batch []*job, refs map[string]string) error {
	events := make([]event.Event, 0, len(refs))
	entries := make([]audit.Entry, 0, len(refs))
	for _, j := range batch {
		ref, ok := refs[j.p.ID]
		if !ok {
			continue
		}
		r := j.p.Report
		r.Reference = ref
		events = append(events, r.Submitted(j.p.By.ID(), j.p.TraceParent)...)
		behalf := ""
		if len(r.Affected) > 0 {
			behalf = r.Affected[0].OnBehalf
		}
		entries = append(entries, entryOf(report.Act{At: r.ReceivedAt, By: j.p.By, OnBehalf: behalf,
			Action: string(actor.ReportCreate), ObjectType: "report", ObjectID: r.ID, RequestID: j.p.RequestID}))
	}
	if err := outbox.Add(ctx, tx, events...); err != nil {
		return err
	}
	_, err := audit.Append(ctx, tx, entries...)
	return err
}

// forget drops the prepared statement and the connection it lives on.
func (w *Writer) forget() {
	if w.stmt != nil {
		_ = w.stmt.Close()
		w.stmt = nil
	}
}

const insertReports = `
WITH wanted AS (
	SELECT i.*, nextval('report_number')::text AS number
	FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::boolean[], $6::text[], $7::text[], $8::text[],
		$9::text[], $10::text[], $11::text[], $12::text[], $13::timestamptz[], $14::text[], $15::text[], $16::bytea[])
		AS i(id, year, received_at, channel, verified, reporter_id, reporter, home,
			language, content, digest, alert_id, callback_by, scope, key, hash)
), taken AS (
	INSERT INTO report (id, reference, received_at, channel, verified, reporter_id, reporter, home,
		language, content, digest, alert_id, callback_by, idem_scope, idem_key, idem_hash)
	SELECT id, 'M-' || year || '-' || lpad(number, greatest(6, length(number)), '0'), received_at, channel, verified,
		reporter_id, reporter, home, language, content::jsonb, digest, alert_id, callback_by, scope, key, hash
	FROM wanted
	ON CONFLICT (idem_scope, idem_key) DO NOTHING
	RETURNING id, reference
), bodies AS (
	INSERT INTO report_body (report_id, position, organisation, ags, name, level, kreis, on_behalf, visible_to)
	SELECT b.* FROM unnest($17::uuid[], $18::integer[], $19::text[], $20::text[], $21::text[], $22::text[], $23::text[],
		$24::text[], $25::text[]) AS b(report_id, position, organisation, ags, name, level, kreis, on_behalf, visible_to)
	JOIN taken ON taken.id = b.report_id
)
SELECT id, reference FROM taken`

func insertBatch(ctx context.Context, stmt *sqlx.Stmt, batch []*job) (map[string]string, error) {
	var c columns
	for _, j := range batch {
		if err := c.add(j.p); err != nil {
			return nil, err
		}
	}
	var rows []struct {
		ID        string `db:"id"`
		Reference string `db:"reference"`
	}
	if err := stmt.SelectContext(ctx, &rows, c.args()...); err != nil {
		return nil, fmt.Errorf("insert %d reports: %w", len(batch), err)
	}
	refs := make(map[string]string, len(rows))
	for _, r := range rows {
		refs[r.ID] = r.Reference
	}
	return refs, nil
}

// columns are the batch, turned on its side.
type columns struct {
	id, year, received, channel, reporterID, reporter, home       []string
	language, content, digest, alert, callback, scope, key        []string
	verified                                                      []bool
	hash                                                          [][]byte
	bReport, bOrg, bAGS, bName, bLevel, bKreis, bBehalf, bVisible []string
	bPosition                                                     []int64
}

const stamp = "2006-01-02T15:04:05.000000Z07:00"

func (c *columns) add(p report.Pending) error {
	content, err := json.Marshal(p.Content)
	if err != nil {
		return fmt.Errorf("encode report: %w", err)
	}
	c.id, c.year = append(c.id, p.ID), append(c.year, p.ReceivedAt.Format("2006"))
	c.received, c.callback = append(c.received, p.ReceivedAt.Format(stamp)), append(c.callback, p.CallbackBy.Format(stamp))
	c.channel, c.verified = append(c.channel, string(p.Report.Channel)), append(c.verified, p.Verified)
	c.reporterID, c.reporter = append(c.reporterID, p.Reporter.ID), append(c.reporter, p.Reporter.Name)
	c.home, c.language = append(c.home, p.Home), append(c.language, p.Report.Language)
	c.content, c.digest, c.alert = append(c.content, string(content)), append(c.digest, p.Digest()), append(c.alert, p.AlertID)
	c.scope, c.key, c.hash = append(c.scope, p.Key.Scope), append(c.key, p.Key.Key), append(c.hash, p.Key.Hash)
	for i, b := range p.Affected {
		o := b.Organisation
		c.bReport, c.bPosition = append(c.bReport, p.ID), append(c.bPosition, int64(i))
		c.bOrg, c.bAGS, c.bName = append(c.bOrg, o.ID), append(c.bAGS, o.AGS), append(c.bName, o.Name)
		c.bLevel, c.bKreis = append(c.bLevel, o.Level), append(c.bKreis, o.Kreis)
		c.bBehalf, c.bVisible = append(c.bBehalf, b.OnBehalf), append(c.bVisible, b.VisibleTo)
	}
	return nil
}

func (c *columns) args() []any {
	a := pq.Array
	return []any{a(c.id), a(c.year), a(c.received), a(c.channel), a(c.verified), a(c.reporterID), a(c.reporter), a(c.home),
		a(c.language), a(c.content), a(c.digest), a(c.alert), a(c.callback), a(c.scope), a(c.key), a(c.hash),
		a(c.bReport), a(c.bPosition), a(c.bOrg), a(c.bAGS), a(c.bName), a(c.bLevel), a(c.bKreis), a(c.bBehalf), a(c.bVisible)}
}
