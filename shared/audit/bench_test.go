// SPDX-License-Identifier: EUPL-1.2

package audit_test

import (
	"fmt"
	"testing"

	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/pg"
)

func BenchmarkVerify(b *testing.B) {
	db, _ := devstack.NewDB(b, audit.Migrations)
	const n = 20000
	entries := make([]audit.Entry, 1000)
	for i := range entries {
		entries[i] = entry(fmt.Sprint(i))
	}
	for range n / len(entries) {
		if err := pg.InTx(b.Context(), db, func(tx pg.DB) error {
			_, err := audit.Append(b.Context(), tx, entries...)
			return err
		}); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if r, err := audit.Verify(b.Context(), db, nil); err != nil || !r.OK() {
			b.Fatal(r, err)
		}
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "entries/s")
}
