// SPDX-License-Identifier: EUPL-1.2

package casefile

import (
	"slices"

	"github.com/thueringencert/leitstelle/shared/fault"
)

// State is where the work on a case stands (design §7).
type State string

// The states. The five between New and Resolved are "open".
const (
	New        State = "new"
	Assessing  State = "assessing"
	Working    State = "working"
	Waiting    State = "waiting"
	Contained  State = "contained"
	Recovering State = "recovering"
	Resolved   State = "resolved"
	Closed     State = "closed"
	Merged     State = "merged"
)

// States lists all states in the order of the work.
func States() []State {
	return []State{New, Assessing, Working, Waiting, Contained, Recovering, Resolved, Closed, Merged}
}

// open are the states in which somebody works on the case.
var open = []State{Assessing, Working, Waiting, Contained, Recovering}

// moves is the state machine of design §7: new → open; open ↔ open; open →
// resolved; new, open, resolved → closed or merged; resolved, closed → working.
// The way back from merged is the undo of a merge, not a move.
var moves = map[State][]State{
	New:        append([]State{Closed, Merged}, open...),
	Assessing:  append([]State{Resolved, Closed, Merged}, open...),
	Working:    append([]State{Resolved, Closed, Merged}, open...),
	Waiting:    append([]State{Resolved, Closed, Merged}, open...),
	Contained:  append([]State{Resolved, Closed, Merged}, open...),
	Recovering: append([]State{Resolved, Closed, Merged}, open...),
	Resolved:   {Closed, Merged, Working},
	Closed:     {Working},
	Merged:     nil,
}

// Open reports whether somebody works on a case in this state.
func (s State) Open() bool { return slices.Contains(open, s) }

// Ended reports whether no more work is expected.
func (s State) Ended() bool { return s == Closed || s == Merged }

// CanMove reports whether the state machine leads from s to another state.
func (s State) CanMove(to State) bool { return s != to && slices.Contains(moves[s], to) }

// Moves lists the states that can follow, in the order of the work.
func (s State) Moves() []State {
	var out []State
	for _, to := range States() {
		if s.CanMove(to) {
			out = append(out, to)
		}
	}
	return out
}

// ParseState reads an identifier; anything else is Invalid.
func ParseState(v string) (State, error) {
	if s := State(v); slices.Contains(States(), s) {
		return s, nil
	}
	return "", oneField("state", "triage.err.state", "is no state of a case")
}

// ReportStatus is what the reporter sees of the state (design §7, "Report status").
func (s State) ReportStatus() string {
	switch s {
	case New:
		return "received"
	case Waiting:
		return "waiting_for_you"
	case Resolved:
		return "resolved"
	case Closed:
		return "closed"
	case Assessing, Working, Contained, Recovering, Merged:
	}
	return "in_progress"
}

// Severity is the CERT's view of how bad it is (design §7).
type Severity string

// The severities, worst first.
const (
	Critical Severity = "critical"
	High     Severity = "high"
	Medium   Severity = "medium"
	Low      Severity = "low"
)

// Severities lists them, worst first.
func Severities() []Severity { return []Severity{Critical, High, Medium, Low} }

// Rank orders severities: 1 is the worst.
func (s Severity) Rank() int { return slices.Index(Severities(), s) + 1 }

// ParseSeverity reads an identifier; anything else is Invalid.
func ParseSeverity(v string) (Severity, error) {
	if s := Severity(v); s.Rank() > 0 {
		return s, nil
	}
	return "", oneField("severity", "triage.err.severity", "is no severity")
}

// FirstSeverity is the rule of design §7 from what the reporter said; the
// analyst overrides it with a reason. Ransomware is never below high.
func FirstSeverity(impact, what string) Severity {
	s := Medium
	switch impact {
	case "very_high":
		s = Critical
	case "high":
		s = High
	case "medium":
		s = Medium
	case "low":
		s = Low
	default:
		if what == "intrusion" || what == "data_leak" {
			s = High
		}
	}
	if what == "ransomware" && s.Rank() > High.Rank() {
		s = High
	}
	return s
}

// Dispositions are the outcomes a closed case can have (design §7).
func Dispositions() []string {
	return []string{"confirmed", "false_alarm", "duplicate", "deferred", "handed_over", "insufficient_data", "exercise"}
}

// Flags that ask for a look at a case; any act of the CERT clears them.
const (
	FlagMessage  = "reporter_message" // the reporter's side wrote or added something
	FlagDelivery = "delivery_failed"  // a message did not reach the reporter
)

func oneField(name, code, detail string) error {
	var f fault.Fields
	f.Add(name, code, detail)
	return f.Err()
}
