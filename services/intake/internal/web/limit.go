// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/netip"
	"sync"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Limits are how much one sender may ask for (design §7). Benchmarks and fault
// runs raise them.
type Limits struct {
	ReportsPerMinute   int `env:"REPORTS_PER_MINUTE" envDefault:"600" doc:"reports of one account, and of one organisation"`
	GuestsPerHour      int `env:"GUESTS_PER_HOUR" envDefault:"30" doc:"reports of guests from one network (/32 or /64)"`
	GuestBurst         int `env:"GUEST_BURST" envDefault:"10" doc:"of these at once"`
	AllGuestsPer10Min  int `env:"ALL_GUESTS_PER_10MIN" envDefault:"600" doc:"reports of all guests together"`
	DraftsPerHour      int `env:"DRAFTS_PER_HOUR" envDefault:"60" doc:"new drafts from one network"`
	WrongCodesPerHour  int `env:"WRONG_CODES_PER_HOUR" envDefault:"10" doc:"wrong codes from one network"`
	RequestsPerSecond  int `env:"REQUESTS_PER_SECOND" envDefault:"50" doc:"API requests of one token"`
	AdditionsPerMinute int `env:"ADDITIONS_PER_MINUTE" envDefault:"60" doc:"messages, supplements and files of one account, or of one network"`
}

// Gate counts requests in memory; its size is bounded.
type Gate struct {
	account, organisation, network, guests, drafts, codes, requests, additions *counter
}

// NewGate returns the counters of the limits.
func NewGate(l Limits, now func() time.Time) *Gate {
	c := func(n int, per time.Duration, burst int) *counter {
		return &counter{rate: float64(n) / per.Seconds(), burst: float64(max(burst, 1)), now: now, buckets: map[string]*bucket{}}
	}
	return &Gate{
		account:      c(l.ReportsPerMinute, time.Minute, l.ReportsPerMinute),
		organisation: c(l.ReportsPerMinute, time.Minute, l.ReportsPerMinute),
		network:      c(l.GuestsPerHour, time.Hour, l.GuestBurst),
		guests:       c(l.AllGuestsPer10Min, 10*time.Minute, l.AllGuestsPer10Min),
		drafts:       c(l.DraftsPerHour, time.Hour, l.DraftsPerHour),
		codes:        c(l.WrongCodesPerHour, time.Hour, l.WrongCodesPerHour),
		requests:     c(l.RequestsPerSecond, time.Second, l.RequestsPerSecond),
		additions:    c(l.AdditionsPerMinute, time.Minute, l.AdditionsPerMinute),
	}
}

// report counts a new report: of an account and its organisation, so that a
// provider or a town hall behind one address is not stopped by it; of a guest
// by the network and all guests together.
func (g *Gate) report(by actor.Actor, ip string) error {
	if by.SignedIn() {
		if err := g.account.take(by.Person); err != nil {
			return err
		}
		return g.organisation.take(by.Home())
	}
	if err := g.network.take(network(ip)); err != nil {
		return err
	}
	return g.guests.take("")
}

// addition counts what is added to a report.
func (g *Gate) addition(by actor.Actor, ip string) error {
	if by.SignedIn() {
		return g.additions.take(by.Person)
	}
	return g.additions.take(network(ip))
}

// network is what one sender without an account is known by.
func network(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	a = a.Unmap()
	if a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return ip
	}
	return p.String()
}

type bucket struct {
	left float64
	at   time.Time
}

// counter is a token bucket for each key.
type counter struct {
	rate, burst float64 // tokens a second, and at most
	now         func() time.Time

	mu      sync.Mutex
	buckets map[string]*bucket
}

// maxBuckets bounds the memory: full buckets go first, then any.
const maxBuckets = 20000

// take uses one token, or says when there is one again.
func (c *counter) take(key string) error {
	if wait := c.use(key, 1); wait > 0 {
		return fault.New(fault.Limited, "too many requests").WithRetry(wait)
	}
	return nil
}

// open reports whether a token is left, without using it.
func (c *counter) open(key string) error {
	if wait := c.use(key, 0); wait > 0 {
		return fault.New(fault.Limited, "too many requests").WithRetry(wait)
	}
	return nil
}

func (c *counter) use(key string, n float64) (wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	b := c.buckets[key]
	if b == nil {
		if len(c.buckets) >= maxBuckets {
			c.sweep(now)
		}
		b = &bucket{left: c.burst, at: now}
		c.buckets[key] = b
	}
	if d := now.Sub(b.at); d > 0 {
		b.left = min(c.burst, b.left+d.Seconds()*c.rate)
		b.at = now
	}
	if b.left < 1 {
		return max(time.Second, time.Duration((1-b.left)/c.rate*float64(time.Second)))
	}
	b.left -= n
	return 0
}

func (c *counter) sweep(now time.Time) {
	for k, b := range c.buckets {
		if b.left+now.Sub(b.at).Seconds()*c.rate >= c.burst {
			delete(c.buckets, k)
		}
	}
	for k := range c.buckets {
		if len(c.buckets) < maxBuckets {
			return
		}
		delete(c.buckets, k)
	}
}
