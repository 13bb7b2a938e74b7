// SPDX-License-Identifier: EUPL-1.2

package duty_test

import (
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/services/triage/internal/duty"
)

func berlin(t *testing.T, s string) time.Time {
	t.Helper()
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", s, loc)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// Elapsed hours count, not the numbers on the wall: in the night of 25 October
// 2026 the hour from two to three comes twice, on 29 March it is missing.
func TestFirstAnswerRunsElapsedHours(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		received, wantLocal string
		promise             time.Duration
	}{
		"an ordinary morning":              {"2026-11-21 07:12", "2026-11-21 08:12", 0},
		"the hour that comes twice":        {"2026-10-25 01:30", "2026-10-25 02:30", 0},
		"three hours over the long night":  {"2026-10-25 01:30", "2026-10-25 03:30", 3 * time.Hour},
		"the hour that is missing":         {"2026-03-29 01:30", "2026-03-29 03:30", 0},
		"over the turn of the year":        {"2026-12-31 23:40", "2027-01-01 00:40", 0},
		"the promise comes from the rules": {"2026-11-21 07:12", "2026-11-21 07:42", 30 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			received := berlin(t, tt.received)
			c := duty.Rules{FirstAnswer: tt.promise}.Start(received, received)[0]
			if got := c.DueAt.In(received.Location()).Format("2006-01-02 15:04"); got != tt.wantLocal {
				t.Errorf("received %s: due %s, want %s", tt.received, got, tt.wantLocal)
			}
			if c.State != duty.Running || c.DueAt.Location() != time.UTC {
				t.Errorf("clock is %+v, want running and in UTC", c)
			}
		})
	}
}

func TestPrivacyClockIsToBeCheckedAndCountsFromNoticing(t *testing.T) {
	t.Parallel()
	received := berlin(t, "2026-10-25 12:00")
	for name, tt := range map[string]struct {
		noticed time.Time
		want    time.Time
	}{
		"noticed the day before the clock change": {berlin(t, "2026-10-24 12:00"), berlin(t, "2026-10-27 11:00")},
		"not noticed before it was reported":      {received.Add(time.Hour), received.Add(72 * time.Hour)},
		"unknown":                                 {time.Time{}, received.Add(72 * time.Hour)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := duty.Rules{}.Start(received, tt.noticed)[1]
			if c.Rule != duty.Privacy || c.State != duty.ToCheck || !c.DueAt.Equal(tt.want) {
				t.Errorf("clock is %+v due %s, want to_check due %s", c, c.DueAt, tt.want)
			}
		})
	}
}

func TestOnlyRunningClocksOrderTheQueueAndEnd(t *testing.T) {
	t.Parallel()
	received := berlin(t, "2026-11-21 07:12")
	clocks := duty.Rules{}.Start(received, received.Add(-100*time.Hour))
	if next := duty.Next(clocks); next == nil || !next.Equal(received.Add(time.Hour)) {
		t.Fatalf("next is %v, want the first answer", next)
	}
	if got := clocks[0].At(received.Add(61 * time.Minute)); got != duty.Overdue {
		t.Errorf("after 61 minutes it is %s, want overdue", got)
	}
	if got := clocks[0].At(received.Add(time.Hour)); got != duty.Running {
		t.Errorf("at the deadline itself it is %s, want running", got)
	}
	answered := received.Add(10 * time.Minute)
	if !duty.Meet(clocks, duty.FirstAnswer, answered) || duty.Meet(clocks, duty.FirstAnswer, answered.Add(time.Hour)) {
		t.Error("a clock is met once")
	}
	if clocks[0].State != duty.Done || !clocks[0].DoneAt.Equal(answered) {
		t.Errorf("clock is %+v, want done at %s", clocks[0], answered)
	}
	if duty.Waive(clocks, duty.FirstAnswer, answered) {
		t.Error("a met clock cannot be waived")
	}
	if next := duty.Next(clocks); next != nil {
		t.Errorf("next is %v, want none: what has to be checked does not order the queue", next)
	}
}
