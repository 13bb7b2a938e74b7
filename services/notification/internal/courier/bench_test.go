// SPDX-License-Identifier: EUPL-1.2

package courier_test

import (
	"fmt"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/wneessen/go-mail"
)

// BenchmarkAlert compares 2,000 deliveries with their records to a bare loop of
// go-mail over the same number of connections into the same sink.
func BenchmarkAlert(b *testing.B) {
	const n, conns = 2000, 4
	for b.Loop() {
		t := setup(b)
		t.say(n, "a.example")
		began := time.Now()
		if tried, err := t.Drain(b.Context()); err != nil || tried != n {
			b.Fatalf("tried %d, %v", tried, err)
		}
		own := time.Since(began)
		t.sink.Clear()
		began = time.Now()
		bare(b, t.sink.Addr(), n, conns)
		raw := time.Since(began)
		if got := len(t.sink.Messages("")); got != n {
			b.Fatalf("the bare loop sent %d", got)
		}
		b.ReportMetric(raw.Seconds()/own.Seconds(), "ratio")
		b.ReportMetric(n/own.Seconds(), "mails/s")
	}
}

func bare(b *testing.B, addr string, n, conns int) {
	b.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		b.Fatal(err)
	}
	p, err := strconv.Atoi(port)
	if err != nil {
		b.Fatal(err)
	}
	var wg sync.WaitGroup
	for c := range conns {
		wg.Go(func() {
			client, err := mail.NewClient(host, mail.WithPort(p), mail.WithTLSPolicy(mail.NoTLS), mail.WithHELO("localhost"))
			if err != nil {
				b.Error(err)
				return
			}
			if err := client.DialWithContext(b.Context()); err != nil {
				b.Error(err)
				return
			}
			defer func() { _ = client.Close() }()
			for i := c; i < n; i += conns {
				m := mail.NewMsg()
				if err := m.From("lagezentrum@cert.example"); err != nil {
					b.Error(err)
				}
				if err := m.To(fmt.Sprintf("p%04d@a.example", i)); err != nil {
					b.Error(err)
				}
				m.Subject("Prüfung")
				m.SetBodyString(mail.TypeTextPlain, "Guten Tag\n")
				if err := client.Send(m); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
