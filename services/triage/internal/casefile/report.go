// SPDX-License-Identifier: EUPL-1.2

package casefile

import (
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/services/triage/internal/duty"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/tlp"
)

// Open makes the case of one report of one affected body. The severity and the
// class are first guesses (design §7); the analyst decides.
func Open(by By, at time.Time, id, reference string, rules duty.Rules, r event.ReportSubmitted) *Case {
	label, err := tlp.Parse(r.TLP)
	if err != nil {
		label = tlp.Amber // a label that nobody knows is kept narrow
	}
	if r.ReceivedAt.IsZero() {
		r.ReceivedAt = at
	}
	c := &Case{
		ID: id, Reference: reference, State: New, Severity: FirstSeverity(r.Impact, r.What), TLP: label,
		Suggested: SuggestedClass(r.What), Title: FirstTitle(r.What, r.Affected.Name), What: r.What,
		Organisation: r.Affected, Verified: r.Verified, Exercise: r.Exercise,
		Reports:    []event.ReportRef{{ID: r.Report, Reference: r.Reference}},
		Clocks:     rules.Start(r.ReceivedAt, r.NoticedAt),
		ReceivedAt: r.ReceivedAt.UTC(), OpenedAt: at, ChangedAt: at,
	}
	c.pending.Reports = []Report{{Case: id, ReportSubmitted: r}}
	c.note(by, at, KindOpened, r.Channel, string(c.Severity), "", r.Reference)
	return c
}

// CheckReport refuses a report that no case can be made of.
func CheckReport(r event.ReportSubmitted) error {
	if r.Report == "" || r.Reference == "" || r.Affected.Name == "" {
		return fault.New(fault.Invalid, "a report without id, reference or affected body")
	}
	return nil
}

// AffectedKey tells the bodies of one report apart: the organisation's id, or
// the name that a guest typed.
func AffectedKey(o event.Organisation) string {
	if o.ID != "" {
		return o.ID
	}
	return "name:" + strings.ToLower(strings.TrimSpace(o.Name))
}

// Supplement takes in what the reporter added.
func (c *Case) Supplement(by By, at time.Time, s event.ReportSupplemented) {
	c.pending.Supplements = append(c.pending.Supplements, Supplement{
		ID: s.Supplement, Case: c.ID, Report: s.Reference,
		Author: s.Author, Agent: agentName(s.Agent), Description: s.Description, Fields: s.Fields, At: s.At,
	})
	c.note(by, at, KindSupplement, "", credit(s.Author, s.Agent), "", s.Reference)
	c.flag(FlagMessage)
}

// Receive takes in a message of the reporter's side: it ends waiting; on a
// resolved or closed case it only flags (design §7).
func (c *Case) Receive(by By, at time.Time, m event.ReportMessagePosted) {
	c.pending.Messages = append(c.pending.Messages, Message{
		ID: m.Message, Case: c.ID, Direction: In, Author: m.Author, Agent: agentName(m.Agent),
		Report: m.Reference, Text: m.Text, TLP: c.TLP, At: m.At,
	})
	c.note(by, at, KindMessageIn, "", credit(m.Author, m.Agent), "", m.Reference)
	c.heard(by, at)
}

// Attach takes in a file of the reporter's side.
func (c *Case) Attach(by By, at time.Time, a event.ReportAttachmentAdded) {
	c.pending.Attachments = append(c.pending.Attachments, Attachment{
		ID: a.Attachment, Case: c.ID, Report: a.Reference,
		Author: a.Author, Agent: agentName(a.Agent), Name: a.Name, MediaType: a.MediaType, Size: a.Size, SHA256: a.SHA256, Blob: a.Blob, At: a.At,
	})
	c.note(by, at, KindAttachment, "", credit(a.Author, a.Agent), "", a.Attachment)
	c.flag(FlagMessage)
}

// Undelivered notes that a message about the case did not reach its reader.
func (c *Case) Undelivered(by By, at time.Time, d event.DeliveryFailed) {
	c.note(by, at, KindUndeliver, "", d.Channel, clip(d.Reason, MaxReason), d.Delivery)
	c.flag(FlagDelivery)
}

// Alerted notes that an alert which grew out of the case was published or withdrawn.
func (c *Case) Alerted(by By, at time.Time, a event.Alert) {
	c.note(by, at, KindAlert, "", a.State, "", a.Reference)
}

// Merge joins c into target: both stay, target gets the reports, and c remembers
// its state for the undo. Only cases of the same organisation belong together,
// and a guest's report none of us confirmed never joins confirmed ones: the body
// would see it, and the guest would read what the CERT writes to the body
// (design §7, "Guests").
func (c *Case) Merge(by By, at time.Time, target *Case, reason string) error {
	switch {
	case c.ID == target.ID:
		return oneField("target", "triage.err.merge.self", "is the case itself")
	case !c.State.CanMove(Merged):
		return fault.New(fault.Conflict, "case %s is %s and cannot be merged", c.Reference, c.State)
	case !target.State.Open() && target.State != New:
		return fault.New(fault.Conflict, "case %s is %s and takes no other case in", target.Reference, target.State)
	case AffectedKey(c.Organisation) != AffectedKey(target.Organisation):
		return oneField("target", "triage.err.merge.organisation", "is a case of another organisation")
	case c.Verified != target.Verified:
		return oneField("target", "triage.err.merge.unverified", "can be merged when both cases are confirmed; confirm the guest's first")
	case strings.TrimSpace(reason) == "":
		return oneField("reason", "triage.err.reason", "is needed to merge cases")
	}
	if err := short(reason); err != nil {
		return err
	}
	if err := c.shut(by, at, target, reason); err != nil {
		return err
	}
	c.BeforeMerge, c.State, c.MergedInto, c.Flags = c.State, Merged, target.ID, nil
	c.note(by, at, KindMerged, string(c.BeforeMerge), target.Reference, reason, target.ID)
	target.Reports = append(target.Reports, c.Reports...)
	if c.Campaign != nil && target.Campaign == nil { // the cause does not go with the file
		target.Join(by, at, *c.Campaign)
	}
	if target.TLP.Wider(c.TLP) {
		target.note(by, at, KindTLP, string(target.TLP), string(c.TLP), reason, c.ID)
		target.TLP = c.TLP // what came in narrower stays narrow
	}
	target.note(by, at, KindAbsorbed, "", c.Reference, reason, c.ID)
	return nil
}

// agentName is who acted on behalf of the case's organisation, "" for nobody.
func agentName(agent *event.Organisation) string {
	if agent == nil {
		return ""
	}
	return agent.Name
}

// credit names who did something for the log: the person, with the firm when it
// acted on behalf of the case's organisation.
func credit(author event.Person, agent *event.Organisation) string {
	return strings.Trim(author.Name+", "+agentName(agent), ", ")
}
