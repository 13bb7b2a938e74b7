// SPDX-License-Identifier: EUPL-1.2

package pg

import (
	"context"
	"database/sql/driver"
	"net"
	"sync/atomic"
	"time"

	"github.com/lib/pq"
)

// grace is how long after its deadline a request waits for the server's own
// answer to the cancellation, which says more than a cut connection.
const grace = 100 * time.Millisecond

// dialer gives each read and write of a connection a deadline, since lib/pq
// does not (lib/pq issues 620 and 450).
type dialer struct{ silence time.Duration }

func (d dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

func (d dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

// DialContext implements pq.DialerContext.
func (d dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{Timeout: 3 * time.Second, KeepAlive: 30 * time.Second}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	dc := &deadlineConn{Conn: c, silence: d.silence}
	dc.until(ctx)
	if slot, ok := ctx.Value(slotKey{}).(**deadlineConn); ok {
		*slot = dc
	}
	return dc, nil
}

type slotKey struct{}

// deadlineConn ends a read or write after silence, and at the latest at end.
type deadlineConn struct {
	net.Conn
	silence time.Duration
	end     atomic.Int64 // nanoseconds since 1970; 0: no end
}

// until ends all reads and writes from now on at the deadline of ctx.
func (c *deadlineConn) until(ctx context.Context) {
	var end int64
	if d, ok := ctx.Deadline(); ok {
		end = d.Add(grace).UnixNano()
	}
	c.end.Store(end)
}

func (c *deadlineConn) next() time.Time {
	t := time.Now().Add(c.silence)
	if end := c.end.Load(); end != 0 && end < t.UnixNano() {
		return time.Unix(0, end)
	}
	return t
}

func (c *deadlineConn) Read(b []byte) (int, error) {
	if err := c.Conn.SetReadDeadline(c.next()); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

func (c *deadlineConn) Write(b []byte) (int, error) {
	if err := c.Conn.SetWriteDeadline(c.next()); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// SetDeadline is how lib/pq bounds the whole sign-in (connect_timeout); without
// this the deadline of each single read would undo it. An earlier end, of who
// waits for the connection, stays.
func (c *deadlineConn) SetDeadline(t time.Time) error {
	end := c.end.Load()
	switch {
	case t.IsZero():
		c.end.Store(0)
	case end == 0 || t.UnixNano() < end:
		c.end.Store(t.UnixNano())
	}
	return nil
}

// bounded makes connections whose statements end with their context also when
// the server says nothing at all: lib/pq only asks such a server to cancel, and
// waits (F6).
type bounded struct{ *pq.Connector }

// Connect implements driver.Connector.
func (b bounded) Connect(ctx context.Context) (driver.Conn, error) {
	var wire *deadlineConn
	c, err := b.Connector.Connect(context.WithValue(ctx, slotKey{}, &wire))
	if err != nil {
		return nil, err
	}
	inner, ok := c.(pqConn)
	if !ok || wire == nil {
		return c, nil // still bounded by the silence
	}
	return &conn{pqConn: inner, wire: wire}, nil
}

// pqConn is what a connection of lib/pq can do and database/sql asks for.
type pqConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
	driver.NamedValueChecker
}

type conn struct {
	pqConn
	wire *deadlineConn
}

func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	c.wire.until(ctx)
	tx, err := c.pqConn.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return boundedTx{Tx: tx, begin: c.wire.end.Load(), wire: c.wire}, nil
}

func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.wire.until(ctx)
	return c.pqConn.ExecContext(ctx, query, args)
}

func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.wire.until(ctx)
	return c.pqConn.QueryContext(ctx, query, args)
}

// PrepareContext bounds the preparation only: the statement lives on, and each
// use of it is bounded by its own context.
func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	c.wire.until(ctx)
	defer c.wire.end.Store(0)
	s, err := c.pqConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	inner, ok := s.(pqStmt)
	if !ok {
		return s, nil // still bounded by the silence
	}
	return stmt{pqStmt: inner, wire: c.wire}, nil
}

// pqStmt is what a prepared statement of lib/pq can do and database/sql asks for.
type pqStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type stmt struct {
	pqStmt
	wire *deadlineConn
}

func (s stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	s.wire.until(ctx)
	return s.pqStmt.ExecContext(ctx, args)
}

func (s stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.wire.until(ctx)
	return s.pqStmt.QueryContext(ctx, args)
}

func (c *conn) Ping(ctx context.Context) error {
	c.wire.until(ctx)
	return c.pqConn.Ping(ctx)
}

// Close says goodbye to the server: the last statement's deadline, long past on
// an idle connection, does not count for it.
func (c *conn) Close() error {
	c.wire.end.Store(0)
	return c.pqConn.Close()
}

// boundedTx ends with the context that began it, whatever the statements had.
type boundedTx struct {
	driver.Tx
	begin int64
	wire  *deadlineConn
}

func (t boundedTx) Commit() error {
	t.wire.end.Store(t.begin)
	return t.Tx.Commit()
}

func (t boundedTx) Rollback() error {
	t.wire.end.Store(t.begin)
	return t.Tx.Rollback()
}
