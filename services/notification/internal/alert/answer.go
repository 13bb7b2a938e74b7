// SPDX-License-Identifier: EUPL-1.2

package alert

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Answers lists the five answers in the order they are shown (design §7).
func Answers() []string { return []string{"not_affected", "fixed", "mitigating", "help", "checking"} }

// Details lists what an answer may add.
func Details() []string { return []string{"not_in_use", "in_use", "patched", "compromised"} }

// Reply is what a body says.
type Reply struct {
	Answer string
	Detail string
	Text   string
}

// Check returns every mistake of the reply.
func (r *Reply) Check() error {
	r.Text = strings.TrimSpace(strings.ReplaceAll(r.Text, "\r\n", "\n"))
	var f fault.Fields
	if !slices.Contains(Answers(), r.Answer) {
		f.Add("answer", "notification.error.answer", "answer is one of "+strings.Join(Answers(), ", "))
	}
	if r.Detail != "" && !slices.Contains(Details(), r.Detail) {
		f.Add("detail", "notification.error.detail", "detail is one of "+strings.Join(Details(), ", "))
	}
	if utf8.RuneCountInString(r.Text) > MaxNote {
		f.Add("text", "notification.error.long", "the text has more than 2000 characters")
	} else if unsafe(r.Text, false) {
		f.Add("text", "notification.error.signs", "the text has control characters")
	}
	return f.Err()
}

// Affected reports whether the answer says that the body is or was hit and it
// should tell the CERT what happened.
func Affected(answer, detail string) bool {
	return answer == "help" || answer == "mitigating" || detail == "compromised"
}

// Body is one organisation of an alert's audience and its current answer.
type Body struct {
	Organisation event.Organisation
	Answer       string // "" while silent
	Detail       string
	Text         string
	Version      int // of the answer, 0 while silent
	AnsweredAt   *time.Time
	AnsweredBy   event.Person
	OnBehalf     string // the body itself when an agent answered for it
	Agent        string // name of that agent
	AlertVersion int    // the alert's version at the time
	Mails        Tally  // mails to its people by state
}

// Tally counts deliveries by state.
type Tally struct{ Pending, Sent, Failed int }

// Answer takes the reply of a body. It may change until the alert ends; every
// answer is a version of its own.
func (a *Alert) Answer(b *Body, r Reply, by event.Person, onBehalf string, agent *event.Organisation, now time.Time) (event.PollAnswered, error) {
	if err := r.Check(); err != nil {
		return event.PollAnswered{}, err
	}
	if !a.Open(now) {
		return event.PollAnswered{}, fault.New(fault.Conflict, "alert %s has ended and takes no more answers", a.Reference)
	}
	e := event.PollAnswered{
		Alert: a.ID, Reference: a.Reference, AlertVersion: a.Current.Number,
		Organisation: b.Organisation, Author: by, OnBehalf: onBehalf, Agent: agent,
		Answer: r.Answer, Previous: b.Answer, Detail: r.Detail, Text: r.Text, At: now,
	}
	b.Answer, b.Detail, b.Text, b.Version = r.Answer, r.Detail, r.Text, b.Version+1
	b.AnsweredAt, b.AnsweredBy, b.OnBehalf, b.Agent, b.AlertVersion = &now, by, onBehalf, "", a.Current.Number
	if agent != nil {
		b.Agent = agent.Name
	}
	return e, nil
}

// Count is the state of a poll.
type Count struct {
	Total    int
	Answered int
	By       map[string]int
}

// Silent is how many have not answered.
func (c Count) Silent() int { return c.Total - c.Answered }
