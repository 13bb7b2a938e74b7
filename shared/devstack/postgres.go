// SPDX-License-Identifier: EUPL-1.2

// Package devstack starts the real parts that tests and the standalone program
// need: a private PostgreSQL from the installed binaries and an embedded NATS
// server. Production services never import it.
package devstack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jmoiron/sqlx"
	_ "github.com/lib/pq" // the driver "postgres"
)

// PostgresOptions of a private cluster.
type PostgresOptions struct {
	Dir      string // data folder; made when it is missing
	Durable  bool   // fsync as in production; else fast and lossy, for tests
	Password string // for connections over TCP on loopback; empty: unix socket only
	Port     int    // 0: a free one
	Discard  string // a folder that goes when the server ends, also when this process is killed; no Crash then
}

// Postgres is a running private cluster of the superuser "leitstelle".
type Postgres struct {
	opts   PostgresOptions
	bin    string
	socket string
	cmd    *exec.Cmd
	lifeln io.WriteCloser
	log    *bytes.Buffer
}

// FindPostgres returns the folder of the installed server's programs.
func FindPostgres() (string, error) {
	if dir := os.Getenv("PG_BIN"); dir != "" {
		return dir, nil
	}
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.SortFunc(dirs, func(a, b string) int { return version(b) - version(a) })
	if path, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(real))
		}
	}
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err == nil {
			return dir, nil
		}
	}
	return "", errors.New("PostgreSQL 15 or newer is not installed (Debian: apt-get install postgresql)")
}

func version(dir string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
	return n
}

// StartPostgres makes the cluster when its folder is empty and starts it. Since
// PostgreSQL refuses root, root starts it as postgres or nobody.
func StartPostgres(ctx context.Context, o PostgresOptions) (*Postgres, error) {
	bin, err := FindPostgres()
	if err != nil {
		return nil, err
	}
	p := &Postgres{opts: o, bin: bin, log: &bytes.Buffer{}}
	if p.socket, err = Folder("lst-pg-"); err != nil {
		return nil, err
	}
	if err := p.own(p.socket); err != nil {
		return nil, err
	}
	if o.Discard != "" {
		if err := p.own(o.Discard); err != nil {
			return nil, err
		}
	}
	if err := p.init(ctx); err != nil {
		return nil, err
	}
	if err := p.waitForOld(ctx); err != nil {
		return nil, err
	}
	return p, p.start(ctx)
}

func (p *Postgres) init(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(p.opts.Dir, "PG_VERSION")); err == nil {
		return p.own(p.opts.Dir)
	}
	if err := os.MkdirAll(p.opts.Dir, 0o700); err != nil {
		return err
	}
	if err := p.own(p.opts.Dir); err != nil {
		return err
	}
	args := []string{
		"-D", p.opts.Dir, "-U", "leitstelle", "--auth-local=trust", "--auth-host=scram-sha-256",
		"--locale=C.UTF-8", "--encoding=UTF8",
	}
	if p.opts.Durable {
		args = append(args, "--data-checksums")
	} else {
		args = append(args, "--no-sync")
	}
	cmd := p.command(ctx, "initdb", args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

// waitForOld gives a server that lost its parent the time to stop.
func (p *Postgres) waitForOld(ctx context.Context) error {
	deadline := time.Now().Add(15 * time.Second)
	for {
		b, err := os.ReadFile(filepath.Join(p.opts.Dir, "postmaster.pid"))
		if err != nil {
			return nil //nolint:nilerr // no file: nobody runs
		}
		first, _, _ := strings.Cut(string(b), "\n")
		pid, err := strconv.Atoi(first)
		if err != nil || syscall.Kill(pid, 0) != nil {
			return os.Remove(filepath.Join(p.opts.Dir, "postmaster.pid"))
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("another PostgreSQL (process %d) uses %s", pid, p.opts.Dir)
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

func (p *Postgres) start(ctx context.Context) error {
	if p.opts.Password != "" && p.opts.Port == 0 {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		p.opts.Port = l.Addr().(*net.TCPAddr).Port
		if err := l.Close(); err != nil {
			return err
		}
	}
	args := []string{
		"-D", p.opts.Dir, "-k", p.socket, "-c", "max_connections=300", "-c", "timezone=UTC",
		"-c", "log_min_messages=warning", "-c", "shared_buffers=128MB", "-c", "listen_addresses=",
	}
	if p.opts.Password != "" {
		args = append(args, "-c", "listen_addresses=127.0.0.1", "-p", strconv.Itoa(p.opts.Port))
	}
	if !p.opts.Durable {
		args = append(args, "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off")
	}
	// The shell holds the other end of a pipe: when this process dies in any
	// way, cat ends and the server is stopped, so that none is left behind.
	script := `discard=$1; socket=$2; shift 2; "$@" & pid=$!; cat >/dev/null; kill -INT $pid; wait $pid`
	if p.opts.Discard != "" {
		script += `; rm -rf -- "$discard" "$socket"`
	}
	cmd := p.command(context.WithoutCancel(ctx), "sh", append([]string{"-c", script, "sh", p.opts.Discard, p.socket, filepath.Join(p.bin, "postgres")}, args...)...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = p.log, p.log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	p.cmd, p.lifeln = cmd, stdin
	return p.ready(ctx)
}

func (p *Postgres) ready(ctx context.Context) error {
	db, err := sqlx.Open("postgres", p.SocketURL("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	for deadline := time.Now().Add(30 * time.Second); ; {
		if err = db.PingContext(ctx); err == nil {
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("PostgreSQL does not answer: %w\n%s", err, p.log)
		}
		if err := sleep(ctx, 30*time.Millisecond); err != nil {
			return err
		}
	}
	if p.opts.Password != "" {
		_, err = db.ExecContext(ctx, fmt.Sprintf(`ALTER ROLE leitstelle PASSWORD '%s'`, strings.ReplaceAll(p.opts.Password, "'", "''")))
	}
	return err
}

// URL of a database: over TCP with the password when there is one, else over
// the unix socket.
func (p *Postgres) URL(database string) string {
	u := url.URL{Scheme: "postgres", Path: "/" + database, User: url.User("leitstelle")}
	if p.opts.Password == "" {
		return p.SocketURL(database)
	}
	u.User, u.Host = url.UserPassword("leitstelle", p.opts.Password), net.JoinHostPort("127.0.0.1", strconv.Itoa(p.opts.Port))
	return u.String() + "?sslmode=disable"
}

// SocketURL of a database over the unix socket.
func (p *Postgres) SocketURL(database string) string {
	q := url.Values{"host": {p.socket}, "sslmode": {"disable"}}
	if p.opts.Port != 0 {
		q.Set("port", strconv.Itoa(p.opts.Port))
	}
	return "postgres://leitstelle@/" + database + "?" + q.Encode()
}

// Socket is the path of the unix socket, for a proxy in front of it.
func (p *Postgres) Socket() string {
	port := p.opts.Port
	if port == 0 {
		port = 5432
	}
	return filepath.Join(p.socket, ".s.PGSQL."+strconv.Itoa(port))
}

// CreateDatabase makes a database when it is missing.
func (p *Postgres) CreateDatabase(ctx context.Context, name string) error {
	db, err := sqlx.Open("postgres", p.SocketURL("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	var there bool
	if err := db.GetContext(ctx, &there, `SELECT exists(SELECT FROM pg_database WHERE datname = $1)`, name); err != nil || there {
		return err
	}
	_, err = db.ExecContext(ctx, `CREATE DATABASE `+name)
	return err
}

// Crash stops the server at once, as a power cut of the process would
// (pg_ctl -m immediate); Restart brings it back.
func (p *Postgres) Crash(ctx context.Context) error {
	cmd := p.command(ctx, filepath.Join(p.bin, "pg_ctl"), "-D", p.opts.Dir, "-m", "immediate", "stop")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("pg_ctl stop: %w\n%s", err, out)
	}
	_ = p.lifeln.Close()
	_ = p.cmd.Wait()
	return nil
}

// Restart starts a crashed server again on the same socket and port.
func (p *Postgres) Restart(ctx context.Context) error {
	if err := p.waitForOld(ctx); err != nil {
		return err
	}
	return p.start(ctx)
}

// Signal sends a signal to every process of the server, to stall it (SIGSTOP)
// and let it go on (SIGCONT).
func (p *Postgres) Signal(s syscall.Signal) error { return syscall.Kill(-p.cmd.Process.Pid, s) }

// Stop ends the server cleanly and removes its socket folder.
func (p *Postgres) Stop() error {
	if p.cmd == nil {
		return nil
	}
	_ = p.lifeln.Close()
	err := p.cmd.Wait()
	p.cmd = nil
	if _, ok := errors.AsType[*exec.ExitError](err); ok {
		err = nil // the shell reports the server's own way to end
	}
	return errors.Join(err, RemoveFolder(p.socket))
}

// command runs a program of the server as a user the server accepts.
func (p *Postgres) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	if !strings.Contains(name, "/") && name != "sh" {
		name = filepath.Join(p.bin, name)
	}
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // the installed server's own programs
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/tmp", "LC_ALL=C.UTF-8", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if uid, gid, ok := serverUser(); ok {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	}
	return cmd
}

// own gives a folder to the server's user, and lets it reach it.
func (p *Postgres) own(dir string) error {
	uid, gid, ok := serverUser()
	if !ok {
		return nil
	}
	return os.Chown(dir, int(uid), int(gid))
}

func serverUser() (uid, gid uint32, needed bool) {
	if os.Geteuid() != 0 {
		return 0, 0, false
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		a, errA := strconv.ParseUint(u.Uid, 10, 32)
		b, errB := strconv.ParseUint(u.Gid, 10, 32)
		if errA == nil && errB == nil {
			return uint32(a), uint32(b), true
		}
	}
	return 65534, 65534, true
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
