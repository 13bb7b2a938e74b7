// SPDX-License-Identifier: EUPL-1.2

// Package duty holds the clocks of a case: which duty a rule puts on it, since
// when it runs and until when. It counts elapsed hours in UTC, so that a night
// with a clock change is neither longer nor shorter; the page shows local time.
// It does not know cases.
package duty

import "time"

// The rules of the first issue (design §7, "Clocks of the first issue").
const (
	FirstAnswer = "TH-ACK"   // the CERT's own promise: an answer or a call-back
	Privacy     = "DSGVO-33" // notice to the data protection authority, Art. 33 DSGVO
)

// PrivacyHours is the time Art. 33 (1) DSGVO gives the controller.
const PrivacyHours = 72 * time.Hour

// State is what is known about a clock. Overdue is not stored: it follows from
// the time of asking (At).
type State string

// The states (domain page §3). ToCheck is the safe default while a fact is
// unknown: a duty is never silently off.
const (
	ToCheck State = "to_check"
	Running State = "running"
	Overdue State = "overdue"
	Done    State = "done"
	Waived  State = "waived"
)

// Clock is one duty of one case.
type Clock struct {
	Rule    string     `json:"rule"`
	State   State      `json:"state"`
	StartAt *time.Time `json:"start_at,omitempty"`
	DueAt   *time.Time `json:"due_at,omitempty"`
	DoneAt  *time.Time `json:"done_at,omitempty"`
}

// Rules are the configured durations. The zero value promises an answer within
// an hour.
type Rules struct {
	FirstAnswer time.Duration
}

// Start returns the clocks of a new case: the first answer runs from the moment
// the report was received; Art. 33 has to be checked, its time counted from when
// the body noticed, the earliest moment that it can have known.
func (r Rules) Start(receivedAt, noticedAt time.Time) []Clock {
	answer := r.FirstAnswer
	if answer <= 0 {
		answer = time.Hour
	}
	if noticedAt.IsZero() || noticedAt.After(receivedAt) {
		noticedAt = receivedAt
	}
	return []Clock{
		{Rule: FirstAnswer, State: Running, StartAt: at(receivedAt), DueAt: at(receivedAt.Add(answer))},
		{Rule: Privacy, State: ToCheck, StartAt: at(noticedAt), DueAt: at(noticedAt.Add(PrivacyHours))},
	}
}

// Meet marks a running clock of the rule as done at t and reports whether it ran.
func Meet(clocks []Clock, rule string, t time.Time) bool { return end(clocks, rule, Done, t) }

// Waive ends a running clock that nothing can meet any more, such as the first
// answer to a case that was closed as a duplicate.
func Waive(clocks []Clock, rule string, t time.Time) bool { return end(clocks, rule, Waived, t) }

func end(clocks []Clock, rule string, s State, t time.Time) bool {
	for i := range clocks {
		if c := &clocks[i]; c.Rule == rule && c.State == Running {
			c.State, c.DoneAt = s, at(t)
			return true
		}
	}
	return false
}

// Next is the earliest deadline of the clocks that run, nil when none does. A
// clock that has to be checked first does not order the queue.
func Next(clocks []Clock) *time.Time {
	var next *time.Time
	for _, c := range clocks {
		if c.State == Running && c.DueAt != nil && (next == nil || c.DueAt.Before(*next)) {
			next = c.DueAt
		}
	}
	return next
}

// At is the clock's state at now: a running clock past its deadline is overdue.
func (c Clock) At(now time.Time) State {
	if c.State == Running && c.DueAt != nil && now.After(*c.DueAt) {
		return Overdue
	}
	return c.State
}

func at(t time.Time) *time.Time {
	t = t.UTC()
	return &t
}
