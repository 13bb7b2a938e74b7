// SPDX-License-Identifier: EUPL-1.2

package page

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"
)

// format writes numbers and times as the language's readers expect them, in the
// installation's time zone.
type format struct {
	lang string
	loc  *time.Location
	now  func() time.Time
}

// instant accepts what a view may hold: a time, a pointer to one, or nothing.
func instant(v any) (time.Time, bool) {
	switch t := v.(type) {
	case time.Time:
		return t, !t.IsZero()
	case *time.Time:
		if t != nil {
			return *t, !t.IsZero()
		}
	}
	return time.Time{}, false
}

func (f format) with(v any, layoutDE, layoutEN string) string {
	t, ok := instant(v)
	if !ok {
		return "–"
	}
	if f.lang == "en" {
		return t.In(f.loc).Format(layoutEN)
	}
	return t.In(f.loc).Format(layoutDE)
}

// dt is "22.11.2026, 07:12 Uhr".
func (f format) dt(v any) string { return f.with(v, "02.01.2006, 15:04 Uhr", "2 Jan 2006, 15:04") }

// clock is "07:12 Uhr".
func (f format) clock(v any) string { return f.with(v, "15:04 Uhr", "15:04") }

// date is "22.11.2026".
func (f format) date(v any) string { return f.with(v, "02.01.2006", "2 Jan 2006") }

// iso is the time for machines, in UTC.
func (f format) iso(v any) string {
	t, ok := instant(v)
	if !ok {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// local is the value of an <input type="datetime-local">.
func (f format) local(v any) string {
	t, ok := instant(v)
	if !ok {
		return ""
	}
	return t.In(f.loc).Format("2006-01-02T15:04")
}

// when is the absolute time as a <time> element.
func (f format) when(v any) template.HTML { return f.timeTag(v, f.dt(v), "") }

// ago is the distance to now, with the absolute time in the title. Print shows
// the absolute time (leitstelle.css).
func (f format) ago(v any) template.HTML {
	t, ok := instant(v)
	if !ok {
		return "–"
	}
	return f.timeTag(t, f.distance(t), f.dt(t))
}

func (f format) timeTag(v any, text, title string) template.HTML {
	if _, ok := instant(v); !ok {
		return "–"
	}
	attr := ""
	if title != "" {
		attr = ` title="` + template.HTMLEscapeString(title) + `"`
	}
	return template.HTML(`<time datetime="` + f.iso(v) + `"` + attr + `>` + template.HTMLEscapeString(text) + `</time>`) //nolint:gosec // escaped above
}

func (f format) distance(t time.Time) string {
	d := f.now().Sub(t)
	de := f.lang != "en"
	switch {
	case d < 0:
		return f.duration(t)
	case d < time.Minute:
		return pick(de, "gerade eben", "just now")
	case d < time.Hour:
		return fmt.Sprintf(pick(de, "vor %d min", "%d min ago"), int(d.Minutes()))
	}
	now := f.now().In(f.loc)
	at := t.In(f.loc)
	days := int(midnight(now).Sub(midnight(at)).Hours()+12) / 24
	switch {
	case days == 0 || d < 6*time.Hour:
		return fmt.Sprintf(pick(de, "vor %d:%02d h", "%d:%02d h ago"), int(d.Hours()), int(d.Minutes())%60)
	case days == 1:
		return pick(de, "gestern ", "yesterday ") + at.Format("15:04")
	case at.Year() == now.Year():
		return at.Format(pick(de, "02.01. 15:04", "2 Jan 15:04"))
	}
	return at.Format(pick(de, "02.01.2006", "2 Jan 2006"))
}

func midnight(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
}

// duration tells a deadline: "noch 0:41" or "überfällig seit 0:12". A
// time.Duration counts as the time left.
func (f format) duration(v any) string {
	left, ok := f.left(v)
	if !ok {
		return "–"
	}
	if left < 0 {
		return pick(f.lang != "en", "überfällig seit ", "overdue by ") + span(-left)
	}
	if f.lang == "en" {
		return span(left) + " left"
	}
	return "noch " + span(left)
}

func (f format) left(v any) (time.Duration, bool) {
	if d, ok := v.(time.Duration); ok {
		return d, true
	}
	t, ok := instant(v)
	if !ok {
		return 0, false
	}
	return t.Sub(f.now()), true
}

// span is hours and minutes, with days from 100 hours on.
func span(d time.Duration) string {
	m := int(d.Minutes())
	if m >= 100*60 {
		return fmt.Sprintf("%d d %d h", m/(24*60), m/60%24)
	}
	return fmt.Sprintf("%d:%02d", m/60, m%60)
}

// num groups thousands: "14 200" (a narrow no-break space) and "9,8" in German,
// "14,200" and "9.8" in English.
func (f format) num(v any) string {
	var s string
	switch n := v.(type) {
	case int:
		s = strconv.Itoa(n)
	case int64:
		s = strconv.FormatInt(n, 10)
	case int32:
		s = strconv.FormatInt(int64(n), 10)
	case uint64:
		s = strconv.FormatUint(n, 10)
	case float64:
		s = strconv.FormatFloat(n, 'f', -1, 64)
	case float32:
		s = strconv.FormatFloat(float64(n), 'f', -1, 32)
	default:
		return fmt.Sprint(v)
	}
	sep, point := "\u202f", ","
	if f.lang == "en" {
		sep, point = ",", "."
	}
	whole, frac, _ := strings.Cut(s, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "−", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + sep + whole[i:]
	}
	if frac != "" {
		frac = point + frac
	}
	return sign + whole + frac
}

func pick(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}
