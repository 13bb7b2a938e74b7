// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/intake/internal/figures"
	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/pg"
)

var _ figures.Store = (*Store)(nil)

// countedBodies are what was reported about organisations in a period, by index:
// the cost grows with what they reported then, not with the archive.
const countedBodies = `
SELECT b.report_id, b.organisation, b.visible_to, b.formerly, b.on_behalf, b.agent, b.taken_in_at, r.reporter_id, r.home,
	coalesce(r.content ->> 'what', '') AS what, coalesce(r.content ->> 'tlp', '') AS tlp, coalesce((r.content ->> 'exercise')::boolean, false) AS exercise
FROM unnest($1::text[]) AS o(id)
CROSS JOIN LATERAL (
	SELECT report_id, organisation, visible_to, formerly, on_behalf, agent, taken_in_at FROM report_body
	WHERE visible_to = o.id AND visible_to <> '' AND taken_in_at >= $2 AND taken_in_at < $3
) b
JOIN report r ON r.id = b.report_id
ORDER BY b.taken_in_at, b.report_id`

// caseColumns are what figures need of a case.
const caseColumns = `
	coalesce(c.snapshot -> 'organisation' ->> 'id', '') AS organisation, coalesce(c.snapshot ->> 'state', '') AS state,
	coalesce(c.snapshot ->> 'report_status', '') AS report_status, coalesce(c.snapshot -> 'clocks', '[]')::text AS clocks,
	coalesce((c.snapshot ->> 'locked')::boolean, false) AS locked, coalesce(c.snapshot -> 'assignee' ->> 'id', '') AS assignee`

// countedCases are the cases of bodies of reports, each by index: of a report about
// hundreds the rules are not asked about the others' (OFFSET 0 keeps it so).
const countedCases = `
SELECT i.id AS report_id, l.case_id AS id, c.*
FROM unnest($1::uuid[], $2::text[]) AS i(id, organisation)
CROSS JOIN LATERAL (SELECT case_id FROM case_report WHERE report_id = i.id AND organisation IN (i.organisation, '') OFFSET 0) l
CROSS JOIN LATERAL (SELECT` + caseColumns + ` FROM case_copy c WHERE c.id = l.case_id OFFSET 0) c
WHERE c.organisation = i.organisation
ORDER BY i.id, l.case_id`

// strayCases are locked ones that fit none of the bodies: they lock all of the
// report (report.WithCases). Only for the CERT; nobody else is kept out by a lock.
const strayCases = `
SELECT l.report_id, c.id,` + caseColumns + `
FROM unnest($1::uuid[]) AS i(id)
JOIN case_report l ON l.report_id = i.id
JOIN case_copy c ON c.id = l.case_id
WHERE coalesce((c.snapshot ->> 'locked')::boolean, false) AND NOT EXISTS (SELECT FROM report_body b WHERE b.report_id = l.report_id
	AND (b.organisation <> '' AND b.organisation = c.snapshot -> 'organisation' ->> 'id'
		OR b.organisation = '' AND (b.visible_to = '' OR c.snapshot -> 'organisation' ->> 'id' IN (b.visible_to, b.formerly))))
ORDER BY l.report_id, c.id`

type countedRow struct {
	Report       string    `db:"report_id"`
	Organisation string    `db:"organisation"`
	VisibleTo    string    `db:"visible_to"`
	Formerly     string    `db:"formerly"`
	OnBehalf     string    `db:"on_behalf"`
	Agent        string    `db:"agent"`
	TakenInAt    time.Time `db:"taken_in_at"`
	ReporterID   string    `db:"reporter_id"`
	Home         string    `db:"home"`
	What         string    `db:"what"`
	TLP          string    `db:"tlp"`
	Exercise     bool      `db:"exercise"`
}

// Lines implements figures.Store.
func (s *Store) Lines(ctx context.Context, seer actor.Seer, organisations []string, from, to time.Time) ([]report.Report, error) {
	var rows []countedRow
	cases := map[about][]event.Case{}
	err := pg.As(ctx, s.people, seer, func(tx pg.DB) error {
		if err := tx.SelectContext(ctx, &rows, countedBodies, pq.Array(organisations), from, to); err != nil {
			return fmt.Errorf("count reports: %w", err)
		}
		return countCases(ctx, tx, rows, seer.Everything, cases)
	})
	if err != nil {
		return nil, err
	}
	out := make([]report.Report, len(rows))
	for i, r := range rows {
		out[i] = r.line(slices.Concat(cases[r.about()], cases[about{report: r.Report}]))
	}
	return out, nil
}

// about is a report and the organisation of a case about it; of none: it strays.
type about struct{ report, organisation string }

// about is whose cases are the body's: of what a guest typed, the organisation's
// that an analyst confirmed.
func (r countedRow) about() about {
	return about{r.Report, cmp.Or(r.Organisation, r.Formerly, r.VisibleTo)}
}

// line is a report with this body alone.
func (r countedRow) line(cases []event.Case) report.Report {
	b := report.Body{
		Organisation: event.Organisation{ID: r.Organisation}, VisibleTo: r.VisibleTo, Formerly: r.Formerly,
		OnBehalf: r.OnBehalf, Agent: event.Organisation{ID: r.Agent},
	}
	return report.Report{
		ID: r.Report, ReceivedAt: r.TakenInAt.UTC(), Reporter: event.Person{ID: r.ReporterID}, Home: r.Home,
		Content:  report.Content{What: r.What, TLP: r.TLP, Exercise: r.Exercise},
		Affected: report.WithCases([]report.Body{b}, cases),
	}
}

// caseRow is a case about a report.
type caseRow struct {
	Report       string `db:"report_id"`
	ID           string `db:"id"`
	Organisation string `db:"organisation"`
	State        string `db:"state"`
	Status       string `db:"report_status"`
	Clocks       string `db:"clocks"`
	Locked       bool   `db:"locked"`
	Assignee     string `db:"assignee"`
}

// countCases adds the cases to the bodies of the reports that they are about, and
// strays, when they matter, to the report alone.
func countCases(ctx context.Context, tx pg.DB, counted []countedRow, strays bool, to map[about][]event.Case) error {
	pairs := make([]about, len(counted))
	for i, r := range counted {
		pairs[i] = r.about()
	}
	slices.SortFunc(pairs, func(a, b about) int {
		return cmp.Or(cmp.Compare(a.report, b.report), cmp.Compare(a.organisation, b.organisation))
	})
	pairs = slices.Compact(pairs)
	ids, orgs := make([]string, len(pairs)), make([]string, len(pairs))
	for i, p := range pairs {
		ids[i], orgs[i] = p.report, p.organisation
	}
	if len(ids) == 0 {
		return nil
	}
	add := func(stray bool, query string, args ...any) error {
		var rows []caseRow
		if err := tx.SelectContext(ctx, &rows, query, args...); err != nil {
			return fmt.Errorf("count cases: %w", err)
		}
		for _, r := range rows {
			c := event.Case{
				ID: r.ID, State: r.State, ReportStatus: r.Status, Organisation: event.Organisation{ID: r.Organisation},
				Locked: r.Locked, Assignee: &event.Person{ID: r.Assignee},
			}
			if err := json.Unmarshal([]byte(r.Clocks), &c.Clocks); err != nil {
				return fmt.Errorf("case copy %s is broken: %w", r.ID, err)
			}
			at := about{r.Report, r.Organisation}
			if stray {
				at.organisation = ""
			}
			to[at] = append(to[at], c)
		}
		return nil
	}
	if err := add(false, countedCases, pq.Array(ids), pq.Array(orgs)); err != nil || !strays {
		return err
	}
	return add(true, strayCases, pq.Array(slices.Compact(ids)))
}
