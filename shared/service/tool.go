// SPDX-License-Identifier: EUPL-1.2

package service

import (
	"context"
	"crypto/ed25519"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/inbox"
	"github.com/thueringencert/leitstelle/shared/outbox"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// ToolUsage are the commands that every service's program has beside serving.
const ToolUsage = `Commands for operators, with the same settings:
  audit verify                               check the chain against its checkpoints; exit 1 names the first bad entry
  outbox republish --since 2026-11-22T00:00:00Z   send events again after the broker lost its store
  events dead                                list the events that were given up
`

var errUnknown = errors.New("unknown command\n" + strings.TrimRight(ToolUsage, "\n"))

// Tool runs an operator's command on the service's database, beside the running
// service or without it.
func Tool(ctx context.Context, name string, cfg Config, args []string, out io.Writer) error {
	if len(args) < 2 {
		return errUnknown
	}
	db, err := pg.Open(cfg.DatabaseURL, pg.Options{Name: name + "-tool", MaxConns: 1, Stmt: time.Minute})
	if err != nil {
		return err
	}
	switch strings.Join(args[:2], " ") {
	case "audit verify":
		err = verifyAudit(ctx, name, cfg, db, out)
	case "outbox republish":
		err = republish(ctx, name, db, args[2:], out)
	case "events dead":
		err = deadEvents(ctx, db, out)
	default:
		err = errUnknown
	}
	return errors.Join(err, db.Close())
}

// verifyAudit prints "intake 1234 ok HEAD" or "intake entry 57 bad: WHY".
func verifyAudit(ctx context.Context, name string, cfg Config, db *sqlx.DB, out io.Writer) error {
	key, err := cfg.Key()
	if err != nil {
		return err
	}
	var anchors []audit.Anchor
	if cfg.AnchorDir != "" && key != nil {
		public, _ := key.Public().(ed25519.PublicKey)
		if anchors, err = audit.ReadAnchors(cfg.AnchorDir, name, public); err != nil {
			return err
		}
	}
	r, err := audit.Verify(ctx, db, anchors)
	switch {
	case err != nil:
		return err
	case !r.OK():
		return fmt.Errorf("%s entry %d bad: %s", name, r.Bad, r.Why)
	}
	_, err = fmt.Fprintf(out, "%s %d ok %s (%d checkpoints)\n", name, r.Entries, r.Head, len(anchors))
	return err
}

func republish(ctx context.Context, name string, db *sqlx.DB, args []string, out io.Writer) error {
	f := flag.NewFlagSet("outbox republish", flag.ContinueOnError)
	since := f.String("since", "", "from this instant on, RFC 3339")
	if err := f.Parse(args); err != nil {
		return err
	}
	at, err := time.Parse(time.RFC3339, *since)
	if err != nil {
		return fmt.Errorf("--since: %w", err)
	}
	n, err := outbox.Republish(ctx, db, at)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: %d events go out again\n", name, n)
	return err
}

func deadEvents(ctx context.Context, db *sqlx.DB, out io.Writer) error {
	dead, err := inbox.Buried(ctx, db, 200)
	if err != nil {
		return err
	}
	tw := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(tw, "ID\tAT\tCONSUMER\tEVENT\tSUBJECT\tTRIES\tREASON")
	for _, d := range dead {
		_, _ = fmt.Fprintf(tw, "%d\t%s\t%s\t%s\t%s\t%d\t%.80s\n", d.ID, d.At.UTC().Format(time.RFC3339), d.Consumer, d.EventID, d.Subject, d.Tries, d.Reason)
	}
	return tw.Flush()
}
