// SPDX-License-Identifier: EUPL-1.2

package service_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/inbox"
	"github.com/thueringencert/leitstelle/shared/outbox"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/service"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func tool(t *testing.T, cfg service.Config, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := service.Tool(t.Context(), "intake", cfg, args, &out)
	return out.String(), err
}

func TestAuditVerifyNamesTheFirstBadEntry(t *testing.T) {
	t.Parallel()
	db, url := devstack.NewDB(t, service.Migrations()...)
	cfg := service.Config{DatabaseURL: url, AnchorDir: t.TempDir(), AnchorKey: strings.Repeat("ab", 32)}
	for range 3 {
		err := pg.InTx(t.Context(), db, func(tx pg.DB) error {
			_, err := audit.Append(t.Context(), tx, audit.Entry{At: noon, Actor: "person:x", Action: "report.create", ObjectType: "report", ObjectID: "1"})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	key, err := cfg.Key()
	if err != nil {
		t.Fatal(err)
	}
	anchor := audit.Checkpointer{DB: db, Service: "intake", Dir: cfg.AnchorDir, Key: key, Log: zap.NewNop(), Now: func() time.Time { return noon }}
	if err := anchor.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := tool(t, cfg, "audit", "verify"); err != nil || !strings.HasPrefix(got, "intake 3 ok ") || !strings.Contains(got, "(1 checkpoints)") {
		t.Fatalf("a whole chain: %q %v", got, err)
	}
	if _, err := db.ExecContext(t.Context(), `SET session_replication_role = replica; UPDATE audit SET actor = 'person:y' WHERE seq = 2`); err != nil {
		t.Fatal(err)
	}
	if _, err := tool(t, cfg, "audit", "verify"); err == nil || !strings.HasPrefix(err.Error(), "intake entry 2 bad: ") {
		t.Errorf("a changed entry: %v", err)
	}
}

func TestRepublishSendsWhatWasSentSince(t *testing.T) {
	t.Parallel()
	db, url := devstack.NewDB(t, service.Migrations()...)
	e := event.New(event.PersonInvited{Person: event.NewID(), Name: "Kim"}, event.Meta{At: noon})
	if err := pg.InTx(t.Context(), db, func(tx pg.DB) error { return outbox.Add(t.Context(), tx, e) }); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), `UPDATE outbox SET published_at = now()`); err != nil {
		t.Fatal(err)
	}
	got, err := tool(t, service.Config{DatabaseURL: url}, "outbox", "republish", "--since", "2020-01-01T00:00:00Z")
	if err != nil || got != "intake: 1 events go out again\n" {
		t.Errorf("%q %v", got, err)
	}
	if _, err := tool(t, service.Config{DatabaseURL: url}, "outbox", "republish"); err == nil {
		t.Error("without --since it sends everything")
	}
}

func TestDeadEventsAreListed(t *testing.T) {
	t.Parallel()
	db, url := devstack.NewDB(t, service.Migrations()...)
	id := event.NewID()
	if err := inbox.Bury(t.Context(), db, inbox.Dead{Consumer: "triage-reports", EventID: id, Subject: "report.submitted.16.071.043", Body: []byte("{}"), Reason: "broken", Tries: 5}); err != nil {
		t.Fatal(err)
	}
	got, err := tool(t, service.Config{DatabaseURL: url}, "events", "dead")
	if err != nil || !strings.Contains(got, id) || !strings.Contains(got, "broken") {
		t.Errorf("%q %v", got, err)
	}
	if _, err := tool(t, service.Config{DatabaseURL: url}, "everything", "delete"); err == nil || !strings.Contains(err.Error(), "audit verify") {
		t.Errorf("an unknown command is not answered with the known ones: %v", err)
	}
}
