// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/netip"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/throttle"
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
	AdditionsPerMinute int `env:"ADDITIONS_PER_MINUTE" envDefault:"60" doc:"messages, supplements and files of one account, or of one network"`
}

// Gate counts requests in memory; its size is bounded.
type Gate struct {
	account, organisation, network, guests, drafts, codes, additions *throttle.Counter
}

// NewGate returns the counters of the limits.
func NewGate(l Limits, now func() time.Time) *Gate {
	c := func(n int, per time.Duration, burst int) *throttle.Counter { return throttle.New(n, per, burst, now) }
	return &Gate{
		account:      c(l.ReportsPerMinute, time.Minute, l.ReportsPerMinute),
		organisation: c(l.ReportsPerMinute, time.Minute, l.ReportsPerMinute),
		network:      c(l.GuestsPerHour, time.Hour, l.GuestBurst),
		guests:       c(l.AllGuestsPer10Min, 10*time.Minute, l.AllGuestsPer10Min),
		drafts:       c(l.DraftsPerHour, time.Hour, l.DraftsPerHour),
		codes:        c(l.WrongCodesPerHour, time.Hour, l.WrongCodesPerHour),
		additions:    c(l.AdditionsPerMinute, time.Minute, l.AdditionsPerMinute),
	}
}

// report counts a new report: of an account and its organisation, so that a
// provider or a town hall behind one address is not stopped by it; of a guest
// by the network and all guests together.
func (g *Gate) report(by actor.Actor, ip string) error {
	if by.SignedIn() {
		if err := g.account.Take(by.Person); err != nil {
			return err
		}
		return g.organisation.Take(by.Home())
	}
	if err := g.network.Take(network(ip)); err != nil {
		return err
	}
	return g.guests.Take("")
}

// addition counts what is added to a report.
func (g *Gate) addition(by actor.Actor, ip string) error {
	if by.SignedIn() {
		return g.additions.Take(by.Person)
	}
	return g.additions.Take(network(ip))
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
