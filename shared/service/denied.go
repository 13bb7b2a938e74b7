// SPDX-License-Identifier: EUPL-1.2

package service

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/session"
)

const (
	deniedLimit   = time.Second // the answer is no in any case: it does not wait longer
	deniedPerSec  = 100         // more than that is one who probes, and must not hold up the chain
	longestObject = 200
)

// Denied writes into the audit that somebody signed in asked for what they may
// not (reliability model §2.3 and §2.6). It stands in nobody's way: when it
// cannot be written, the log has it.
func (b *Base) Denied(c echo.Context, action actor.Action, objectType, objectID string) {
	who, now := session.Actor(c), b.Now()
	if !who.SignedIn() {
		return
	}
	id := httpserver.RequestID(c)
	if !b.denials.allow(now) {
		b.Log.Warn("service: many denials, this one is not in the audit", zap.String("actor", who.ID()), zap.String("request_id", id))
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), deniedLimit)
	defer cancel()
	err := pg.InTx(ctx, b.DB, func(tx pg.DB) error {
		_, err := audit.Append(ctx, tx, audit.Entry{
			At: now, Action: string(action), ObjectType: objectType, ObjectID: printable(objectID),
			Result: audit.Denied, RequestID: id,
		}.By(who, ""))
		return err
	})
	if err != nil {
		b.Log.Warn("service: a denial is not in the audit", zap.String("actor", who.ID()), zap.String("request_id", id), zap.Error(err))
	}
}

// printable makes what a client sent fit for the audit.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	return s[:min(len(s), longestObject)]
}

// perSecond allows a number of things a second.
type perSecond struct {
	mu     sync.Mutex
	second int64
	n      int
}

func (p *perSecond) allow(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := now.Unix(); s != p.second {
		p.second, p.n = s, 0
	}
	p.n++
	return p.n <= deniedPerSec
}
