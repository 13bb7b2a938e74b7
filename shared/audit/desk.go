// SPDX-License-Identifier: EUPL-1.2

package audit

import (
	"context"
	"crypto/ed25519"
	"strconv"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// MaxExport is the most entries of one export.
const MaxExport = 10000

// recent is how many entries the check of a page walks. The whole chain is
// checked by the command "audit verify".
const recent = 1000

// Desk is where the chain of one service is read (reliability model §2.4, row
// "audit read"). Each look is an entry of its own.
type Desk struct {
	Service   string
	DB        pg.DB
	AnchorDir string            // "": no checkpoints
	Key       ed25519.PublicKey // of the checkpoints
	Now       func() time.Time
}

// By is who looks, in which request.
type By struct {
	actor.Actor
	Request string
}

// Chain is how the chain stands.
type Chain struct {
	Head    Head
	Anchor  *Anchor // the newest checkpoint
	Checked int64   // how many of the newest entries were checked just now, 0: none
	Bad     int64   // the first bad one, 0: they hold
	Why     string
}

// Wish is what somebody wants to see.
type Wish struct {
	Filter
	Check bool // the newest entries are checked as well
}

// Look returns a page of entries (none without a limit) and how the chain stands.
func (d *Desk) Look(ctx context.Context, by By, w Wish) ([]Row, Chain, error) {
	if !by.May(actor.AuditRead, actor.Object{}).Allowed {
		return nil, Chain{}, fault.New(fault.NotFound, "there is nothing here")
	}
	var rows []Row
	var chain Chain
	err := pg.InTx(ctx, d.DB, func(tx pg.DB) error {
		var err error
		if w.Limit > 0 {
			if rows, err = read(ctx, tx, w.Filter); err != nil {
				return err
			}
		}
		if chain, err = d.chain(ctx, tx, w.Check); err != nil {
			return err
		}
		return d.note(ctx, tx, by, actor.AuditRead, w.Filter, len(rows))
	})
	return rows, chain, err
}

// Export returns the newest entries of the filter, MaxExport at most.
func (d *Desk) Export(ctx context.Context, by By, f Filter) ([]Row, error) {
	if !by.May(actor.AuditExport, actor.Object{}).Allowed {
		return nil, fault.New(fault.NotFound, "there is nothing here")
	}
	f.Before, f.Limit = 0, MaxExport
	var rows []Row
	err := pg.InTx(ctx, d.DB, func(tx pg.DB) error {
		var err error
		if rows, err = read(ctx, tx, f); err != nil {
			return err
		}
		return d.note(ctx, tx, by, actor.AuditExport, f, len(rows))
	})
	return rows, err
}

// anchor is the newest checkpoint, or why there is none to trust.
func (d *Desk) anchor() (*Anchor, string) {
	a, err := LastAnchor(d.AnchorDir, d.Service, d.Key)
	if err != nil {
		return nil, err.Error()
	}
	return a, ""
}

func (d *Desk) chain(ctx context.Context, tx pg.DB, check bool) (c Chain, err error) {
	if c.Head, err = ReadHead(ctx, tx); err != nil {
		return c, err
	}
	if d.AnchorDir != "" && d.Key != nil {
		if c.Anchor, c.Why = d.anchor(); c.Why != "" {
			c.Bad = c.Head.Seq
			return c, nil
		}
	}
	if check {
		c.Checked, c.Bad, c.Why, err = verifyTail(ctx, tx, c.Head, c.Anchor, recent)
	}
	return c, err
}

// note writes down who read the audit and what they asked for, not what they got.
func (d *Desk) note(ctx context.Context, tx pg.DB, by By, action actor.Action, f Filter, rows int) error {
	asked := map[string]string{"rows": strconv.Itoa(rows)}
	add := func(name, value string) {
		if value != "" {
			asked[name] = value
		}
	}
	add("actor", strings.Join(f.Actors, " "))
	add("action", f.Action)
	add("object", f.ObjectID)
	add("organisation", f.Organisation)
	if !f.From.IsZero() {
		add("from", f.From.UTC().Format(time.RFC3339))
	}
	if !f.To.IsZero() {
		add("to", f.To.UTC().Format(time.RFC3339))
	}
	_, err := Append(ctx, tx, Entry{
		At: d.Now(), Action: string(action), ObjectType: "audit", ObjectID: d.Service, RequestID: by.Request, Digests: asked,
	}.By(by.Actor, ""))
	return err
}
