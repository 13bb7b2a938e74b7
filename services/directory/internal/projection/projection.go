// SPDX-License-Identifier: EUPL-1.2

// Package projection tells the other services what the directory's database
// says: sessions and tokens through two key-value buckets, and every record
// again when the stream of the directory is new. PostgreSQL stays the truth;
// whatever the broker lost or missed is put there again.
package projection

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/session"
)

// Store is what the projector reads and marks.
type Store interface {
	UnprojectedSessions(ctx context.Context, at time.Time, all bool) ([]account.Session, error)
	UnprojectedTokens(ctx context.Context, at time.Time, all bool) ([]account.Token, error)
	Projected(ctx context.Context, table, id string, version int64) error
	RepublishIfNew(ctx context.Context, act constituency.Act, made time.Time) (int, error)
	Seen(ctx context.Context, sums [][]byte, at time.Time) error
	EndIdleSessions(ctx context.Context, act constituency.Act, cutoff time.Time) ([]account.Session, error)
	ForgetSessions(ctx context.Context, before time.Time) ([][]byte, error)
}

// Projector keeps the buckets like the database.
type Projector struct {
	Store Store
	Bus   *bus.Bus // nil: nobody listens
	Log   *zap.Logger
	Now   func() time.Time
	Tick  time.Duration // default 1 s

	mu   sync.Mutex
	seen map[string]struct{}  // sums in hex of sessions used since the last flush
	made map[string]time.Time // bucket → when it was made
	up   time.Time            // since when the broker has been reachable
}

// ackWait is how long a person waits for the other services to be told; opWait
// is how long the loop waits for one answer of the broker, which never comes
// when the broker goes away in between.
const (
	ackWait = time.Second
	opWait  = 2 * time.Second
)

// entry is one line of a bucket.
type entry struct {
	table, key, id string
	value          session.Session
}

func sessionEntry(s account.Session) entry {
	return entry{"session", hex.EncodeToString(s.Sum), s.ID, session.Session{
		ID: s.ID, Kind: session.KindPerson, Person: s.Person,
		Version: s.Version, CreatedAt: s.CreatedAt, ExpiresAt: s.ExpiresAt, StepUpAt: &s.StepUpAt, RevokedAt: s.EndedAt,
	}}
}

func tokenEntry(t account.Token) entry {
	return entry{"token", hex.EncodeToString(t.Sum), t.ID, session.Session{
		ID: t.ID, Kind: session.KindToken, Person: t.Person,
		Version: t.Version, CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt, RevokedAt: t.RevokedAt, Plain: !t.StepUp,
	}}
}

// Tell puts what has just been committed into the buckets and waits for that at
// most a second. What fails the loop does again.
func (p *Projector) Tell(ctx context.Context, sessions []account.Session, tokens []account.Token) {
	if p.Bus == nil || !p.Bus.Connected() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ackWait)
	defer cancel()
	entries := map[string][]entry{}
	for _, s := range sessions {
		entries[bus.Sessions] = append(entries[bus.Sessions], sessionEntry(s))
	}
	for _, t := range tokens {
		entries[bus.Tokens] = append(entries[bus.Tokens], tokenEntry(t))
	}
	for bucket, list := range entries {
		if err := p.put(ctx, bucket, list); err != nil {
			p.Log.Info("projection: other services learn it later", zap.String("bucket", bucket), zap.Error(err))
		}
	}
}

func (p *Projector) put(ctx context.Context, bucket string, entries []entry) error {
	if len(entries) == 0 {
		return nil
	}
	kv, err := p.open(ctx, bucket)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := p.putOne(ctx, kv, e); err != nil {
			return err
		}
	}
	return nil
}

func (p *Projector) putOne(ctx context.Context, kv jetstream.KeyValue, e entry) error {
	ctx, cancel := context.WithTimeout(ctx, opWait)
	defer cancel()
	b, err := json.Marshal(e.value)
	if err != nil {
		return fmt.Errorf("encode a session: %w", err)
	}
	if _, err := kv.Put(ctx, e.key, b); err != nil {
		return fmt.Errorf("put into %s: %w", kv.Bucket(), err)
	}
	return p.Store.Projected(ctx, e.table, e.id, e.value.Version)
}

// open returns the bucket and makes one that is gone.
func (p *Projector) open(ctx context.Context, bucket string) (jetstream.KeyValue, error) {
	ctx, cancel := context.WithTimeout(ctx, opWait)
	defer cancel()
	kv, err := p.Bus.JetStream().KeyValue(ctx, bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		kv, err = p.Bus.Bucket(ctx, bucket)
	}
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", bucket, err)
	}
	return kv, nil
}

// Run keeps the buckets and the stream until ctx ends.
func (p *Projector) Run(ctx context.Context) error {
	if p.Bus == nil {
		<-ctx.Done()
		return nil
	}
	stop := p.listen()
	defer stop()
	tick := p.Tick
	if tick == 0 {
		tick = time.Second
	}
	t := time.NewTicker(tick)
	defer t.Stop()
	var round int
	for {
		p.Step(ctx, round)
		round++
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// Step does what is due in a round; a failure is logged and tried again at the next tick.
func (p *Projector) Step(ctx context.Context, round int) {
	if !p.Bus.Connected() {
		p.up = time.Time{}
		return
	}
	if p.up.IsZero() {
		p.up = p.Now()
	}
	steps := []func(context.Context) error{p.republish, p.sessions, p.tokens}
	if round%10 == 0 {
		steps = append(steps, p.flushSeen, p.endIdle)
	}
	if round%3600 == 60 {
		steps = append(steps, p.forget)
	}
	for _, do := range steps {
		if err := do(ctx); err != nil && ctx.Err() == nil {
			p.Log.Warn("projection: tries again", zap.Error(err))
		}
	}
}

func (p *Projector) republish(ctx context.Context) error {
	look, cancel := context.WithTimeout(ctx, opWait)
	defer cancel()
	st, err := p.Bus.JetStream().Stream(look, bus.Directory)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if err = p.Bus.EnsureStreams(look); err == nil {
			st, err = p.Bus.JetStream().Stream(look, bus.Directory)
		}
	}
	if err != nil {
		return fmt.Errorf("look at the stream: %w", err)
	}
	made := st.CachedInfo().Created.UTC().Truncate(time.Microsecond)
	if p.known(bus.Directory, made) {
		return nil
	}
	n, err := p.Store.RepublishIfNew(ctx, constituency.Act{Actor: actor.System("directory"), At: p.now()}, made)
	if err != nil {
		return err
	}
	if n > 0 {
		p.Log.Info("projection: the stream is new, all records go out again", zap.Int("records", n))
	}
	p.remember(bus.Directory, made)
	return nil
}

func (p *Projector) now() time.Time { return p.Now().UTC().Truncate(time.Microsecond) }

func (p *Projector) known(name string, made time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.made[name].Equal(made) && !made.IsZero()
}

func (p *Projector) remember(name string, made time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.made == nil {
		p.made = map[string]time.Time{}
	}
	p.made[name] = made
}

// fresh reports whether the bucket is another one than at the last look, or
// empty: then everything goes in again. At start every bucket is.
func (p *Projector) fresh(ctx context.Context, bucket string) (bool, time.Time, error) {
	kv, err := p.open(ctx, bucket)
	if err != nil {
		return false, time.Time{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, opWait)
	defer cancel()
	status, err := kv.Status(ctx)
	if err != nil {
		return false, time.Time{}, fmt.Errorf("look at bucket %s: %w", bucket, err)
	}
	s, ok := status.(*jetstream.KeyValueBucketStatus)
	if !ok {
		return true, time.Time{}, nil
	}
	made := s.StreamInfo().Created
	return s.Values() == 0 || !p.known(bucket, made), made, nil
}

func (p *Projector) sessions(ctx context.Context) error {
	all, made, err := p.fresh(ctx, bus.Sessions)
	if err != nil {
		return err
	}
	list, err := p.Store.UnprojectedSessions(ctx, p.now(), all)
	if err != nil {
		return err
	}
	entries := make([]entry, 0, len(list))
	for _, s := range list {
		entries = append(entries, sessionEntry(s))
	}
	if err := p.put(ctx, bus.Sessions, entries); err != nil {
		return err
	}
	p.remember(bus.Sessions, made)
	return nil
}

func (p *Projector) tokens(ctx context.Context) error {
	all, made, err := p.fresh(ctx, bus.Tokens)
	if err != nil {
		return err
	}
	list, err := p.Store.UnprojectedTokens(ctx, p.now(), all)
	if err != nil {
		return err
	}
	entries := make([]entry, 0, len(list))
	for _, t := range list {
		entries = append(entries, tokenEntry(t))
	}
	if err := p.put(ctx, bus.Tokens, entries); err != nil {
		return err
	}
	p.remember(bus.Tokens, made)
	return nil
}
