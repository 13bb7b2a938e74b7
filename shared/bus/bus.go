// SPDX-License-Identifier: EUPL-1.2

// Package bus is the only place that knows JetStream: connect, the table of
// streams, publish for the outbox relay, consume with its rules for
// acknowledging, and the key-value buckets of sessions.
package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/shared/outbox"
)

// Names of the streams.
const (
	Directory = "DIRECTORY"
	Reports   = "REPORTS"
	Cases     = "CASES"
	Alerts    = "ALERTS"
)

// Names of the key-value buckets.
const (
	Sessions = "sessions"
	Tokens   = "tokens"
)

// streams is what every service creates at start and nobody ever deletes. The
// broker drops a repeated message id within Duplicates; after that the inbox does.
var streams = []jetstream.StreamConfig{
	{Name: Directory, Subjects: []string{"directory.>"}, MaxMsgsPerSubject: 1, AllowMsgTTL: true},
	{Name: Reports, Subjects: []string{"report.>"}, MaxAge: 30 * 24 * time.Hour},
	{Name: Cases, Subjects: []string{"case.>"}, MaxAge: 30 * 24 * time.Hour},
	{Name: Alerts, Subjects: []string{"alert.>", "poll.>", "delivery.>"}, MaxAge: 30 * 24 * time.Hour},
}

// keep is how long the broker keeps what asks for a mail: as long as a report.
const keep = 30 * 24 * time.Hour

// asked are the subjects among the directory's records that ask for a mail, once:
// they name a person and no later record of the person takes their place.
var asked = []string{"directory.person.invited.", "directory.notice.wanted."}

// options of a message on its way out.
func options(m outbox.Message) []jetstream.PublishOpt {
	out := []jetstream.PublishOpt{jetstream.WithMsgID(m.ID)}
	if slices.ContainsFunc(asked, func(s string) bool { return strings.HasPrefix(m.Subject, s) }) {
		out = append(out, jetstream.WithMsgTTL(keep))
	}
	return out
}

// publishTimeout is how long a message waits for its acknowledgement before it
// is published again, with the same id.
const publishTimeout = 5 * time.Second

// Config of the connection.
type Config struct {
	URL      string `env:"NATS_URL" envDefault:"nats://127.0.0.1:4222" doc:"address of the broker, with user and password"`
	Replicas int    `env:"NATS_REPLICAS" envDefault:"1" doc:"copies of each stream: 3 where the broker has three hosts"`
}

// Bus is a connection to JetStream. It reconnects for ever; while the broker is
// away the outbox keeps what is to be sent.
type Bus struct {
	nc       *nats.Conn
	js       jetstream.JetStream
	replicas int
	log      *zap.Logger
	away     *atomic.Pointer[time.Time] // since when the broker is away; nil while it is there
}

// Connect opens the connection. It does not wait for the broker: a service
// starts while the broker is down.
func Connect(cfg Config, name string, log *zap.Logger, more ...nats.Option) (*Bus, error) {
	away := new(atomic.Pointer[time.Time])
	gone := func() { now := time.Now(); away.CompareAndSwap(nil, &now) }
	back := func(*nats.Conn) { away.Store(nil); log.Info("bus: connected") }
	gone() // until it answers the first time
	opts := append([]nats.Option{
		nats.Name(name), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond), nats.ReconnectJitter(100*time.Millisecond, time.Second),
		nats.ReconnectBufSize(-1), // never buffer: the outbox is the buffer
		nats.Timeout(2 * time.Second),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			gone()
			if err != nil { // nil: we closed it ourselves
				log.Warn("bus: disconnected", zap.Error(err))
			}
		}),
		nats.ConnectHandler(back), nats.ReconnectHandler(back),
	}, more...)
	nc, err := nats.Connect(cfg.URL, opts...)
	if err != nil {
		return nil, fmt.Errorf("connect to the broker: %w", err)
	}
	// Without a timeout a publish that the broker never answers (a full disk)
	// would stay pending for ever, and 512 of them stop all others.
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(512), jetstream.WithPublishAsyncTimeout(publishTimeout))
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("connect to JetStream: %w", err)
	}
	if nc.IsConnected() {
		away.Store(nil)
	}
	return &Bus{nc: nc, js: js, replicas: max(1, cfg.Replicas), log: log, away: away}, nil
}

// Close ends the connection.
func (b *Bus) Close() { b.nc.Close() }

// Connected reports whether the broker can be reached at the moment.
func (b *Bus) Connected() bool { return b.nc.IsConnected() }

// Away says since when the broker cannot be reached, the zero time while it can:
// what others send arrives later (failure model F14).
func (b *Bus) Away() time.Time {
	if b == nil {
		return time.Time{} // a tool that has no broker
	}
	if t := b.away.Load(); t != nil && !b.nc.IsConnected() {
		return *t
	}
	return time.Time{}
}

// JetStream gives tests and tools the raw interface.
func (b *Bus) JetStream() jetstream.JetStream { return b.js }

// EnsureStreams creates or updates all streams. A stream is never deleted.
func (b *Bus) EnsureStreams(ctx context.Context) error {
	for _, s := range streams {
		if err := b.ensure(ctx, s.Name); err != nil {
			return err
		}
	}
	return nil
}

func (b *Bus) ensure(ctx context.Context, name string) error {
	for _, s := range streams {
		if s.Name != name {
			continue
		}
		s.Storage, s.Retention, s.Replicas = jetstream.FileStorage, jetstream.LimitsPolicy, b.replicas
		s.Duplicates, s.Discard = 10*time.Minute, jetstream.DiscardOld
		if err := b.make(ctx, s); err != nil {
			return fmt.Errorf("stream %s: %w", name, err)
		}
		return nil
	}
	return fmt.Errorf("no stream is named %s", name)
}

// make creates a stream, or updates it when it differs. Every service asks at
// each connect, and nats-server 2.15 is not safe against an update while another
// connection makes a consumer: an update that changes nothing is not sent.
func (b *Bus) make(ctx context.Context, want jetstream.StreamConfig) error {
	s, err := b.js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		_, err = b.js.CreateStream(ctx, want) // the same again is no error
		return err
	}
	if err != nil {
		return err
	}
	is := s.CachedInfo().Config
	if slices.Equal(is.Subjects, want.Subjects) && is.Storage == want.Storage && is.Retention == want.Retention && is.Replicas == want.Replicas &&
		is.Duplicates == want.Duplicates && is.Discard == want.Discard && is.MaxAge == want.MaxAge && is.AllowMsgTTL == want.AllowMsgTTL &&
		max(is.MaxMsgsPerSubject, 0) == want.MaxMsgsPerSubject {
		return nil
	}
	_, err = b.js.UpdateStream(ctx, want)
	return err
}

// Publish hands outbox rows to JetStream with their ids as message ids and
// returns which were acknowledged. A stream that is gone is created again.
func (b *Bus) Publish(ctx context.Context, messages []outbox.Message) ([]int64, error) {
	if !b.nc.IsConnected() {
		return nil, nats.ErrDisconnected
	}
	futures := make([]jetstream.PubAckFuture, 0, len(messages))
	for _, m := range messages {
		f, err := b.js.PublishMsgAsync(&nats.Msg{Subject: m.Subject, Data: []byte(m.Body), Header: nats.Header{}}, options(m)...)
		if err != nil {
			break
		}
		futures = append(futures, f)
	}
	var done []int64
	var firstErr error
	for i, f := range futures {
		select {
		case <-f.Ok():
			done = append(done, messages[i].Seq)
		case err := <-f.Err():
			firstErr = errors.Join(firstErr, err)
		case <-ctx.Done():
			return done, errors.Join(firstErr, ctx.Err())
		}
	}
	if errors.Is(firstErr, nats.ErrNoResponders) || errors.Is(firstErr, jetstream.ErrNoStreamResponse) {
		if err := b.EnsureStreams(ctx); err != nil {
			return done, errors.Join(firstErr, err)
		}
	}
	if firstErr == nil && len(done) < len(messages) {
		firstErr = errors.New("not all messages could be handed over")
	}
	return done, firstErr
}

// Bucket opens or creates a key-value bucket.
func (b *Bus) Bucket(ctx context.Context, name string) (jetstream.KeyValue, error) {
	want := jetstream.KeyValueConfig{Bucket: name, Storage: jetstream.FileStorage, Replicas: b.replicas, History: 1}
	kv, err := b.js.KeyValue(ctx, name)
	if err == nil {
		var status jetstream.KeyValueStatus
		if status, err = kv.Status(ctx); err == nil && status.Config().Replicas == want.Replicas && status.History() == 1 {
			return kv, nil // as in make: no update that changes nothing
		}
	}
	if err == nil || errors.Is(err, jetstream.ErrBucketNotFound) {
		kv, err = b.js.CreateOrUpdateKeyValue(ctx, want)
	}
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", name, err)
	}
	return kv, nil
}
