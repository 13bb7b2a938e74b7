// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/triage/internal/campaign"
	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// numberRow counts cases.
type numberRow struct {
	Total        int        `db:"total"`
	New          int        `db:"fresh"`
	Open         int        `db:"open"`
	Resolved     int        `db:"resolved"`
	Closed       int        `db:"closed"`
	Overdue      int        `db:"overdue"`
	Contradicted int        `db:"contradictions"`
	TakenOver    int        `db:"taken"`
	Unread       int        `db:"unread"`
	Unassigned   int        `db:"unassigned"`
	Red          int        `db:"red"`
	NextDue      *time.Time `db:"next_due"`
	Worst        *int       `db:"worst"`
}

// counts are a campaign's numbers at $2 for the reader $1; merged cases count
// where they went. That there is a TLP:RED one counts for everybody: the title may
// be about it.
const counts = `
	count(*) AS total,
	count(*) FILTER (WHERE state = 'new') AS fresh,
	count(*) FILTER (WHERE state NOT IN ('resolved', 'closed')) AS open,
	count(*) FILTER (WHERE state = 'resolved') AS resolved,
	count(*) FILTER (WHERE state = 'closed') AS closed,
	count(*) FILTER (WHERE next_due < $2::timestamptz) AS overdue,
	count(*) FILTER (WHERE contradicted IS NOT NULL) AS contradictions,
	count(*) FILTER (WHERE taken_over IS NOT NULL) AS taken,
	count(*) FILTER (WHERE flags <> '{}') AS unread,
	count(*) FILTER (WHERE assignee_id = '' AND state NOT IN ('resolved', 'closed')) AS unassigned,
	min(next_due) AS next_due,
	min(severity_rank) FILTER (WHERE state NOT IN ('resolved', 'closed')) AS worst`

func (r numberRow) numbers() campaign.Numbers {
	n := campaign.Numbers{
		Total: r.Total, New: r.New, Open: r.Open, Resolved: r.Resolved, Closed: r.Closed, Overdue: r.Overdue,
		Contradicted: r.Contradicted, TakenOver: r.TakenOver, Unread: r.Unread, Unassigned: r.Unassigned, Red: r.Red, NextDue: utc(r.NextDue),
	}
	if r.Worst != nil && *r.Worst >= 1 && *r.Worst <= len(casefile.Severities()) {
		n.Worst = casefile.Severities()[*r.Worst-1]
	}
	return n
}

// Campaigns returns a page of the list, newest first.
func (s *Store) Campaigns(ctx context.Context, f campaign.Filter) (campaign.List, error) {
	seen, id, err := parseCampaignCursor(f.After)
	if err != nil {
		return campaign.List{}, err
	}
	var rows []struct {
		campaignRow
		numberRow
	}
	if err := s.db.SelectContext(ctx, &rows, `
		SELECT `+campaignColumns+`, n.*, (SELECT count(*) FROM cases WHERE campaign_id = k.id AND tlp = 'RED') AS red
		FROM (
			SELECT * FROM campaigns
			WHERE ($3 = '' OR state = $3) AND (first_seen, id) < ($4::timestamptz, $5::uuid)
			ORDER BY first_seen DESC, id DESC LIMIT $6
		) k, LATERAL (SELECT `+counts+` FROM cases WHERE campaign_id = k.id AND cases.state <> 'merged' AND`+readable+`) n
		ORDER BY k.first_seen DESC, k.id DESC`, string(f.Reader), f.Now, f.State, seen, id, f.Limit+1); err != nil {
		return campaign.List{}, pg.Classify(ctx, fmt.Errorf("list campaigns: %w", err))
	}
	out := campaign.List{}
	if len(rows) > f.Limit {
		rows = rows[:f.Limit]
		l := rows[f.Limit-1]
		out.Next = base64.RawURLEncoding.EncodeToString([]byte(l.FirstSeen.UTC().Format(stamp) + " " + l.ID))
	}
	out.Items = make([]campaign.Line, len(rows))
	for i, r := range rows {
		out.Items[i] = campaign.Line{Campaign: *r.campaign(), Numbers: r.numbers()}
	}
	return out, nil
}

// parseCampaignCursor reads where the page before ended; anything else is Malformed.
func parseCampaignCursor(s string) (seen, id string, err error) {
	if s == "" {
		return last.Received, last.ID, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	seen, id, _ = strings.Cut(string(b), " ")
	if _, bad := time.Parse(stamp, seen); err != nil || bad != nil || !event.IsID(id) {
		return "", "", fault.New(fault.Malformed, "after is no cursor of this list")
	}
	return seen, id, nil
}

// count fills the figures: one query for the sums, one by state, severity and Kreis.
func (s *Store) count(ctx context.Context, r casefile.Reader, at time.Time, o *campaign.Overview) error {
	var n numberRow
	if err := s.db.GetContext(ctx, &n, `SELECT `+counts+` FROM cases WHERE campaign_id = $3 AND state <> 'merged' AND`+readable, string(r), at, o.ID); err != nil {
		return fmt.Errorf("count: %w", err)
	}
	o.Numbers = n.numbers()
	var rows []struct {
		State    string `db:"state"`
		Severity string `db:"severity"`
		Kreis    string `db:"org_kreis"`
		N        int    `db:"n"`
	}
	if err := s.db.SelectContext(ctx, &rows, `
		SELECT state, severity, org_kreis, count(*) AS n FROM cases
		WHERE campaign_id = $2 AND state <> 'merged' AND`+readable+` GROUP BY state, severity, org_kreis`, string(r), o.ID); err != nil {
		return fmt.Errorf("count by Kreis: %w", err)
	}
	o.States, o.Severities, o.Kreise = map[casefile.State]int{}, map[casefile.Severity]int{}, map[string]int{}
	for _, r := range rows {
		o.States[casefile.State(r.State)] += r.N
		o.Severities[casefile.Severity(r.Severity)] += r.N
		o.Kreise[r.Kreis] += r.N
	}
	return nil
}

// bodies are those whose case has not ended.
func (s *Store) bodies(ctx context.Context, r casefile.Reader, o *campaign.Overview) error {
	var rows []struct {
		ID        string `db:"org_id"`
		AGS       string `db:"org_ags"`
		Name      string `db:"org_name"`
		Reference string `db:"reference"`
	}
	if err := s.db.SelectContext(ctx, &rows, `
		SELECT org_id, org_ags, org_name, reference FROM cases
		WHERE campaign_id = $2 AND state NOT IN ('closed', 'merged') AND`+readable+` ORDER BY org_name, reference`, string(r), o.ID); err != nil {
		return fmt.Errorf("bodies: %w", err)
	}
	for _, r := range rows {
		o.Bodies = append(o.Bodies, campaign.Body{Organisation: event.Organisation{ID: r.ID, AGS: r.AGS, Name: r.Name}, Case: r.Reference})
	}
	return nil
}

// timeline is the newest that happened, oldest first, without the lines about
// cases that the reader may not read.
func (s *Store) timeline(ctx context.Context, reader casefile.Reader, o *campaign.Overview) error {
	var rows []entryRow
	if err := s.db.SelectContext(ctx, &rows, `
		SELECT * FROM (
			SELECT id, campaign_id AS case_id, version, at, actor_id, actor_name, kind, from_value, to_value, reason, ref
			FROM campaign_entries WHERE campaign_id = $1 ORDER BY at DESC, id DESC LIMIT 200
		) e ORDER BY at, id`, o.ID); err != nil {
		return fmt.Errorf("timeline: %w", err)
	}
	hidden, err := s.hidden(ctx, reader, o.ID, rows)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if hidden[r.Ref] || hidden[r.Ref+" "+r.To] {
			continue
		}
		o.Timeline = append(o.Timeline, campaign.Entry{
			ID: r.ID, At: r.At.UTC(), Version: r.Version, Actor: event.Person{ID: r.ActorID, Name: r.Name},
			Kind: r.Kind, From: r.From, To: r.To, Reason: r.Reason, Ref: r.Ref,
		})
	}
	return nil
}

// hidden are the cases that the reader may not read, as the lines of a campaign's
// timeline name them: by id, or by a report's reference and the body it is about.
func (s *Store) hidden(ctx context.Context, r casefile.Reader, id string, lines []entryRow) (map[string]bool, error) {
	if r == casefile.AllReaders {
		return nil, nil
	}
	named, reports := []string{}, []string{}
	for _, l := range lines {
		switch {
		case event.IsID(l.Ref):
			named = append(named, l.Ref)
		case l.Ref != "":
			reports = append(reports, l.Ref)
		}
	}
	var rows []struct {
		ID     string `db:"id"`
		Report string `db:"report"`
	}
	if err := s.db.SelectContext(ctx, &rows, `
		SELECT c.id, coalesce(r.reference || ' ' || (r.body -> 'affected' ->> 'name'), '') AS report
		FROM cases c LEFT JOIN case_reports r ON r.case_id = c.id
		WHERE (c.campaign_id = $2 OR c.id = ANY ($3::uuid[]) OR r.reference = ANY ($4)) AND c.locked AND`+readable+` IS NOT TRUE`, string(r), id, pq.Array(named), pq.Array(reports)); err != nil {
		return nil, fmt.Errorf("locked cases of the campaign: %w", err)
	}
	out := map[string]bool{}
	for _, x := range rows {
		out[x.ID], out[x.Report] = true, x.Report != ""
	}
	return out, nil
}

func encodeOrder(o campaign.Order) (string, error) {
	b, err := json.Marshal(o)
	if err != nil {
		return "", fmt.Errorf("encode order: %w", err)
	}
	return string(b), nil
}
