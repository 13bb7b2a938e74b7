// SPDX-License-Identifier: EUPL-1.2

package page

import (
	"strings"
	"testing"
	"time"
)

func formats(t *testing.T) (de, en format) {
	t.Helper()
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }
	return format{lang: "de", loc: loc, now: now}, format{lang: "en", loc: loc, now: now}
}

func TestTimesAreBerlinTimes(t *testing.T) {
	t.Parallel()
	de, en := formats(t)
	winter := time.Date(2026, 11, 22, 6, 12, 0, 0, time.UTC)
	summer := time.Date(2026, 7, 1, 22, 30, 0, 0, time.UTC)
	for name, tt := range map[string]struct{ got, want string }{
		"winter":          {de.dt(winter), "22.11.2026, 07:12 Uhr"},
		"summer next day": {de.dt(summer), "02.07.2026, 00:30 Uhr"},
		"english":         {en.dt(winter), "22 Nov 2026, 07:12"},
		"pointer":         {de.clock(&winter), "07:12 Uhr"},
		"nothing":         {de.dt((*time.Time)(nil)), "–"},
		"zero":            {de.date(time.Time{}), "–"},
		"machine":         {de.iso(winter), "2026-11-22T06:12:00Z"},
		"input":           {de.local(winter), "2026-11-22T07:12"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", name, tt.got, tt.want)
		}
	}
}

func TestDistancesAndDeadlines(t *testing.T) {
	t.Parallel()
	de, en := formats(t)
	now := de.now()
	for name, tt := range map[string]struct{ got, want string }{
		"seconds":        {de.distance(now.Add(-30 * time.Second)), "gerade eben"},
		"minutes":        {de.distance(now.Add(-19 * time.Minute)), "vor 19 min"},
		"hours":          {de.distance(now.Add(-132 * time.Minute)), "vor 2:12 h"},
		"over midnight":  {de.distance(now.Add(-16 * time.Hour)), "gestern 21:00"},
		"this year":      {de.distance(now.Add(-11 * 24 * time.Hour)), "11.11. 13:00"},
		"last year":      {en.distance(now.AddDate(-1, 0, 0)), "22 Nov 2025"},
		"left":           {de.duration(now.Add(41 * time.Minute)), "noch 0:41"},
		"over":           {de.duration(now.Add(-12 * time.Minute)), "überfällig seit 0:12"},
		"72 h":           {de.duration(now.Add(72 * time.Hour)), "noch 72:00"},
		"a month":        {en.duration(30 * 24 * time.Hour), "30 d 0 h left"},
		"no deadline":    {de.duration(time.Time{}), "–"},
		"thousands":      {de.num(14200), "14\u202f200"},
		"english number": {en.num(1234567.5), "1,234,567.5"},
		"small":          {de.num(999), "999"},
		"negative":       {de.num(-1000), "−1\u202f000"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", name, tt.got, tt.want)
		}
	}
	if got := string(de.ago(now.Add(-time.Hour))); !strings.Contains(got, `title="22.11.2026, 12:00 Uhr"`) {
		t.Errorf("ago without the absolute time: %s", got)
	}
}

func TestPhoneNumbersAreDialledWithTheCountryCode(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]string{
		"0361 000 00 00": "tel:+493610000000", "+49 (361) 1": "tel:+493611", "0049 361 1": "tel:+493611",
		"tel:+49361": "tel:+49361", "": "", "javascript:alert(1)": "tel:1", "112": "tel:112",
	} {
		if got := string(telOf(written)); got != want {
			t.Errorf("%q is dialled as %q, want %q", written, got, want)
		}
	}
}
