// SPDX-License-Identifier: EUPL-1.2

package pg

import (
	"context"
	"database/sql/driver"
	"fmt"
	"net/url"

	"github.com/jmoiron/sqlx"

	"github.com/thueringencert/leitstelle/shared/fault"
)

// OpenReader returns a pool that reads on behalf of people: a login of its own
// (readerURL), or the service's login in the given role. The role owns nothing,
// changes nothing and is bound by row-level security; outside As it sees no rows
// (docs/adr/0012). Each connection proves that before it is used: a pooler may
// drop the start-up parameter that sets the role, and then everything would be
// visible.
func OpenReader(databaseURL, readerURL, role string, o Options) (*sqlx.DB, error) {
	if readerURL == "" {
		u, err := url.Parse(databaseURL)
		if err != nil {
			return nil, fmt.Errorf("database url: %w", err)
		}
		q := u.Query()
		q.Set("role", role)
		u.RawQuery = q.Encode()
		readerURL = u.String()
	}
	return open(readerURL, o, func(b bounded) driver.Connector { return reading{b, role} })
}

// whoReads tells who a connection reads as, and what would let it past the
// policies. $1 is the role that they are made for.
const whoReads = `
SELECT r.rolname::text, r.rolsuper, r.rolbypassrls,
	EXISTS (SELECT 1 FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND pg_has_role(current_user, c.relowner, 'USAGE')) AS owner,
	coalesce((SELECT pg_has_role(current_user, x.oid, 'USAGE') FROM pg_roles x WHERE x.rolname = $1), false) AS member
FROM pg_roles r WHERE r.rolname = current_user`

// reader is what whoReads answers.
type reader struct {
	Name   string `db:"rolname"`
	Super  bool   `db:"rolsuper"`
	Bypass bool   `db:"rolbypassrls"`
	Owner  bool   `db:"owner"`
	Member bool   `db:"member"`
}

// bound answers nil when row-level security binds the reader, else why not.
func (r reader) bound(role string) error {
	why := ""
	switch {
	case r.Super:
		why = "is a superuser"
	case r.Bypass:
		why = "has BYPASSRLS"
	case r.Owner:
		why = "owns the tables"
	case !r.Member:
		why = "is not in the role " + role
	default:
		return nil
	}
	return fault.New(fault.Unavailable, "what people see is read as %q, who %s: row-level security does not bind it. "+
		"Give the service a READER_URL of its own (docs/operations.md, Logins)", r.Name, why)
}

// CheckReader answers nil when what the pool reads is bound by row-level
// security, else an Unavailable that says why not.
func CheckReader(ctx context.Context, people *sqlx.DB, role string) error {
	var r reader
	if err := people.GetContext(ctx, &r, whoReads, role); err != nil {
		return err
	}
	return r.bound(role)
}

// reading makes connections that row-level security binds, and no others.
type reading struct {
	bounded
	role string
}

// Connect implements driver.Connector.
func (x reading) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := x.bounded.Connect(ctx)
	if err != nil {
		return nil, err
	}
	r, err := x.ask(ctx, c)
	if err == nil {
		err = r.bound(x.role)
	}
	if err != nil {
		_ = c.Close() // the reason counts
		return nil, err
	}
	return c, nil
}

func (x reading) ask(ctx context.Context, c driver.Conn) (reader, error) {
	var r reader
	q, ok := c.(driver.QueryerContext)
	if !ok {
		return r, fmt.Errorf("ask who reads: %T asks nothing", c)
	}
	rows, err := q.QueryContext(ctx, whoReads, []driver.NamedValue{{Ordinal: 1, Value: x.role}})
	if err != nil {
		return r, fmt.Errorf("ask who reads: %w", err)
	}
	defer func() { _ = rows.Close() }()
	v := make([]driver.Value, 5)
	if err := rows.Next(v); err != nil {
		return r, fmt.Errorf("ask who reads: %w", err)
	}
	switch name := v[0].(type) {
	case string:
		r.Name = name
	case []byte:
		r.Name = string(name)
	}
	for i, to := range []*bool{&r.Super, &r.Bypass, &r.Owner, &r.Member} {
		yes, known := v[i+1].(bool)
		if !known {
			return r, fmt.Errorf("ask who reads: %v is no answer", v[i+1])
		}
		*to = yes
	}
	return r, nil
}
