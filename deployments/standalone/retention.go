// SPDX-License-Identifier: EUPL-1.2

package standalone

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/thueringencert/leitstelle/services/directory"
	"github.com/thueringencert/leitstelle/services/intake"
	"github.com/thueringencert/leitstelle/services/notification"
	"github.com/thueringencert/leitstelle/services/triage"
	"github.com/thueringencert/leitstelle/shared/blob"
	"github.com/thueringencert/leitstelle/shared/config"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/retention"
)

// OwnRetention are the rules of a service's own tables. files is where
// attachments lie; nil is enough to read and to count.
func OwnRetention(service string, files *blob.Store) []retention.Rule {
	switch service {
	case "directory":
		return directory.Retention()
	case "intake":
		return intake.Retention(files)
	case "triage":
		return triage.Retention(files)
	case "notification":
		return notification.Retention()
	}
	return nil
}

// Retention is what CountRetention is asked.
type Retention struct {
	Data      string            // folder of a standalone instance, or
	Databases map[string]string // the URL of some services' databases, with
	Environ   []string          // the settings NAME_RETENTION_KEEP of those services
}

// PrintRetention lists the rules of every service with the periods they have
// unless NAME_RETENTION_KEEP says otherwise.
func PrintRetention(out io.Writer) error {
	tw := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(tw, "SERVICE\tCLASS\tDAYS\tDELETED\tDATA")
	for _, name := range serviceNames {
		for _, r := range append(OwnRetention(name, nil), retention.Shared()...) {
			_, _ = fmt.Fprintf(tw, "%s\t%s\t%d\t%s\t%s\n", name, r.Class, int(r.Keep/retention.Day), consent(r), r.Title.EN)
		}
	}
	return tw.Flush()
}

func consent(r retention.Rule) string {
	if r.Auto {
		return "by itself"
	}
	return "by two people"
}

// CountRetention prints what would be deleted now, a line each class: the dry
// run of the pages. Nothing changes.
func CountRetention(ctx context.Context, o Retention, out io.Writer) (err error) {
	for name := range o.Databases {
		if !slices.Contains(serviceNames, name) {
			return fmt.Errorf("there is no service %q", name)
		}
	}
	if len(o.Databases) > 0 && o.Data != "" {
		return errors.New("--data or --database, not both")
	}
	url, environ := func(service string) string { return o.Databases[service] }, o.Environ
	if len(o.Databases) == 0 {
		var stop func() error
		if url, stop, err = database(ctx, o.Data); err != nil {
			return err
		}
		environ = nil // the instance of a folder does not read it either
		defer func() { err = errors.Join(err, stop()) }()
	}
	tw := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(tw, "SERVICE\tCLASS\tDUE\tHELD\tCUT-OFF\tOLDEST\tSTATE")
	for _, name := range serviceNames {
		if url(name) == "" {
			continue
		}
		var cfg retention.Config
		if err := config.Load(&cfg, strings.ToUpper(name)+"_RETENTION_", environ); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		err := withRules(name, url(name), cfg, nil, func(d *retention.Desk) error {
			lines, err := d.Count(ctx)
			for _, l := range lines {
				_, _ = fmt.Fprintf(tw, "%s\t%s\t%d\t%d\t%s\t%s\t%s\n", name, l.Class, l.Due, l.Held, date(&l.Cutoff), date(l.Oldest), standing(l))
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return tw.Flush()
}

func date(at *time.Time) string {
	if at == nil {
		return "-"
	}
	return at.UTC().Format(time.DateOnly)
}

// standing says what a deletion waits for.
func standing(l retention.Line) string {
	switch {
	case l.Auto:
		return "by itself"
	case l.Open == nil:
		return "not proposed"
	case l.Open.State == retention.Agreed:
		return "released"
	}
	return "waits for a second person"
}

// RunRetention deletes in a data folder what the services would delete at their
// next hour: what two people released, and what needs no release. It may run
// beside the instance.
func RunRetention(ctx context.Context, dir string, out io.Writer) (err error) {
	url, stop, err := database(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	files, err := blob.Open(ctx, blob.Config{URL: attachments(dir)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, files.Close()) }()
	for _, name := range serviceNames {
		err := withRules(name, url(name), retention.Config{Mode: retention.Approved}, files, func(d *retention.Desk) error {
			gone, err := d.Sweep(ctx)
			for _, g := range gone {
				if g.Count > 0 {
					_, _ = fmt.Fprintf(out, "%s %s: %d deleted\n", name, g.Class, g.Count)
				}
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(out, "done")
	return err
}

func withRules(name, url string, cfg retention.Config, files *blob.Store, do func(*retention.Desk) error) error {
	db, err := pg.Open(url, pg.Options{Name: "retention", MaxConns: 1, Stmt: time.Minute})
	if err != nil {
		return err
	}
	d, err := retention.NewDesk(name, db, cfg, time.Now, append(OwnRetention(name, files), retention.Shared()...))
	if err == nil {
		err = do(d)
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
