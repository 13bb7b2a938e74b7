// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"context"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/shared/invariant"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// holds waits until everything is drained, at most 60 s (I8), and then holds the
// four databases against the invariants.
func (w *world) holds(t testing.TB) {
	t.Helper()
	holds(t, w.Demo)
}

func holds(t testing.TB, d standalone.Demo) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	dbs := map[string]pg.DB{}
	for _, name := range serviceNames {
		db, err := pg.Open(d.Database(name), pg.Options{Name: "invariants", MaxConns: 2, Stmt: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		dbs[name] = db
	}
	checks := invariant.System(dbs, 0)
	deadline, tick := time.After(60*time.Second), time.NewTicker(500*time.Millisecond)
	defer tick.Stop()
	for {
		bad := invariant.Run(ctx, checks...)
		if len(bad) == 0 {
			return
		}
		select {
		case <-deadline:
			t.Errorf("the invariants do not hold:\n%s", invariant.Report(bad))
			return
		case <-tick.C:
		}
	}
}
