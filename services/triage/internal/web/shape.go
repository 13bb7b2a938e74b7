// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"time"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/shared/event"
)

// summaryShape is a case in a list (design §7, "a case in a list").
type summaryShape struct {
	ID             string             `json:"id"`
	Reference      string             `json:"reference"`
	State          string             `json:"state"`
	Severity       string             `json:"severity"`
	TLP            string             `json:"tlp"`
	Class          string             `json:"class"`
	SuggestedClass string             `json:"suggested_class"`
	Title          string             `json:"title"`
	Organisation   event.Organisation `json:"organisation"`
	Verified       bool               `json:"verified"`
	Exercise       bool               `json:"exercise"`
	Assignee       *event.Person      `json:"assignee"`
	ReceivedAt     time.Time          `json:"received_at"`
	NextDue        *time.Time         `json:"next_due"`
	Flags          []string           `json:"flags"`
	Campaign       *event.CampaignRef `json:"campaign"`
	TakenOver      bool               `json:"taken_over"`   // the body deals with its provider's report itself
	Contradicted   bool               `json:"contradicted"` // the body does not agree with its provider's report
	Locked         bool               `json:"locked"`       // of the analysts only who has it assigned reads it
	Version        int                `json:"version"`
}

func shapeOf(s casefile.Summary) summaryShape {
	return summaryShape{
		ID: s.ID, Reference: s.Reference, State: string(s.State), Severity: string(s.Severity), TLP: string(s.TLP),
		Class: s.Class, SuggestedClass: s.Suggested, Title: s.Title, Organisation: s.Organisation, Verified: s.Verified,
		Exercise: s.Exercise, Assignee: s.Assignee, ReceivedAt: s.ReceivedAt, NextDue: s.NextDue, Flags: list(s.Flags), Version: s.Version,
		Campaign: s.Campaign, TakenOver: s.TakenOver, Contradicted: s.Contradicted, Locked: s.Locked,
	}
}

type clockShape struct {
	Rule    string     `json:"rule"`
	State   string     `json:"state"`
	StartAt *time.Time `json:"start_at,omitempty"`
	DueAt   *time.Time `json:"due_at,omitempty"`
	DoneAt  *time.Time `json:"done_at,omitempty"`
}

type entryShape struct {
	ID      string       `json:"id"`
	At      time.Time    `json:"at"`
	Version int          `json:"version"`
	Actor   event.Person `json:"actor"`
	Kind    string       `json:"kind"`
	From    string       `json:"from,omitempty"`
	To      string       `json:"to,omitempty"`
	Reason  string       `json:"reason,omitempty"`
	Ref     string       `json:"ref,omitempty"`
}

type messageShape struct {
	ID        string       `json:"id"`
	Direction string       `json:"direction"`
	Author    event.Person `json:"author"`
	Agent     string       `json:"agent,omitempty"` // who acted on behalf of the organisation
	Report    string       `json:"report,omitempty"`
	Text      string       `json:"text"`
	TLP       string       `json:"tlp"`
	At        time.Time    `json:"at"`
}

func messageShapeOf(m casefile.Message) messageShape {
	return messageShape{ID: m.ID, Direction: m.Direction, Author: m.Author, Agent: m.Agent, Report: m.Report, Text: m.Text, TLP: string(m.TLP), At: m.At}
}

type noteShape struct {
	ID     string       `json:"id"`
	Author event.Person `json:"author"`
	Text   string       `json:"text"`
	At     time.Time    `json:"at"`
}

func noteShapeOf(n casefile.Note) noteShape {
	return noteShape{ID: n.ID, Author: n.Author, Text: n.Text, At: n.At}
}

type supplementShape struct {
	ID          string         `json:"id"`
	Report      string         `json:"report"`
	Author      event.Person   `json:"author"`
	Agent       string         `json:"agent,omitempty"`
	Description string         `json:"description,omitempty"`
	Fields      map[string]any `json:"fields,omitempty"`
	At          time.Time      `json:"at"`
}

type attachmentShape struct {
	ID        string       `json:"id"`
	Report    string       `json:"report"`
	Author    event.Person `json:"author"`
	Agent     string       `json:"agent,omitempty"`
	Name      string       `json:"name"`
	MediaType string       `json:"media_type"`
	Size      int64        `json:"size"`
	SHA256    string       `json:"sha256"`
	At        time.Time    `json:"at"`
}

// reportShape is a report as it was submitted.
type reportShape struct {
	ID        string `json:"id"`
	Reference string `json:"reference"`
	event.ReportSubmitted
}

// caseShape is a case file (design §5). Observables and tasks come with the
// case-work issue; the lists are there so that programs need not change.
type caseShape struct {
	summaryShape
	What        string `json:"what"`
	Disposition string `json:"disposition,omitempty"`
	MergedInto  string `json:"merged_into,omitempty"`
	// What the body said to a report that its provider sent.
	Takeover      *casefile.Statement `json:"takeover,omitempty"`
	Contradiction *casefile.Statement `json:"contradiction,omitempty"`
	Hold          bool                `json:"hold,omitempty"`
	RedactedAt    *time.Time          `json:"redacted_at,omitempty"`
	OpenedAt      time.Time           `json:"opened_at"`
	ChangedAt     time.Time           `json:"changed_at"`
	ClosedAt      *time.Time          `json:"closed_at,omitempty"`
	Reports       []reportShape       `json:"reports"`
	Clocks        []clockShape        `json:"clocks"`
	Timeline      []entryShape        `json:"timeline"`
	Messages      []messageShape      `json:"messages"`
	Notes         []noteShape         `json:"notes"`
	Supplements   []supplementShape   `json:"supplements"`
	Attachments   []attachmentShape   `json:"attachments"`
	// Of each list the newest are here; earlier holds the cursor of what came before.
	Earlier     map[string]string `json:"earlier"`
	Counts      map[string]int    `json:"counts"` // how long each list is
	Observables []struct{}        `json:"observables"`
	Tasks       []struct{}        `json:"tasks"`
}

func caseShapeOf(d casefile.Dossier, now time.Time) caseShape {
	out := caseShape{
		summaryShape: shapeOf(summaryOf(d)), What: d.What, Disposition: d.Disposition, MergedInto: d.MergedInto, Hold: d.Hold, RedactedAt: d.RedactedAt,
		OpenedAt: d.OpenedAt, ChangedAt: d.ChangedAt, ClosedAt: d.ClosedAt,
		Takeover: d.TakenOver, Contradiction: d.Contradicted,
		Reports: []reportShape{}, Clocks: []clockShape{}, Timeline: []entryShape{}, Messages: []messageShape{}, Notes: []noteShape{},
		Supplements: []supplementShape{}, Attachments: []attachmentShape{}, Earlier: map[string]string{}, Counts: d.Counts, Observables: []struct{}{}, Tasks: []struct{}{},
	}
	for list, c := range d.Earlier {
		out.Earlier[list] = c.String()
	}
	for _, r := range d.Filed {
		out.Reports = append(out.Reports, reportShape{ID: r.Report, Reference: r.Reference, ReportSubmitted: r.ReportSubmitted})
	}
	for _, k := range d.Clocks {
		out.Clocks = append(out.Clocks, clockShape{Rule: k.Rule, State: string(k.At(now)), StartAt: k.StartAt, DueAt: k.DueAt, DoneAt: k.DoneAt})
	}
	for _, e := range d.Timeline {
		out.Timeline = append(out.Timeline, entryShape{
			ID: e.ID, At: e.At, Version: e.Version, Actor: e.Actor, Kind: e.Kind,
			From: e.From, To: e.To, Reason: e.Reason, Ref: e.Ref,
		})
	}
	for _, m := range d.Messages {
		out.Messages = append(out.Messages, messageShapeOf(m))
	}
	for _, n := range d.Notes {
		out.Notes = append(out.Notes, noteShapeOf(n))
	}
	for _, s := range d.Supplements {
		out.Supplements = append(out.Supplements, supplementShape{
			ID: s.ID, Report: s.Report, Author: s.Author, Agent: s.Agent,
			Description: s.Description, Fields: s.Fields, At: s.At,
		})
	}
	for _, a := range d.Attachments {
		out.Attachments = append(out.Attachments, attachmentShape{
			ID: a.ID, Report: a.Report, Author: a.Author, Agent: a.Agent, Name: a.Name,
			MediaType: a.MediaType, Size: a.Size, SHA256: a.SHA256, At: a.At,
		})
	}
	return out
}

// summaryOf is the list's view of a whole case.
func summaryOf(d casefile.Dossier) casefile.Summary {
	return casefile.Summary{
		ID: d.ID, Reference: d.Reference, Version: d.Version, State: d.State, Severity: d.Severity, TLP: d.TLP,
		Class: d.Class, Suggested: d.Suggested, Title: d.Title, Organisation: d.Organisation, Verified: d.Verified, Exercise: d.Exercise,
		Assignee: d.Assignee, ReceivedAt: d.ReceivedAt, NextDue: d.NextDue(), AnsweredAt: d.AnsweredAt, ClosedAt: d.ClosedAt, Flags: d.Flags,
		Campaign: d.Campaign, TakenOver: d.TakenOver != nil, Contradicted: d.Contradicted != nil, Locked: d.Locked,
	}
}

func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
