// SPDX-License-Identifier: EUPL-1.2

package register

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/lib/pq"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/runner"
	"github.com/thueringencert/leitstelle/shared/session"
)

// Run keeps the copy until ctx ends: events and buckets into the table, changes
// of the table (also by other replicas) into memory.
func (r *Register) Run(ctx context.Context) error {
	return runner.Run(ctx,
		r.listen,
		func(ctx context.Context) error { return r.bus.Consume(ctx, r.Consumer()) },
		func(ctx context.Context) error { return r.watch(ctx, bus.Sessions) },
		func(ctx context.Context) error { return r.watch(ctx, bus.Tokens) },
		r.forget,
	)
}

// Consumer is the durable reader of the directory's records.
func (r *Register) Consumer() bus.Consumer {
	return bus.Consumer{
		Name: r.service + "-register", Stream: bus.Directory, DB: r.db, Handle: Store,
		Subjects: []string{"directory.organisation.changed.>", "directory.person.changed.>", "directory.mandate.changed.>"},
	}
}

// Store writes one directory event into the table; an older version than the
// stored one does nothing. What cannot be read is Invalid: it never gets in.
func Store(ctx context.Context, tx pg.DB, e event.Event) error {
	switch e.Type {
	case event.OrganisationChanged{}.Type():
		return store[event.OrganisationChanged](ctx, tx, kindOrganisation, e)
	case event.PersonChanged{}.Type():
		return store[event.PersonChanged](ctx, tx, kindPerson, e)
	case event.MandateChanged{}.Type():
		return store[event.MandateChanged](ctx, tx, kindMandate, e)
	}
	return nil
}

func store[T event.Payload](ctx context.Context, tx pg.DB, kind string, e event.Event) error {
	p, err := event.Decode[T](e)
	if err != nil {
		return err
	}
	id, version := p.Key()
	if id == "" || id != e.SubjectID {
		return fault.New(fault.Invalid, "event %s is about %q, its data about %q", e.ID, e.SubjectID, id)
	}
	return upsert(ctx, tx, record{Kind: kind, ID: id, Version: int64(version), Body: string(e.Data)})
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
	r.put(rows)
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
	made, err := madeAt(ctx, kv)
	if err != nil {
		return err
	}
	// A wiped store leaves the watcher silent for ever, also when somebody else
	// made the bucket anew: ask now and then whether it is still the same.
	alive := time.NewTicker(aliveEvery)
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
			now, err := madeAt(ctx, kv)
			if err != nil {
				return err
			}
			if !now.Equal(made) {
				return fmt.Errorf("bucket %s was made anew", bucket)
			}
		}
	}
}

const aliveEvery = 2 * time.Second

// madeAt is when the bucket's stream was made: another time is another bucket.
func madeAt(ctx context.Context, kv jetstream.KeyValue) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	status, err := kv.Status(ctx)
	if err != nil {
		return time.Time{}, fmt.Errorf("bucket %s: %w", kv.Bucket(), err)
	}
	if s, ok := status.(*jetstream.KeyValueBucketStatus); ok {
		return s.StreamInfo().Created, nil
	}
	return time.Time{}, nil
}

func (r *Register) takeSession(ctx context.Context, key string, value []byte) error {
	s, err := session.Parse(value)
	if err != nil {
		r.log.Error("register: broken session entry", zap.Error(err))
		return nil
	}
	if r.now().After(s.ExpiresAt.Add(keepExpired)) {
		return nil // a new watch shows all there ever were
	}
	r.mu.Lock()
	if r.putSession(key, s) {
		r.announce()
	}
	r.mu.Unlock()
	return pg.InTx(ctx, r.db, func(tx pg.DB) error {
		return upsert(ctx, tx, record{Kind: kindSession, ID: key, Version: s.Version, Body: string(value)})
	})
}

// keepExpired is how long an expired session stays: for clocks that differ.
const keepExpired = 24 * time.Hour

// forget drops sessions that expired long ago, now and every hour.
func (r *Register) forget(ctx context.Context) error {
	t := time.NewTicker(time.Hour)
	defer t.Stop()
	for {
		if err := r.drop(ctx, r.now().Add(-keepExpired)); err != nil && ctx.Err() == nil {
			r.log.Warn("register: cannot forget old sessions", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

func (r *Register) drop(ctx context.Context, before time.Time) error {
	err := pg.InTx(ctx, r.db, func(tx pg.DB) error {
		_, err := tx.ExecContext(ctx, `
			DELETE FROM register_record WHERE kind = $1 AND (body::jsonb ->> 'expires_at')::timestamptz < $2`, kindSession, before)
		return err
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.sessions, func(_ string, s session.Session) bool { return s.ExpiresAt.Before(before) })
	return err
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
	r.putSession(key, s)
	return r.sessions[key], true
}

// seen tells the directory that a session is in use, at most every five minutes
// each: it ends those that nobody used for half an hour.
func (r *Register) seen(key string) {
	now := r.now()
	if last, ok := r.used.Load(key); ok && now.Sub(last.(time.Time)) < 5*time.Minute {
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
