// SPDX-License-Identifier: EUPL-1.2

package web

import (
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
	Status string    `json:"status"`
	Cases  []caseRef `json:"cases"`
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
}

func summaryOf(r report.Report) reportSummary {
	out := reportSummary{
		ID: r.ID, Reference: r.Reference, ReceivedAt: r.ReceivedAt, Channel: string(r.Channel), Verified: r.Verified,
		What: r.What, Impact: r.Impact, TLP: r.TLP, Exercise: r.Exercise, Status: string(r.Status()),
		Affected: make([]affectedBody, len(r.Affected)),
	}
	for i, b := range r.Affected {
		a := affectedBody{
			bodyRef: bodyRef{ID: b.Organisation.ID, AGS: b.Organisation.AGS, Name: b.Organisation.Name},
			Status:  string(b.Status), Cases: make([]caseRef, len(b.Cases)),
		}
		for j, k := range b.Cases {
			a.Cases[j] = caseRef{Reference: k.Reference, ClosedAt: k.ClosedAt}
		}
		out.Affected[i] = a
	}
	return out
}

type messageAnswer struct {
	ID     string    `json:"id"`
	Side   string    `json:"side"`
	Author string    `json:"author,omitempty"`
	Text   string    `json:"text"`
	At     time.Time `json:"at"`
}

func messageOf(m report.Message) messageAnswer {
	return messageAnswer{ID: m.ID, Side: string(m.Side), Author: m.Author.Name, Text: m.Text, At: m.At}
}

type supplementAnswer struct {
	ID          string         `json:"id"`
	Author      string         `json:"author,omitempty"`
	Description string         `json:"description,omitempty"`
	Fields      map[string]any `json:"fields,omitempty"`
	At          time.Time      `json:"at"`
}

func supplementOf(s report.Supplement) supplementAnswer {
	return supplementAnswer{ID: s.ID, Author: s.Author.Name, Description: s.Description, Fields: s.Fields, At: s.At}
}

type attachmentAnswer struct {
	ID        string    `json:"id"`
	Author    string    `json:"author,omitempty"`
	Name      string    `json:"name"`
	MediaType string    `json:"media_type"`
	Size      int64     `json:"size"`
	SHA256    string    `json:"sha256"`
	At        time.Time `json:"at"`
}

func attachmentOf(a report.Attachment) attachmentAnswer {
	return attachmentAnswer{ID: a.ID, Author: a.Author.Name, Name: a.Name, MediaType: a.MediaType, Size: a.Size, SHA256: a.SHA256, At: a.At}
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
}

func (h *Handler) detailOf(s report.Seen) reportDetail {
	out := reportDetail{
		reportSummary: summaryOf(s.Report), Description: s.Description, NoticedAt: s.NoticedAt,
		NoticedApprox: s.NoticedApprox, StillRunning: s.StillRunning, Systems: list(s.Systems), HelpNeeded: list(s.HelpNeeded),
		CallbackBy: s.CallbackBy, AlertID: s.AlertID, SHA256: s.Sum,
		Deadlines: []deadlineAnswer{}, Messages: []messageAnswer{}, Supplements: []supplementAnswer{}, Attachments: []attachmentAnswer{},
	}
	if s.Callback != (event.Contact{}) {
		out.Callback = &s.Callback
	}
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

func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
