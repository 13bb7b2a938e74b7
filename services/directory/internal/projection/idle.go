// SPDX-License-Identifier: EUPL-1.2

package projection

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/directory/internal/account"
	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/session"
)

// Touch notes that a session was used.
func (p *Projector) Touch(key string) {
	if len(key) != 64 || strings.Trim(key, "0123456789abcdef") != "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen == nil {
		p.seen = map[string]struct{}{}
	}
	if len(p.seen) < 100_000 {
		p.seen[key] = struct{}{}
	}
}

func (p *Projector) listen() func() {
	sub, err := p.Bus.JetStream().Conn().Subscribe(session.SeenSubject, func(m *nats.Msg) { p.Touch(string(m.Data)) })
	if err != nil {
		p.Log.Warn("projection: cannot learn which sessions are used", zap.Error(err))
		return func() {}
	}
	return func() { _ = sub.Unsubscribe() }
}

func (p *Projector) flushSeen(ctx context.Context) error {
	p.mu.Lock()
	seen := p.seen
	p.seen = nil
	p.mu.Unlock()
	if len(seen) == 0 {
		return nil
	}
	sums := make([][]byte, 0, len(seen))
	for key := range seen {
		if sum, err := hex.DecodeString(key); err == nil {
			sums = append(sums, sum)
		}
	}
	return p.Store.Seen(ctx, sums, p.now())
}

// endIdle ends sessions that nobody used for half an hour. While the broker was
// away other services could not say that a session was used; so the half hour
// starts anew when it is back.
func (p *Projector) endIdle(ctx context.Context) error {
	now := p.now()
	if now.Sub(p.up) < account.Idle {
		return nil
	}
	ended, err := p.Store.EndIdleSessions(ctx, constituency.Act{Actor: actor.System("directory"), At: now}, now.Add(-account.Idle))
	if err != nil {
		return err
	}
	p.Tell(ctx, ended, nil)
	return nil
}

// forget takes sessions that expired a day ago out of the database and the bucket.
func (p *Projector) forget(ctx context.Context) error {
	sums, err := p.Store.ForgetSessions(ctx, p.now().AddDate(0, 0, -1))
	if err != nil || len(sums) == 0 {
		return err
	}
	kv, err := p.Bus.Bucket(ctx, bus.Sessions)
	if err != nil {
		return err
	}
	for _, sum := range sums {
		if err := kv.Purge(ctx, hex.EncodeToString(sum)); err != nil {
			return fmt.Errorf("forget a session: %w", err)
		}
	}
	return nil
}
