// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/tlp"
)

// row is one line of cases.
type row struct {
	ID           string         `db:"id"`
	Reference    string         `db:"reference"`
	Version      int            `db:"version"`
	State        string         `db:"state"`
	Severity     string         `db:"severity"`
	Rank         int            `db:"severity_rank"`
	TLP          string         `db:"tlp"`
	Class        string         `db:"class"`
	Suggested    string         `db:"suggested"`
	Disposition  string         `db:"disposition"`
	Title        string         `db:"title"`
	What         string         `db:"what"`
	OrgID        string         `db:"org_id"`
	OrgAGS       string         `db:"org_ags"`
	OrgName      string         `db:"org_name"`
	OrgLevel     string         `db:"org_level"`
	OrgKreis     string         `db:"org_kreis"`
	Verified     bool           `db:"verified"`
	Exercise     bool           `db:"exercise"`
	AssigneeID   string         `db:"assignee_id"`
	AssigneeName string         `db:"assignee_name"`
	Clocks       string         `db:"clocks"`
	Flags        pq.StringArray `db:"flags"`
	MergedInto   *string        `db:"merged_into"`
	BeforeMerge  string         `db:"before_merge"`
	ReceivedAt   time.Time      `db:"received_at"`
	OpenedAt     time.Time      `db:"opened_at"`
	ChangedAt    time.Time      `db:"changed_at"`
	AnsweredAt   *time.Time     `db:"answered_at"`
	ClosedAt     *time.Time     `db:"closed_at"`
	NextDue      *time.Time     `db:"next_due"`
	Active       bool           `db:"active"`
	CampaignID   *string        `db:"campaign_id"`
	CampaignRef  string         `db:"campaign_ref"`
	TakenOver    *string        `db:"taken_over"`
	OverAt       *time.Time     `db:"over_at"`
	Contradicted *string        `db:"contradicted"`
	Hold         bool           `db:"hold"`
	Locked       bool           `db:"locked"`
	RedactedAt   *time.Time     `db:"redacted_at"` // read only: a change makes it a case with content again
	Words        string         `db:"words"`       // written only: what this change adds
}

// columns of a case, as they are read.
const columns = `
	id, reference, version, state, severity, severity_rank, tlp, class, suggested, disposition, title, what,
	org_id, org_ags, org_name, org_level, org_kreis, verified, exercise, assignee_id, assignee_name,
	clocks, flags, merged_into, before_merge, received_at, opened_at, changed_at, answered_at, closed_at, next_due, active,
	campaign_id, campaign_ref, taken_over, over_at, contradicted, hold, locked, redacted_at`

func rowOf(c *casefile.Case) (row, error) {
	clocks, err := json.Marshal(c.Clocks)
	if err != nil {
		return row{}, fmt.Errorf("encode clocks: %w", err)
	}
	r := row{
		ID: c.ID, Reference: c.Reference, Version: c.Version, State: string(c.State),
		Severity: string(c.Severity), Rank: c.Severity.Rank(), TLP: string(c.TLP), Class: c.Class, Suggested: c.Suggested,
		Disposition: c.Disposition, Title: c.Title, What: c.What,
		OrgID: c.Organisation.ID, OrgAGS: c.Organisation.AGS, OrgName: c.Organisation.Name,
		OrgLevel: c.Organisation.Level, OrgKreis: kreis(c.Organisation), Verified: c.Verified, Exercise: c.Exercise,
		Clocks: string(clocks), Flags: append(pq.StringArray{}, c.Flags...), BeforeMerge: string(c.BeforeMerge),
		ReceivedAt: c.ReceivedAt, OpenedAt: c.OpenedAt, ChangedAt: c.ChangedAt, AnsweredAt: c.AnsweredAt,
		ClosedAt: c.ClosedAt, NextDue: c.NextDue(), Active: c.Active(), Hold: c.Hold, Locked: c.Locked,
	}
	if c.Assignee != nil {
		r.AssigneeID, r.AssigneeName = c.Assignee.ID, c.Assignee.Name
	}
	if c.MergedInto != "" {
		r.MergedInto = &c.MergedInto
	}
	if c.Campaign != nil {
		r.CampaignID, r.CampaignRef = &c.Campaign.ID, c.Campaign.Reference
	}
	if !c.OverAt.IsZero() {
		r.OverAt = &c.OverAt
	}
	if r.TakenOver, err = statement(c.TakenOver); err != nil {
		return row{}, err
	}
	r.Contradicted, err = statement(c.Contradicted)
	return r, err
}

// statement is what an affected body said, as it is stored.
func statement(s *casefile.Statement) (*string, error) {
	if s == nil {
		return nil, nil
	}
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode statement: %w", err)
	}
	out := string(b)
	return &out, nil
}

func statementOf(raw *string) (*casefile.Statement, error) {
	if raw == nil {
		return nil, nil
	}
	s := &casefile.Statement{}
	if err := json.Unmarshal([]byte(*raw), s); err != nil {
		return nil, fmt.Errorf("statement: %w", err)
	}
	return s, nil
}

func (r row) campaign() *event.CampaignRef {
	if r.CampaignID == nil {
		return nil
	}
	return &event.CampaignRef{ID: *r.CampaignID, Reference: r.CampaignRef}
}

// kreis is the five digits that the map and the filter use.
func kreis(o event.Organisation) string {
	if len(o.AGS) == 8 {
		return o.AGS[:5]
	}
	return o.Kreis
}

func (r row) organisation() event.Organisation {
	return event.Organisation{ID: r.OrgID, AGS: r.OrgAGS, Name: r.OrgName, Level: r.OrgLevel, Kreis: r.OrgKreis}
}

func (r row) assignee() *event.Person {
	if r.AssigneeID == "" {
		return nil
	}
	return &event.Person{ID: r.AssigneeID, Name: r.AssigneeName}
}

func (r row) incident() (*casefile.Case, error) {
	c := &casefile.Case{
		ID: r.ID, Reference: r.Reference, Version: r.Version, State: casefile.State(r.State),
		Severity: casefile.Severity(r.Severity), TLP: tlp.Label(r.TLP), Class: r.Class, Suggested: r.Suggested,
		Disposition: r.Disposition, Title: r.Title, What: r.What, Organisation: r.organisation(),
		Verified: r.Verified, Exercise: r.Exercise, Assignee: r.assignee(), Flags: r.Flags,
		BeforeMerge: casefile.State(r.BeforeMerge), ReceivedAt: r.ReceivedAt.UTC(), OpenedAt: r.OpenedAt.UTC(),
		ChangedAt: r.ChangedAt.UTC(), AnsweredAt: utc(r.AnsweredAt), ClosedAt: utc(r.ClosedAt),
		Hold: r.Hold, Locked: r.Locked, RedactedAt: utc(r.RedactedAt),
	}
	if r.MergedInto != nil {
		c.MergedInto = *r.MergedInto
	}
	c.Campaign = r.campaign()
	if r.OverAt != nil {
		c.OverAt = r.OverAt.UTC()
	}
	if err := json.Unmarshal([]byte(r.Clocks), &c.Clocks); err != nil {
		return nil, fmt.Errorf("clocks of case %s: %w", r.Reference, err)
	}
	var err error
	if c.TakenOver, err = statementOf(r.TakenOver); err != nil {
		return nil, err
	}
	c.Contradicted, err = statementOf(r.Contradicted)
	return c, err
}

func (r row) summary() casefile.Summary {
	return casefile.Summary{
		ID: r.ID, Reference: r.Reference, Version: r.Version, State: casefile.State(r.State),
		Severity: casefile.Severity(r.Severity), TLP: tlp.Label(r.TLP), Class: r.Class, Suggested: r.Suggested,
		Title: r.Title, Organisation: r.organisation(), Verified: r.Verified, Exercise: r.Exercise,
		Assignee: r.assignee(), ReceivedAt: r.ReceivedAt.UTC(), NextDue: utc(r.NextDue),
		AnsweredAt: utc(r.AnsweredAt), ClosedAt: utc(r.ClosedAt), Flags: r.Flags,
		Campaign: r.campaign(), TakenOver: r.TakenOver != nil, Contradicted: r.Contradicted != nil, Locked: r.Locked,
	}
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}
