// SPDX-License-Identifier: EUPL-1.2

package figures

import (
	"strconv"
	"time"

	"github.com/thueringencert/leitstelle/shared/fault"
)

// Rolling is the usual period: the running month and the eleven before it.
const Rolling = "12m"

// back is how many years one may look back: what was reported longer ago is
// deleted by and by (docs/datenschutz.md), and its numbers with it.
const back = 3

// Period is a span of whole months of local time.
type Period struct {
	Key  string // 12m, 2026 or 2026-Q3
	From time.Time
	To   time.Time // the first moment that is not in it
}

// ParsePeriod reads a key; "" is Rolling. What has not begun, or lies further back
// than one may look, is Malformed.
func ParsePeriod(key string, now time.Time, loc *time.Location) (Period, error) {
	now = now.In(loc)
	month := func(y int, m time.Month) time.Time { return time.Date(y, m, 1, 0, 0, 0, 0, loc) }
	if key == "" || key == Rolling {
		return Period{Rolling, month(now.Year(), now.Month()-11), month(now.Year(), now.Month()+1)}, nil
	}
	var p Period
	year, err := 0, error(nil)
	if len(key) >= 4 {
		year, err = strconv.Atoi(key[:4])
	}
	switch {
	case err != nil || year < now.Year()-back || year > now.Year():
	case len(key) == 4:
		p = Period{key, month(year, 1), month(year+1, 1)}
	case len(key) == 7 && key[4:6] == "-Q" && key[6] >= '1' && key[6] <= '4':
		first := time.Month(key[6]-'1')*3 + 1
		p = Period{key, month(year, first), month(year, first+3)}
	}
	if p.Key == "" || p.From.After(now) {
		return Period{}, fault.New(fault.Malformed, "the period is 12m, a year such as %d or a quarter such as %d-Q1, from %d on", now.Year(), now.Year(), now.Year()-back)
	}
	return p, nil
}

// Periods are those that a page offers: the usual one, the running quarter and the
// four before it, the running year and those before it.
func Periods(now time.Time, loc *time.Location) []string {
	now = now.In(loc)
	out := []string{Rolling}
	for i := range 5 {
		at := time.Date(now.Year(), now.Month()-time.Month(3*i), 1, 0, 0, 0, 0, loc)
		out = append(out, strconv.Itoa(at.Year())+"-Q"+strconv.Itoa((int(at.Month())+2)/3))
	}
	for i := range back {
		out = append(out, strconv.Itoa(now.Year()-i))
	}
	return out
}

// Months are the first days of the period's months that have begun.
func (p Period) Months(now time.Time) []time.Time {
	var out []time.Time
	for m := p.From; m.Before(p.To) && !m.After(now); m = m.AddDate(0, 1, 0) {
		out = append(out, m)
	}
	return out
}
