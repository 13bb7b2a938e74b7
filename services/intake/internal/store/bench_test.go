// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/services/intake/internal/store"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/service"
)

// BenchmarkTake takes reports of 2 kB in from 1, 8 and 64 goroutines at once.
// The test server runs without fsync; make bench measures through HTTP with it.
func BenchmarkTake(b *testing.B) {
	for _, clients := range []int{1, 8, 64} {
		b.Run(fmt.Sprint("clients=", clients), func(b *testing.B) {
			w := newWriter(b)
			var n atomic.Int64
			b.SetParallelism(clients) // times GOMAXPROCS
			b.ResetTimer()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					if _, _, err := w.Take(context.Background(), pending(fmt.Sprint("k", n.Add(1)))); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "reports/s")
		})
	}
}

func newWriter(t testing.TB) *store.Writer {
	t.Helper()
	db, url := devstack.NewDB(t, append(service.Migrations(), store.Migrations)...)
	own, err := pg.Open(url+"&binary_parameters=yes", pg.Options{Name: "writer", MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	w := store.NewWriter(own, store.New(db, nil), zap.NewNop())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = w.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done; _ = own.Close() })
	return w
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func pending(key string) report.Pending {
	hash := sha256.Sum256([]byte(key))
	return report.Pending{
		Report: report.Report{
			ID: event.NewID(), ReceivedAt: noon, Channel: report.API, Verified: true, Reporter: event.Person{ID: "p", Name: "Kim Beispiel"},
			Home: "o", Language: "de", CallbackBy: noon.Add(time.Hour),
			Content: report.Content{
				What: "ransomware", Description: strings.Repeat("Alles ist verschlüsselt. ", 60), NoticedAt: noon, Impact: "high",
				Callback: event.Contact{Name: "Kim Beispiel", Phone: "0152 000 000 00"}, TLP: "AMBER",
			},
			Affected: []report.Body{{Organisation: event.Organisation{ID: "o", AGS: "16071001", Name: "Apolda"}, VisibleTo: "o"}},
		},
		Occasion: report.Occasion{By: actor.Actor{Person: "p", Name: "Kim Beispiel"}, Key: report.Key{Scope: "person p o", Key: key, Hash: hash[:]}},
	}
}
