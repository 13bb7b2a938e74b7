// SPDX-License-Identifier: EUPL-1.2

// Package pg opens PostgreSQL the way this system needs it and runs
// transactions. lib/pq repeats a statement after a lost reply when it stands
// outside a transaction, and does not watch the deadline of a silent server:
// therefore every write runs in InTx and every connection has deadlines of its
// own (docs/adr/0003).
package pg

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// DB is what a store works on: the pool, or a transaction that somebody else opened.
type DB interface {
	sqlx.ExtContext
	GetContext(ctx context.Context, dest any, query string, args ...any) error
	SelectContext(ctx context.Context, dest any, query string, args ...any) error
	NamedExecContext(ctx context.Context, query string, arg any) (sql.Result, error)
}

// Options of a pool; the zero value is good.
type Options struct {
	Name     string        // application_name
	MaxConns int           // default 20
	Stmt     time.Duration // statement_timeout, default 5 s
	Lock     time.Duration // lock_timeout, default 2 s
	Silence  time.Duration // the longest a server may say nothing, default 8 s
}

func (o Options) withDefaults() Options {
	if o.MaxConns == 0 {
		o.MaxConns = 20
	}
	if o.Stmt == 0 {
		o.Stmt = 5 * time.Second
	}
	if o.Lock == 0 {
		o.Lock = 2 * time.Second
	}
	if o.Silence == 0 {
		o.Silence = o.Stmt + 3*time.Second
	}
	return o
}

// Open returns a pool for a postgres:// URL. It does not connect yet: a service
// starts while its database is still down.
func Open(rawURL string, o Options) (*sqlx.DB, error) {
	return open(rawURL, o, func(b bounded) driver.Connector { return b })
}

func open(rawURL string, o Options, by func(bounded) driver.Connector) (*sqlx.DB, error) {
	o = o.withDefaults()
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("database url: %w", err)
	}
	q := u.Query()
	for key, value := range map[string]string{
		"application_name":                    o.Name,
		"timezone":                            "UTC",
		"statement_timeout":                   ms(o.Stmt),
		"lock_timeout":                        ms(o.Lock),
		"idle_in_transaction_session_timeout": "10000",
		"connect_timeout":                     "3",
		// One round trip a statement instead of two. Texts go as texts; a []byte
		// goes as it is, so it fits a bytea only: JSON is passed as a string.
		"binary_parameters": "yes",
	} {
		if value != "" && !q.Has(key) {
			q.Set(key, value)
		}
	}
	if !q.Has("sslmode") {
		q.Set("sslmode", "disable")
		if h := u.Hostname(); h != "" && h != "localhost" && !net.ParseIP(h).IsLoopback() {
			q.Set("sslmode", "verify-full")
		}
	}
	u.RawQuery = q.Encode()
	connector, err := pq.NewConnector(u.String())
	if err != nil {
		return nil, fmt.Errorf("database url: %w", err)
	}
	connector.Dialer(dialer{silence: o.Silence})
	db := sqlx.NewDb(sql.OpenDB(by(bounded{connector})), "postgres")
	db.SetMaxOpenConns(o.MaxConns)
	db.SetMaxIdleConns(o.MaxConns)
	db.SetConnMaxLifetime(5 * time.Minute)
	return db, nil
}

func ms(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }

// ListenURL is rawURL with what a LISTEN connection needs: no statement
// deadlines, and TLS rules as in Open.
func ListenURL(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return rawURL
	}
	q := u.Query()
	if !q.Has("sslmode") {
		q.Set("sslmode", "disable")
		if h := u.Hostname(); h != "" && h != "localhost" && !net.ParseIP(h).IsLoopback() {
			q.Set("sslmode", "verify-full")
		}
	}
	q.Set("connect_timeout", "3")
	u.RawQuery = q.Encode()
	return u.String()
}
