// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/labstack/echo/v4"
	_ "github.com/lib/pq" // the driver "postgres"

	"github.com/thueringencert/leitstelle/shared/event"
)

// bareTables are what the bare program writes to: one index each, its key.
const bareTables = `
DROP TABLE IF EXISTS bare_report, bare_outbox;
CREATE TABLE bare_report (
    id          uuid        PRIMARY KEY,
    received_at timestamptz NOT NULL,
    what        text        NOT NULL,
    impact      text        NOT NULL,
    content     jsonb       NOT NULL
);
CREATE TABLE bare_outbox (
    seq     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id      uuid   NOT NULL,
    subject text   NOT NULL,
    body    text   NOT NULL
);`

// bareReport is the body that the bare program decodes.
type bareReport struct {
	Affected    []string      `json:"affected"`
	What        string        `json:"what"`
	Description string        `json:"description"`
	NoticedAt   time.Time     `json:"noticed_at"`
	Impact      string        `json:"impact"`
	Callback    event.Contact `json:"callback"`
	TLP         string        `json:"tlp"`
	HelpNeeded  []string      `json:"help_needed"`
}

// ServeBare is the program that the intake service is compared with: what one
// writes first with echo, sqlx and lib/pq. It decodes the report, looks whether
// the required fields are there, and commits the report and its event with two
// INSERTs in one transaction; no sign-in, no audit, no idempotency, no relay.
// Its pool has one connection for each client, so nobody waits for one.
func ServeBare(ctx context.Context, databaseURL string, conns int, ready func(addr string)) error {
	db, err := sqlx.ConnectContext(ctx, "postgres", databaseURL)
	if err != nil {
		return fmt.Errorf("bare: %w", err)
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.POST("/reports", func(c echo.Context) error { return takeBare(c, db) }) //nolint:contextcheck // it takes that of the request
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: e, ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	ready(l.Addr().String())
	if err := server.Serve(l); ctx.Err() == nil {
		return err
	}
	return nil
}

func takeBare(c echo.Context, db *sqlx.DB) error {
	var r bareReport
	if err := c.Bind(&r); err != nil {
		return err
	}
	if len(r.Affected) == 0 || r.What == "" || r.Description == "" || r.Impact == "" || r.Callback.Phone == "" || r.NoticedAt.IsZero() {
		return echo.NewHTTPError(http.StatusUnprocessableEntity, "a required field is missing")
	}
	content, err := json.Marshal(r)
	if err != nil {
		return err
	}
	ctx, id, now := c.Request().Context(), uuid.Must(uuid.NewV7()).String(), time.Now().UTC()
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, `INSERT INTO bare_report (id, received_at, what, impact, content) VALUES ($1, $2, $3, $4, $5)`,
		id, now, r.What, r.Impact, string(content)); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO bare_outbox (id, subject, body) VALUES ($1, $2, $3)`,
		uuid.Must(uuid.NewV7()).String(), "report.submitted", string(content)); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, map[string]string{"id": id})
}
