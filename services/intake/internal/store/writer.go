// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"bytes"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

const (
	// maxBatch bounds a shared commit. More would save little, and make all
	// clients wait for the same commit while no request is worked on.
	maxBatch = 32
	// maxRows bounds the bodies of a shared commit: a provider's report brings
	// hundreds, and must not make others wait for several such.
	maxRows  = 2500
	maxQueue = 2048
	// commitLimit bounds one shared commit; statements have shorter limits.
	commitLimit = 8 * time.Second
	// lookupLimit bounds the search for a key after a lost answer.
	lookupLimit = 3 * time.Second
	// idle is how long the writer stays after the end for requests on their way.
	idle = 300 * time.Millisecond
)

// Writer takes reports in. One goroutine (Run) writes what waits at the moment
// in one transaction with one statement; it never waits for more. So a report
// costs a fraction of a commit and one link of the audit chain, and a bad one
// fails alone (docs/adr, design §7 "Shared commits"). What can be prepared is
// prepared by the requests themselves, since the writer's time is everybody's.
type Writer struct {
	db      *sqlx.DB // its own login
	reads   *Store   // another pool, for lookups
	log     *zap.Logger
	queue   chan *job
	numbers numbers
	conn    *sqlx.Conn // the writer's own: on it database/sql repeats nothing
	stmt    *sqlx.Stmt
	head    *audit.Head // as this writer left it; nil when it has to be read
}

// NewWriter returns a writer. db is a pool for it alone.
func NewWriter(db *sqlx.DB, reads *Store, log *zap.Logger) *Writer {
	db.SetMaxOpenConns(2)
	db.SetMaxIdleConns(1)
	db.SetConnMaxLifetime(0) // the prepared statement lives on it; an error drops both
	return &Writer{db: db, reads: reads, log: log, queue: make(chan *job, maxQueue)}
}

var _ report.Taker = (*Writer)(nil)

// outcome of a job: stored, or its key was there before, or the error.
type outcome struct {
	known bool
	err   error
}

// Take implements report.Taker.
func (w *Writer) Take(ctx context.Context, p report.Pending) (report.Report, bool, error) {
	number, err := w.numbers.next(ctx, w.reads.db)
	if err != nil {
		return report.Report{}, false, err
	}
	p.Reference = report.Reference(p.ReceivedAt.Format("2006"), number)
	j, err := newJob(ctx, p)
	if err != nil {
		return report.Report{}, false, err
	}
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
	return r, r.ID != p.ID, nil
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
			w.write(w.gather(j)) //nolint:contextcheck // a commit that began outlives the end of the service
			continue
		default:
		}
		select {
		case j := <-w.queue:
			w.write(w.gather(j)) //nolint:contextcheck // as above
		case <-ctx.Done():
			w.finish() //nolint:contextcheck // requests on their way are still stored
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
			w.forget(nil)
			return
		}
	}
}

// gather takes what waits. Whoever went away meanwhile is left out: nothing of
// theirs is stored.
func (w *Writer) gather(first *job) []*job {
	batch := make([]*job, 0, 64)
	rows := 0
	for j := first; ; {
		if j.ctx.Err() == nil {
			batch = append(batch, j)
			rows += len(j.p.Affected)
		} else {
			j.done <- outcome{err: j.ctx.Err()}
		}
		if len(batch) == maxBatch || rows >= maxRows {
			return batch
		}
		select {
		case j = <-w.queue:
		default:
			return batch
		}
	}
}

// write stores a batch and tells each request how it went.
func (w *Writer) write(batch []*job) {
	batch, twins := distinct(batch)
	if len(batch) == 0 {
		return
	}
	err := w.commit(batch)
	switch {
	case err == nil:
		for _, j := range batch {
			j.done <- outcome{}
		}
	case pg.Violates(err, "report_idem_key"), pg.Violates(err, "report_pkey"):
		w.setApart(batch)
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
	w.write(twins)
}

// distinct keeps the first job of each key; the others come after it and find
// their key there, or are stored when the first could not be.
func distinct(batch []*job) (first, twins []*job) {
	seen := make(map[[2]string]bool, len(batch))
	for _, j := range batch {
		k := [2]string{j.p.Key.Scope, j.p.Key.Key}
		if seen[k] {
			twins = append(twins, j)
			continue
		}
		seen[k] = true
		first = append(first, j)
	}
	return first, twins
}

// setApart answers the jobs of a failed batch whose keys are there already and
// stores the others.
func (w *Writer) setApart(batch []*job) {
	if len(batch) == 1 {
		batch[0].done <- outcome{known: true}
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupLimit)
	defer cancel()
	known, err := w.reads.knownKeys(ctx, batch)
	if err != nil {
		for _, j := range batch {
			j.done <- outcome{err: err}
		}
		return
	}
	var rest []*job
	for i, j := range batch {
		if known[i] {
			j.done <- outcome{known: true}
		} else {
			rest = append(rest, j)
		}
	}
	if len(rest) < len(batch) {
		w.write(rest)
		return
	}
	for _, j := range rest { // the other's commit is not visible here yet
		w.write([]*job{j})
	}
}

// commit writes a batch with one statement, which is a transaction of its own:
// one round trip. It starts from the head of the audit as this writer left it;
// when somebody else has appended meanwhile, the statement writes nothing and
// the batch goes again from the locked head.
func (w *Writer) commit(batch []*job) error {
	ctx, cancel := context.WithTimeout(context.Background(), commitLimit)
	defer cancel()
	if err := w.prepare(ctx); err != nil {
		w.forget(err)
		return err
	}
	written, next, err := insertBatch(batch, *w.head, func(to any, args []any) error { return w.stmt.GetContext(ctx, to, args...) })
	if err = pg.Classify(ctx, err); fault.Is(err, fault.Unavailable) {
		err = fault.Wrap(fault.Unavailable, errors.Join(pg.ErrOutcomeUnknown, err), "the answer of the database was lost").WithRetry(2 * time.Second)
	}
	if err == nil && !written {
		next, err = w.commitLocked(ctx, batch)
	}
	if err != nil {
		w.forget(err)
		return err
	}
	w.head = &next
	return nil
}

// commitLocked writes a batch when others append to the audit too.
func (w *Writer) commitLocked(ctx context.Context, batch []*job) (next audit.Head, err error) {
	err = pg.InTx(ctx, w.db, func(tx pg.DB) error {
		at, err := audit.LockHead(ctx, tx)
		if err != nil {
			return err
		}
		written, head, err := insertBatch(batch, at, func(to any, args []any) error { return tx.GetContext(ctx, to, insertReports, args...) })
		if err == nil && !written {
			err = errors.New("the locked head of the audit moved")
		}
		next = head
		return err
	})
	return next, err
}

// prepare opens the connection, makes the statement and reads the head, what of
// it is not there.
func (w *Writer) prepare(ctx context.Context) (err error) {
	if w.conn == nil {
		if w.conn, err = w.db.Connx(ctx); err != nil {
			w.conn = nil
			return pg.Classify(ctx, fmt.Errorf("connect the writer: %w", err))
		}
	}
	if w.stmt == nil {
		if w.stmt, err = w.conn.PreparexContext(ctx, insertReports); err != nil {
			w.stmt = nil
			return pg.Classify(ctx, fmt.Errorf("prepare the insert: %w", err))
		}
	}
	if w.head == nil {
		var h audit.Head
		if h, err = audit.ReadHead(ctx, w.conn); err != nil {
			return pg.Classify(ctx, err)
		}
		w.head = &h
	}
	return nil
}

// forget drops what is known of the database after an error, unless the
// database itself refused the statement: then the connection is good.
func (w *Writer) forget(err error) {
	w.head = nil
	var refused *pq.Error
	if errors.As(err, &refused) && !fault.Is(err, fault.Unavailable) {
		return
	}
	if w.stmt != nil {
		_ = w.stmt.Close()
	}
	if w.conn != nil {
		_ = w.conn.Raw(func(any) error { return driver.ErrBadConn }) // never back into the pool
		_ = w.conn.Close()
	}
	w.stmt, w.conn = nil, nil
}
