// SPDX-License-Identifier: EUPL-1.2

package register

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/lib/pq"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/runner"
	"github.com/thueringencert/leitstelle/shared/session"
)

// Run keeps the copy until ctx ends: events and buckets into the table, changes
// of the table (also by other replicas) into memory.
func (r *Register) Run(ctx context.Context) error {
	return runner.Run(ctx,
		r.listen,
		func(ctx context.Context) error {
			return r.bus.Consume(ctx, bus.Consumer{
				Name: r.service + "-register", Stream: bus.Directory, DB: r.db, Handle: Store,
				Subjects: []string{"directory.organisation.changed.>", "directory.person.changed.>", "directory.mandate.changed.>"},
			})
		},
		func(ctx context.Context) error { return r.watch(ctx, bus.Sessions) },
		func(ctx context.Context) error { return r.watch(ctx, bus.Tokens) },
	)
}

// Store writes one directory event into the table; an older version than the
// stored one does nothing.
func Store(ctx context.Context, tx pg.DB, e event.Event) error {
	kind, ok := map[string]string{
		event.OrganisationChanged{}.Type(): kindOrganisation,
		event.PersonChanged{}.Type():       kindPerson,
		event.MandateChanged{}.Type():      kindMandate,
	}[e.Type]
	if !ok {
		return nil
	}
	return upsert(ctx, tx, record{Kind: kind, ID: e.SubjectID, Version: int64(e.SubjectVersion), Body: string(e.Data)})
}

func upsert(ctx context.Context, tx pg.DB, rec record) error {
	res, err := tx.NamedExecContext(ctx, `
		INSERT INTO register_record (kind, id, version, body) VALUES (:kind, :id, :version, :body)
		ON CONFLICT (kind, id) DO UPDATE SET version = excluded.version, body = excluded.body
		WHERE register_record.version < excluded.version`, rec)
	if err != nil {
		return fmt.Errorf("store %s %s: %w", rec.Kind, rec.ID, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err
	}
	_, err = tx.ExecContext(ctx, `SELECT pg_notify('register', $1)`, rec.Kind+" "+rec.ID)
	return err
}

// listen takes changes of the table into memory; after a reconnect it reads all.
func (r *Register) listen(ctx context.Context) error {
	l := pq.NewListener(pg.ListenURL(r.url), 100*time.Millisecond, 5*time.Second, nil)
	defer func() { _ = l.Close() }()
	if err := l.Listen("register"); err != nil {
		r.log.Warn("register: will listen later", zap.Error(err))
	}
	r.reload(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case n := <-l.Notify:
			if n == nil {
				r.reload(ctx)
				continue
			}
			r.refresh(ctx, drain(l.Notify, n.Extra))
		}
	}
}

// drain collects what else is waiting, so that a bulk load is read in one query.
func drain(c <-chan *pq.Notification, first string) []string {
	keys := []string{first}
	for len(keys) < 500 {
		select {
		case n := <-c:
			if n == nil {
				return nil
			}
			keys = append(keys, n.Extra)
		default:
			return keys
		}
	}
	return keys
}

func (r *Register) reload(ctx context.Context) {
	if err := r.Load(ctx); err != nil && ctx.Err() == nil {
		r.log.Warn("register: cannot read, the known records stay", zap.Error(err))
	}
}

func (r *Register) refresh(ctx context.Context, keys []string) {
	if keys == nil {
		r.reload(ctx)
		return
	}
	kinds, ids := make([]string, len(keys)), make([]string, len(keys))
	for i, k := range keys {
		kinds[i], ids[i], _ = strings.Cut(k, " ")
	}
	var rows []record
	err := r.db.SelectContext(ctx, &rows, `
		SELECT kind, id, version, body FROM register_record
		JOIN unnest($1::text[], $2::text[]) AS wanted(k, i) ON kind = k AND id = i`, pq.Array(kinds), pq.Array(ids))
	if err != nil {
		if ctx.Err() == nil {
			r.log.Warn("register: cannot read a change", zap.Error(err))
		}
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.put(rows); err != nil {
		r.log.Error("register: broken record", zap.Error(err))
	}
}

// watch copies a bucket of sessions or tokens into the table. A bucket that is
// gone or empty takes nothing away: known sessions hold until they expire, and
// a revoked one says so in its value.
func (r *Register) watch(ctx context.Context, bucket string) error {
	for ctx.Err() == nil {
		if err := r.watchOnce(ctx, bucket); err != nil && ctx.Err() == nil {
			r.log.Debug("register: watch starts again", zap.String("bucket", bucket), zap.Error(err))
		}
		t := time.NewTimer(500 * time.Millisecond)
		select {
		case <-ctx.Done():
		case <-t.C:
		}
		t.Stop()
	}
	return nil
}

func (r *Register) watchOnce(ctx context.Context, bucket string) error {
	setup, cancel := context.WithTimeout(ctx, 5*time.Second)
	kv, err := r.bus.Bucket(setup, bucket)
	cancel()
	if err != nil {
		return err
	}
	w, err := kv.WatchAll(ctx)
	if err != nil {
		return fmt.Errorf("watch %s: %w", bucket, err)
	}
	defer func() { _ = w.Stop() }()
	// A wiped store leaves the watcher silent for ever: ask now and then.
	alive := time.NewTicker(5 * time.Second)
	defer alive.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case entry, ok := <-w.Updates():
			if !ok {
				return errors.New("watcher ended")
			}
			if entry == nil || entry.Operation() != jetstream.KeyValuePut {
				continue
			}
			if err := r.takeSession(ctx, entry.Key(), entry.Value()); err != nil {
				return err
			}
		case <-alive.C:
			status, err := kv.Status(ctx)
			if err != nil {
				return fmt.Errorf("bucket %s: %w", bucket, err)
			}
			_ = status
		}
	}
}

func (r *Register) takeSession(ctx context.Context, key string, value []byte) error {
	s, err := session.Parse(value)
	if err != nil {
		r.log.Error("register: broken session entry", zap.Error(err))
		return nil
	}
	r.mu.Lock()
	if known, ok := r.sessions[key]; !ok || known.Version < s.Version {
		r.sessions[key] = s
		close(r.changed)
		r.changed = make(chan struct{})
	}
	r.mu.Unlock()
	return pg.InTx(ctx, r.db, func(tx pg.DB) error {
		return upsert(ctx, tx, record{Kind: kindSession, ID: key, Version: s.Version, Body: string(value)})
	})
}

// Session returns the session of a token's key (session.Key). One that is not
// known yet is looked up in the bucket: a person who has just signed in need
// not wait for the copy.
func (r *Register) Session(ctx context.Context, key string, bucket string) (session.Session, bool) {
	r.mu.RLock()
	s, ok := r.sessions[key]
	r.mu.RUnlock()
	if ok && bucket == bus.Sessions {
		r.seen(key)
	}
	if ok || r.bus == nil || !r.bus.Connected() || !r.misses.allow(r.now()) {
		return s, ok
	}
	ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	kv, err := r.bus.JetStream().KeyValue(ctx, bucket)
	if err != nil {
		return s, false
	}
	entry, err := kv.Get(ctx, key)
	if err != nil {
		return s, false
	}
	if s, err = session.Parse(entry.Value()); err != nil {
		return s, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if known, ok := r.sessions[key]; !ok || known.Version < s.Version {
		r.sessions[key] = s
	}
	return r.sessions[key], true
}

// seen tells the directory that a session is in use, at most every five minutes
// each: it ends those that nobody used for half an hour.
func (r *Register) seen(key string) {
	now := r.now()
	if last, ok := r.used.Load(key); ok && now.Sub(last.(time.Time)) < 5*time.Minute { //nolint:errcheck // only times are stored
		return
	}
	if r.bus == nil || !r.bus.Connected() {
		return
	}
	if err := r.bus.JetStream().Conn().Publish(session.SeenSubject, []byte(key)); err == nil {
		r.used.Store(key, now)
	}
}

// missLimit bounds how often unknown tokens may reach the broker: 200 a second.
type missLimit struct {
	mu     sync.Mutex
	second int64
	n      int
}

func (m *missLimit) allow(now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := now.Unix(); s != m.second {
		m.second, m.n = s, 0
	}
	m.n++
	return m.n <= 200
}
