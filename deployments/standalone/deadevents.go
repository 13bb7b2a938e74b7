// SPDX-License-Identifier: EUPL-1.2

package standalone

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/inbox"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// latestOnly begins the subjects of which the broker keeps the newest message.
const latestOnly = "directory."

// DeadEvents lists the events that services gave up, a line each, and sends the
// one with the id retry (0: none) of that service round again. The inbox makes
// that harmless for everybody who has done it already. The page Betrieb has the
// effect without the broker; this is for who has no browser there.
func DeadEvents(ctx context.Context, dir, service string, retry int64, out io.Writer) error {
	url, stop, err := database(ctx, dir)
	if err != nil {
		return err
	}
	tw := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(tw, "SERVICE\tID\tAT\tCONSUMER\tSUBJECT\tTRIES\tREASON")
	for _, name := range serviceNames {
		if service != "" && service != name {
			continue
		}
		if err := deadEventsOf(ctx, dir, url(name), name, retry, tw); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", name, err), stop())
		}
	}
	return errors.Join(tw.Flush(), stop())
}

func deadEventsOf(ctx context.Context, dir, url, name string, retry int64, out io.Writer) error {
	db, err := pg.Open(url, pg.Options{Name: "dead-events", MaxConns: 1})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	dead, err := inbox.Buried(ctx, db, 200)
	if err != nil {
		return err
	}
	for _, d := range dead {
		if retry == 0 {
			_, _ = fmt.Fprintf(out, "%s\t%d\t%s\t%s\t%s\t%d\t%.80s\n", name, d.ID, d.At.UTC().Format(time.RFC3339), d.Consumer, d.Subject, d.Tries, d.Reason)
			continue
		}
		if d.ID != retry {
			continue
		}
		if strings.HasPrefix(d.Subject, latestOnly) {
			return fmt.Errorf("%s is in a stream that keeps the newest of each record, this one would take its place: use the page Betrieb, or republish", d.Subject)
		}
		// Marked first: an event that fails again at once is buried anew.
		if err := noteRetry(ctx, db, d); err != nil {
			return err
		}
		if err := publishAgain(ctx, dir, d); err != nil {
			_, undo := db.ExecContext(ctx, `UPDATE dead_event SET retried_at = NULL, outcome = DEFAULT, note = DEFAULT WHERE id = $1`, d.ID)
			return errors.Join(err, undo)
		}
		_, err := fmt.Fprintf(out, "%s\t%d\tgoes round again\n", name, d.ID)
		return err
	}
	return nil
}

// noteRetry marks a dead event and writes into the service's audit that an
// operator sent it again.
func noteRetry(ctx context.Context, db pg.DB, d inbox.Dead) error {
	return pg.InTx(ctx, db, func(tx pg.DB) error {
		if err := inbox.Retried(ctx, tx, d); err != nil {
			return err
		}
		_, err := audit.Append(ctx, tx, audit.Entry{
			At: time.Now(), Action: string(actor.OperationsRetry), ObjectType: "dead_event", ObjectID: strconv.FormatInt(d.ID, 10),
			Digests: map[string]string{"consumer": d.Consumer, "event": d.EventID, "subject": d.Subject},
		}.By(actor.System("operator"), ""))
		return err
	})
}

// publishAgain sends the stored bytes under a new message id, which the broker
// does not take for a repetition; the event's own id stays.
func publishAgain(ctx context.Context, dir string, d inbox.Dead) error {
	demo, err := ReadDemo(dir)
	if err != nil {
		return fmt.Errorf("an event can be sent again only while the instance runs: %w", err)
	}
	nc, err := nats.Connect(demo.NATS, nats.Timeout(3*time.Second))
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	_, err = js.Publish(ctx, d.Subject, d.Body, jetstream.WithMsgID(fmt.Sprintf("retry-%s-%d-%d", d.Consumer, d.ID, time.Now().UnixNano())))
	return err
}
