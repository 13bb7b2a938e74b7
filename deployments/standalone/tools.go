// SPDX-License-Identifier: EUPL-1.2

package standalone

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/directory"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/outbox"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/service"
)

// ErrFailed is the end of a command that has already said what is wrong.
type ErrFailed struct{ What string }

func (e ErrFailed) Error() string { return e.What }

// serviceNames are the services and their databases.
var serviceNames = []string{"directory", "intake", "triage", "notification"}

// database returns a function that gives the URL of a service's database in a
// data folder: of the running instance, or of its PostgreSQL started for this
// command. The second function ends what was started.
func database(ctx context.Context, dir string) (func(service string) string, func() error, error) {
	if dir == "" {
		return nil, nil, errors.New("--data DIR is needed")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, nil, err
	}
	if d, err := ReadDemo(dir); err == nil && alive(ctx, d.Database("intake")) {
		return d.Database, func() error { return nil }, nil
	}
	k, err := loadKeys(filepath.Join(dir, "keys"))
	if err != nil {
		return nil, nil, err
	}
	p, err := devstack.StartPostgres(ctx, devstack.PostgresOptions{Dir: filepath.Join(dir, "postgres"), Durable: true, Password: k.Postgres})
	if err != nil {
		return nil, nil, err
	}
	for _, name := range serviceNames {
		if err := p.CreateDatabase(ctx, name); err != nil {
			return nil, nil, errors.Join(err, p.Stop())
		}
	}
	return p.URL, p.Stop, nil
}

func alive(ctx context.Context, url string) bool {
	db, err := pg.Open(url, pg.Options{Name: "leitstelle-tool", MaxConns: 1})
	if err != nil {
		return false
	}
	defer func() { _ = db.Close() }()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return db.PingContext(ctx) == nil
}

// VerifyAudit checks every service's chain against its checkpoints and prints a
// line each: "intake 1234 ok HEAD" or "intake entry 57 bad: WHY". Bad: ErrFailed.
func VerifyAudit(ctx context.Context, dir string, out io.Writer) error {
	url, stop, err := database(ctx, dir)
	if err != nil {
		return err
	}
	k, err := loadKeys(filepath.Join(dir, "keys"))
	if err != nil {
		return errors.Join(err, stop())
	}
	seed, err := hex.DecodeString(k.Anchor)
	if err != nil || len(seed) != ed25519.SeedSize {
		return errors.Join(errors.New("the anchor key is broken"), stop())
	}
	public, _ := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
	var bad []string
	for _, name := range serviceNames {
		line, ok, err := verify(ctx, url(name), name, filepath.Join(dir, "anchors"), public)
		if err != nil {
			return errors.Join(fmt.Errorf("%s: %w", name, err), stop())
		}
		_, _ = fmt.Fprintln(out, line)
		if !ok {
			bad = append(bad, name)
		}
	}
	if err := stop(); err != nil {
		return err
	}
	if len(bad) > 0 {
		return ErrFailed{"bad audit: " + strings.Join(bad, ", ")}
	}
	return nil
}

func verify(ctx context.Context, url, name, anchors string, key ed25519.PublicKey) (string, bool, error) {
	db, err := pg.Open(url, pg.Options{Name: "audit-verify", MaxConns: 1, Stmt: time.Minute})
	if err != nil {
		return "", false, err
	}
	defer func() { _ = db.Close() }()
	known, err := audit.ReadAnchors(anchors, name, key)
	if err != nil {
		return fmt.Sprintf("%s checkpoints bad: %v", name, err), false, nil
	}
	r, err := audit.Verify(ctx, db, known)
	if err != nil {
		return "", false, err
	}
	if !r.OK() {
		return fmt.Sprintf("%s entry %d bad: %s", name, r.Bad, r.Why), false, nil
	}
	return fmt.Sprintf("%s %d ok %s", name, r.Entries, r.Head), true, nil
}

// Republish marks a service's events since t as unsent; the running service (or
// the next start) sends them again under the same ids.
func Republish(ctx context.Context, dir, service string, since time.Time, out io.Writer) error {
	if !slices.Contains(serviceNames, service) {
		return fmt.Errorf("--service is one of %s", strings.Join(serviceNames, ", "))
	}
	url, stop, err := database(ctx, dir)
	if err != nil {
		return err
	}
	db, err := pg.Open(url(service), pg.Options{Name: "outbox-republish", MaxConns: 1, Stmt: time.Minute})
	if err != nil {
		return errors.Join(err, stop())
	}
	n, err := outbox.Republish(ctx, db, since)
	if err == nil {
		_, _ = fmt.Fprintf(out, "%s: %d events go out again\n", service, n)
	}
	return errors.Join(err, db.Close(), stop())
}

// NewPerson is whom CreatePerson adds.
type NewPerson struct {
	Name, Email  string
	Role         actor.Role
	Organisation string // AGS or key
}

// CreatePerson adds a person and prints what they sign in with, once. The other
// services hear of them at the next start, or at once when an instance runs.
func CreatePerson(ctx context.Context, dir string, p NewPerson, out io.Writer) error {
	return withDirectory(ctx, dir, func(d *directory.Service) error {
		if _, err := d.LoadRegister(ctx); err != nil {
			return err
		}
		loaded, err := d.LoadPeople(ctx, []directory.Person{{
			Name: p.Name, Email: p.Email,
			Memberships: []directory.Membership{{Organisation: p.Organisation, Role: p.Role}},
		}})
		if err != nil {
			return err
		}
		if loaded[0].Known {
			return fmt.Errorf("%s is there already", p.Email)
		}
		_, err = fmt.Fprintf(out, "%s\n  password     %s\n  TOTP secret  %s\n", p.Email, loaded[0].Password, loaded[0].TOTPSecret)
		return err
	})
}

// ImportRegister shows what a GV100AD file would change, and changes it when
// apply is set.
func ImportRegister(ctx context.Context, dir, file string, apply bool, out io.Writer) error {
	return withDirectory(ctx, dir, func(d *directory.Service) error {
		b, err := os.ReadFile(file) //nolint:gosec // the operator names the file
		if err != nil {
			return err
		}
		diff, err := d.RegisterDiff(ctx, bytes.NewReader(b))
		if err != nil {
			return err
		}
		if err := printDifferences(out, diff); err != nil || !apply {
			return err
		}
		_, err = d.RegisterApply(ctx, bytes.NewReader(b), diff.Hash)
		return err
	})
}

// withDirectory opens the directory on a data folder for one command. Its
// events wait in the outbox for the running instance or the next start.
func withDirectory(ctx context.Context, dir string, do func(*directory.Service) error) (err error) {
	url, stop, err := database(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	k, err := loadKeys(filepath.Join(dir, "keys"))
	if err != nil {
		return err
	}
	b, err := bus.Connect(bus.Config{URL: nats.DefaultURL}, "leitstelle-tool", zap.NewNop())
	if err != nil {
		return err
	}
	defer b.Close()
	d, err := directory.New(ctx, directory.Config{Config: service.Config{DatabaseURL: url("directory"), Site: Site()}, Key: k.Secrets},
		service.Deps{Bus: b})
	if err != nil {
		return err
	}
	return errors.Join(do(d), d.Close())
}

func printDifferences(out io.Writer, d directory.Differences) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Gebietsstand %s: %d new, %d changed, %d gone, %d as before\n", d.Stand, len(d.Added), len(d.Changed), len(d.Gone), d.Unchanged)
	for _, x := range d.Added {
		fmt.Fprintf(&b, "  + %v\n", x)
	}
	for _, x := range d.Changed {
		fmt.Fprintf(&b, "  ~ %v\n", x)
	}
	for _, x := range d.Gone {
		fmt.Fprintf(&b, "  - %v\n", x)
	}
	_, err := io.WriteString(out, b.String())
	return err
}
