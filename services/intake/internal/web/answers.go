// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"slices"
	"time"

	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/event"
)

// caseRef is a case file as the reporter's side sees it.
type caseRef struct {
	Reference string     `json:"reference"`
	ClosedAt  *time.Time `json:"closed_at,omitempty"`
}

// affectedBody is one affected body with what is known about its case.
type affectedBody struct {
	bodyRef
	Status         string     `json:"status"`
	Cases          []caseRef  `json:"cases"`
	AddedAt        *time.Time `json:"added_at,omitempty"`        // it joined later
	TakenOverAt    *time.Time `json:"taken_over_at,omitempty"`   // its own people deal with the report since
	ContradictedAt *time.Time `json:"contradicted_at,omitempty"` // its own people do not agree
}

func affectedOf(b report.Body) affectedBody {
	a := affectedBody{
		bodyRef: refOf(b), Status: string(b.Status), Cases: make([]caseRef, len(b.Cases)),
		AddedAt: b.AddedAt, TakenOverAt: b.TakenOverAt, ContradictedAt: b.DisputedAt,
	}
	for j, k := range b.Cases {
		a.Cases[j] = caseRef{Reference: k.Reference, ClosedAt: k.ClosedAt}
	}
	return a
}

// reportSummary is a report in a list.
type reportSummary struct {
	ID         string         `json:"id"`
	Reference  string         `json:"reference"`
	ReceivedAt time.Time      `json:"received_at"`
	Channel    string         `json:"channel"`
	Verified   bool           `json:"verified"`
	What       string         `json:"what"`
	Impact     string         `json:"impact"`
	TLP        string         `json:"tlp"`
	Exercise   bool           `json:"exercise"`
	Status     string         `json:"status"`
	Affected   []affectedBody `json:"affected"`

	AffectedTotal int      `json:"affected_total"`  // those that the asker sees
	Agent         *bodyRef `json:"agent,omitempty"` // who reported on the body's behalf

	Sealed bool `json:"sealed,omitempty"` // TLP:RED before a step-up: it is there, and no more is said
}

// maxListed is how many bodies of a report a list names; the report itself and
// its own list name all.
const maxListed = 20

func inList(r report.Report) reportSummary {
	out := summaryOf(r)
	out.Affected = out.Affected[:min(len(out.Affected), maxListed)]
	return out
}

func summaryOf(r report.Report) reportSummary {
	out := reportSummary{
		ID: r.ID, Reference: r.Reference, ReceivedAt: r.ReceivedAt, Channel: string(r.Channel), Verified: r.Verified,
		What: r.What, Impact: r.Impact, TLP: r.TLP, Exercise: r.Exercise, Status: string(r.Status()),
		Affected: make([]affectedBody, len(r.Affected)), AffectedTotal: len(r.Affected),
	}
	if r.Sealed {
		out.Sealed, out.Affected, out.AffectedTotal = true, []affectedBody{}, 0
		return out
	}
	for i, b := range r.Affected {
		out.Affected[i] = affectedOf(b)
		if b.OnBehalf != "" && b.Agent.ID != "" && out.Agent == nil {
			out.Agent = &bodyRef{ID: b.Agent.ID, Name: b.Agent.Name}
		}
	}
	return out
}

type messageAnswer struct {
	ID       string    `json:"id"`
	Side     string    `json:"side"`
	Author   string    `json:"author,omitempty"`
	Agent    string    `json:"agent,omitempty"`    // who acted on behalf of the affected
	Affected []string  `json:"affected,omitempty"` // whom it is about, of those that the asker sees
	Text     string    `json:"text"`
	At       time.Time `json:"at"`
}

func messageOf(m report.Message) messageAnswer {
	return messageAnswer{ID: m.ID, Side: string(m.Side), Author: m.Author.Name, Agent: m.Agent, Affected: named(m.Bodies), Text: m.Text, At: m.At}
}

type supplementAnswer struct {
	ID          string         `json:"id"`
	Author      string         `json:"author,omitempty"`
	Agent       string         `json:"agent,omitempty"` // who acted on behalf of the affected
	Description string         `json:"description,omitempty"`
	Affected    []string       `json:"affected,omitempty"`
	Fields      map[string]any `json:"fields,omitempty"`
	At          time.Time      `json:"at"`
}

func supplementOf(s report.Supplement) supplementAnswer {
	return supplementAnswer{ID: s.ID, Author: s.Author.Name, Agent: s.Agent, Description: s.Description, Affected: named(s.Bodies), Fields: s.Fields, At: s.At}
}

type attachmentAnswer struct {
	ID        string    `json:"id"`
	Author    string    `json:"author,omitempty"`
	Agent     string    `json:"agent,omitempty"` // who acted on behalf of the affected
	Name      string    `json:"name"`
	MediaType string    `json:"media_type"`
	Size      int64     `json:"size"`
	SHA256    string    `json:"sha256"`
	Affected  []string  `json:"affected,omitempty"`
	Private   bool      `json:"private,omitempty"` // only the provider and the CERT see it
	At        time.Time `json:"at"`
}

func attachmentOf(a report.Attachment) attachmentAnswer {
	return attachmentAnswer{ID: a.ID, Author: a.Author.Name, Agent: a.Agent, Name: a.Name, MediaType: a.MediaType, Size: a.Size, SHA256: a.SHA256, Affected: named(a.Bodies), Private: a.OnlyHome != "", At: a.At}
}

type deadlineAnswer struct {
	Rule  string     `json:"rule"`
	State string     `json:"state"`
	DueAt *time.Time `json:"due_at,omitempty"`
}

// reportDetail is a report with everything that came after it.
type reportDetail struct {
	reportSummary
	Description   string             `json:"description"`
	NoticedAt     time.Time          `json:"noticed_at"`
	NoticedApprox bool               `json:"noticed_approx"`
	StillRunning  string             `json:"still_running,omitempty"`
	Systems       []string           `json:"systems"`
	HelpNeeded    []string           `json:"help_needed"`
	Callback      *event.Contact     `json:"callback,omitempty"`
	CallbackBy    time.Time          `json:"callback_by"`
	AlertID       string             `json:"alert_id,omitempty"`
	SHA256        string             `json:"sha256"`
	Deadlines     []deadlineAnswer   `json:"deadlines"`
	Messages      []messageAnswer    `json:"messages"`
	Supplements   []supplementAnswer `json:"supplements"`
	Attachments   []attachmentAnswer `json:"attachments"`
	Steps         []stepAnswer       `json:"steps,omitempty"`
	Earlier       map[string]string  `json:"earlier"` // of each list: the cursor of what came before
	Part          *partAnswer        `json:"part,omitempty"`
}

func (h *Handler) detailOf(s report.Seen, o report.Occasion) reportDetail {
	out := reportDetail{
		reportSummary: summaryOf(s.Report), Description: s.Description, NoticedAt: s.NoticedAt,
		NoticedApprox: s.NoticedApprox, StillRunning: s.StillRunning, Systems: list(s.Systems), HelpNeeded: list(s.HelpNeeded),
		CallbackBy: s.CallbackBy, AlertID: s.AlertID, SHA256: s.Sum,
		Deadlines: []deadlineAnswer{}, Messages: []messageAnswer{}, Supplements: []supplementAnswer{}, Attachments: []attachmentAnswer{},
	}
	if s.Callback != (event.Contact{}) {
		out.Callback = &s.Callback
	}
	out.Earlier = map[string]string{}
	for list, c := range s.Earlier {
		out.Earlier[list] = c.String()
	}
	for _, x := range s.Steps {
		out.Steps = append(out.Steps, stepOf(x))
	}
	out.Part = h.partOf(s, o)
	for _, d := range s.Deadlines {
		out.Deadlines = append(out.Deadlines, deadlineAnswer(d))
	}
	for _, m := range s.Messages {
		out.Messages = append(out.Messages, messageOf(m))
	}
	for _, x := range s.Supplements {
		out.Supplements = append(out.Supplements, supplementOf(x))
	}
	for _, a := range s.Attachments {
		out.Attachments = append(out.Attachments, attachmentOf(a))
	}
	return out
}

// named are the bodies of an entry, without what a guest typed.
func named(bodies []string) []string {
	return slices.DeleteFunc(slices.Clone(bodies), func(b string) bool { return b == "" })
}

func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
