// SPDX-License-Identifier: EUPL-1.2

// Command bench measures the system against bare programs (make bench). It ends
// with one line a figure: NAME VALUE UNIT. A wrong answer fails it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/thueringencert/leitstelle/deployments/standalone/internal/bench"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) > 1 {
		switch args[0] { // hidden: the servers that are measured run as processes of their own
		case "serve-bare":
			conns, err := strconv.Atoi(args[2])
			if err != nil {
				return err
			}
			return bench.ServeBare(bench.UntilParentEnds(ctx), args[1], conns, bench.Ready)
		case "serve-intake":
			return bench.ServeIntake(bench.UntilParentEnds(ctx), args[1], bench.Ready)
		case "serve-system":
			return bench.ServeSystem(bench.UntilParentEnds(ctx), args[1], bench.Ready)
		}
	}
	return measure(ctx, args, out)
}

// parts are the measurements in their order.
var parts = []struct {
	name string
	run  func(ctx context.Context, p bench.Plan, dir string) (bench.Figures, error)
}{
	{"intake", bench.Intake},
	{"stream", bench.Stream},
	{"alert", bench.Alert},
	{"authz", bench.Authz},
	{"import", bench.Import},
	{"signin", bench.SignIn},
}

func measure(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	only := flags.String("only", "", "run one part only: "+names())
	conns := flags.String("conns", "1,8,32,64", "numbers of connections to intake")
	rounds := flags.Int("rounds", 3, "rounds of each comparison")
	round := flags.Duration("round", 3*time.Second, "measured time of a round of intake")
	if err := flags.Parse(args); err != nil {
		return err
	}
	p := bench.Plan{Rounds: *rounds, Warmup: 700 * time.Millisecond, Measure: *round, Out: out}
	for s := range strings.SplitSeq(*conns, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 200 {
			return fmt.Errorf("-conns: %q is not a number from 1 to 200", s)
		}
		p.Conns = append(p.Conns, n)
	}
	dir, err := os.MkdirTemp("", "leitstelle-bench-")
	if err != nil {
		return err
	}
	if err := passable(dir); err != nil {
		return err
	}
	var all bench.Figures
	for _, part := range parts {
		if *only != "" && *only != part.name {
			continue
		}
		_, _ = fmt.Fprintf(out, "== %s\n", part.name)
		sub := filepath.Join(dir, part.name)
		if err = passable(sub); err != nil {
			break
		}
		figures, partErr := part.run(ctx, p, sub)
		if partErr != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", part.name, partErr))
			break
		}
		all = slices.Concat(all, figures)
	}
	if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(out)
	all.Print(out)
	return nil
}

// passable makes a folder that PostgreSQL may walk through: it runs as another
// user when we are root. The folders inside are closed.
func passable(dir string) error {
	return errors.Join(os.MkdirAll(dir, 0o711), os.Chmod(dir, 0o711)) //nolint:gosec // see above
}

func names() string {
	s := make([]string, len(parts))
	for i, p := range parts {
		s[i] = p.name
	}
	return strings.Join(s, ", ")
}
