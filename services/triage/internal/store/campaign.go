// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/thueringencert/leitstelle/services/triage/internal/campaign"
	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

var _ campaign.Store = (*Store)(nil)

// campaignRow is one line of campaigns.
type campaignRow struct {
	ID           string     `db:"id"`
	Reference    string     `db:"reference"`
	Version      int        `db:"version"`
	State        string     `db:"state"`
	Title        string     `db:"title"`
	ReportID     *string    `db:"report_id"`
	Report       string     `db:"report"`
	AgentID      string     `db:"agent_id"`
	AgentName    string     `db:"agent_name"`
	Exercise     bool       `db:"exercise"`
	Expected     int        `db:"expected"`
	AssigneeID   string     `db:"assignee_id"`
	AssigneeName string     `db:"assignee_name"`
	FirstSeen    time.Time  `db:"first_seen"`
	CreatedAt    time.Time  `db:"created_at"`
	ChangedAt    time.Time  `db:"changed_at"`
	ClosedAt     *time.Time `db:"closed_at"`
}

const campaignColumns = `
	k.id, k.reference, k.version, k.state, k.title, k.report_id, k.report, k.agent_id, k.agent_name, k.exercise, k.expected,
	k.assignee_id, k.assignee_name, k.first_seen, k.created_at, k.changed_at, k.closed_at`

func campaignRowOf(k *campaign.Campaign) campaignRow {
	r := campaignRow{
		ID: k.ID, Reference: k.Reference, Version: k.Version, State: string(k.State), Title: k.Title, Report: k.Report.Reference,
		AgentID: k.Agent.ID, AgentName: k.Agent.Name, Exercise: k.Exercise, Expected: k.Expected,
		FirstSeen: k.FirstSeen, CreatedAt: k.CreatedAt, ChangedAt: k.ChangedAt, ClosedAt: k.ClosedAt,
	}
	if k.Report.ID != "" {
		r.ReportID = &k.Report.ID
	}
	if k.Assignee != nil {
		r.AssigneeID, r.AssigneeName = k.Assignee.ID, k.Assignee.Name
	}
	return r
}

func (r campaignRow) campaign() *campaign.Campaign {
	k := &campaign.Campaign{
		ID: r.ID, Reference: r.Reference, Version: r.Version, State: campaign.State(r.State), Title: r.Title,
		Report: event.ReportRef{Reference: r.Report}, Agent: event.Organisation{ID: r.AgentID, Name: r.AgentName},
		Exercise: r.Exercise, Expected: r.Expected, FirstSeen: r.FirstSeen.UTC(), CreatedAt: r.CreatedAt.UTC(),
		ChangedAt: r.ChangedAt.UTC(), ClosedAt: utc(r.ClosedAt),
	}
	if r.ReportID != nil {
		k.Report.ID = *r.ReportID
	}
	if r.AssigneeID != "" {
		k.Assignee = &event.Person{ID: r.AssigneeID, Name: r.AssigneeName}
	}
	return k
}

// FindCampaign returns the id of the campaign with the id or reference.
func (s *Store) FindCampaign(ctx context.Context, idOrReference string) (string, error) {
	var id string
	var err error
	if parsed, bad := uuid.Parse(idOrReference); bad == nil {
		err = s.db.GetContext(ctx, &id, `SELECT id FROM campaigns WHERE id = $1`, parsed.String())
	} else {
		err = s.db.GetContext(ctx, &id, `SELECT id FROM campaigns WHERE reference = $1`, strings.ToUpper(idOrReference))
	}
	if err != nil {
		return "", pg.NoRows(ctx, err, "there is no such campaign")
	}
	return id, nil
}

// OpenCampaign stores a new campaign with the cases that join it.
func (s *Store) OpenCampaign(ctx context.Context, by casefile.By, at time.Time, cases []string,
	build func(reference string, cases []*casefile.Case) (*campaign.Campaign, error),
) (*campaign.Campaign, error) {
	var k *campaign.Campaign
	err := pg.InTx(ctx, s.db, func(tx pg.DB) error {
		var n int64
		if err := tx.GetContext(ctx, &n, `SELECT nextval('campaign_number')`); err != nil {
			return fmt.Errorf("next campaign number: %w", err)
		}
		locked, err := lock(ctx, tx, cases)
		if err != nil {
			return err
		}
		if k, err = build(fmt.Sprintf("L-%d-%04d", at.Year(), n), locked); err != nil {
			return err
		}
		entries := k.Seal(at)
		if _, err := tx.NamedExecContext(ctx, `
			INSERT INTO campaigns (id, reference, version, state, title, report_id, report, agent_id, agent_name, exercise, expected,
				assignee_id, assignee_name, first_seen, created_at, changed_at, closed_at)
			VALUES (:id, :reference, :version, :state, :title, :report_id, :report, :agent_id, :agent_name, :exercise, :expected,
				:assignee_id, :assignee_name, :first_seen, :created_at, :changed_at, :closed_at)`, campaignRowOf(k)); err != nil {
			return fmt.Errorf("insert campaign: %w", err)
		}
		return s.keep(ctx, tx, by, at, k.ID, entries, locked)
	})
	return k, err
}

// ChangeCampaign changes a campaign and some cases under their locks: the
// campaign's first, then the cases' in the order of their ids.
func (s *Store) ChangeCampaign(ctx context.Context, by casefile.By, at time.Time, id string, cases []string,
	change func(k *campaign.Campaign, cases []*casefile.Case) error,
) error {
	return pg.InTx(ctx, s.db, func(tx pg.DB) error {
		k, err := lockCampaign(ctx, tx, id)
		if err != nil {
			return err
		}
		locked, err := lock(ctx, tx, cases)
		if err != nil {
			return err
		}
		if err := change(k, locked); err != nil {
			return err
		}
		return s.keepCampaign(ctx, tx, by, at, k, locked)
	})
}

func lockCampaign(ctx context.Context, tx pg.DB, id string) (*campaign.Campaign, error) {
	var r campaignRow
	if err := tx.GetContext(ctx, &r, `SELECT `+campaignColumns+` FROM campaigns k WHERE id = $1 FOR UPDATE`, id); err != nil {
		return nil, pg.NoRows(ctx, err, "there is no such campaign")
	}
	return r.campaign(), nil
}

func (s *Store) keepCampaign(ctx context.Context, tx pg.DB, by casefile.By, at time.Time, k *campaign.Campaign, cases []*casefile.Case) error {
	entries := k.Seal(at)
	if len(entries) > 0 {
		if _, err := tx.NamedExecContext(ctx, `
			UPDATE campaigns SET version = :version, state = :state, title = :title, expected = :expected,
				assignee_id = :assignee_id, assignee_name = :assignee_name, changed_at = :changed_at, closed_at = :closed_at
			WHERE id = :id`, campaignRowOf(k)); err != nil {
			return fmt.Errorf("save campaign %s: %w", k.Reference, err)
		}
	}
	return s.keep(ctx, tx, by, at, k.ID, entries, cases)
}

// keep stores the timeline and the cases that changed, and ends with the audit.
func (s *Store) keep(ctx context.Context, tx pg.DB, by casefile.By, at time.Time, id string, entries []campaign.Entry, cases []*casefile.Case) error {
	var lines []audit.Entry
	for _, e := range entries {
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO campaign_entries (id, campaign_id, version, at, actor_id, actor_name, kind, from_value, to_value, reason, ref)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
			e.ID, id, e.Version, e.At, e.Actor.ID, e.Actor.Name, e.Kind, e.From, e.To, e.Reason, e.Ref); err != nil {
			return fmt.Errorf("insert the campaign's timeline: %w", err)
		}
		lines = append(lines, campaignAudit(by, at, "campaign."+e.Kind, id))
	}
	return finishWith(ctx, tx, by, at, updateCase, lines, cases...)
}

func campaignAudit(by casefile.By, at time.Time, action, id string) audit.Entry {
	return audit.Entry{At: at, Action: action, ObjectType: "campaign", ObjectID: id, RequestID: by.Request}.By(by.Actor, "")
}

// GatheredCampaign returns the campaign of a report, and the report's cases
// that are in none.
func (s *Store) GatheredCampaign(ctx context.Context, id, report string) (*campaign.Campaign, []string, error) {
	var r campaignRow
	err := s.db.GetContext(ctx, &r, `SELECT `+campaignColumns+` FROM campaigns k WHERE id = $1`, id)
	switch err = pg.NoRows(ctx, err, "there is no such campaign"); {
	case err == nil:
		return r.campaign(), nil, nil
	case !fault.Is(err, fault.NotFound):
		return nil, nil, err
	}
	var alone []string
	err = s.db.SelectContext(ctx, &alone, `
		SELECT c.id FROM case_reports r JOIN cases c ON c.id = r.case_id
		WHERE r.report_id = $1 AND c.campaign_id IS NULL AND c.state <> 'merged' ORDER BY c.id`, report)
	return nil, alone, pg.Classify(ctx, err)
}

// HoldsRed reports whether a case of the campaign is TLP:RED.
func (s *Store) HoldsRed(ctx context.Context, id string) (bool, error) {
	var red bool
	err := s.db.GetContext(ctx, &red, `SELECT EXISTS (SELECT FROM cases WHERE campaign_id = $1 AND tlp = 'RED')`, id)
	return red, pg.Classify(ctx, err)
}

// OpenCases counts the cases that have not ended and names the first of those
// that the reader may read.
func (s *Store) OpenCases(ctx context.Context, r casefile.Reader, id string) (n int, refs []string, err error) {
	if err = s.db.GetContext(ctx, &n, `SELECT count(*) FROM cases WHERE campaign_id = $1 AND state NOT IN ('closed', 'merged')`, id); err == nil {
		err = s.db.SelectContext(ctx, &refs, `
			SELECT reference FROM cases WHERE campaign_id = $2 AND state NOT IN ('closed', 'merged') AND`+readable+`
			ORDER BY reference LIMIT 6`, string(r), id)
	}
	return n, refs, pg.Classify(ctx, err)
}

// Campaign reads a campaign in one transaction with its audit entry.
func (s *Store) Campaign(ctx context.Context, by casefile.By, at time.Time, id string) (campaign.Overview, error) {
	var o campaign.Overview
	err := pg.InTx(ctx, s.db, func(tx pg.DB) error {
		var r campaignRow
		if err := tx.GetContext(ctx, &r, `SELECT `+campaignColumns+` FROM campaigns k WHERE id = $1`, id); err != nil {
			return pg.NoRows(ctx, err, "there is no such campaign")
		}
		o = campaign.Overview{Campaign: *r.campaign()}
		on, reader := New(tx), by.Reader(actor.CaseRead)
		if err := errors.Join(on.count(ctx, reader, at, &o), on.bodies(ctx, reader, &o), on.timeline(ctx, reader, &o)); err != nil {
			return fmt.Errorf("read campaign %s: %w", o.Reference, err)
		}
		var err error
		if o.Jobs, err = on.Jobs(ctx, id); err != nil {
			return err
		}
		action := "campaign.read"
		if by.Export {
			action = "campaign.export"
		}
		_, err = audit.Append(ctx, tx, campaignAudit(by, at, action, id))
		return err
	})
	return o, err
}
