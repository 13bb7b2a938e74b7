// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/triage/internal/campaign"
	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// JobChannel is notified with every order.
const JobChannel = "triage_jobs"

type jobRow struct {
	ID        string     `db:"id"`
	Campaign  string     `db:"campaign_id"`
	Kind      string     `db:"kind"`
	ActorID   string     `db:"actor_id"`
	ActorName string     `db:"actor_name"`
	Request   string     `db:"request"`
	Body      string     `db:"body"`
	Total     int        `db:"total"`
	Done      int        `db:"done"`
	Failed    int        `db:"failed"`
	CreatedAt time.Time  `db:"created_at"`
	EndedAt   *time.Time `db:"ended_at"`
}

const jobColumns = `id, campaign_id, kind, actor_id, actor_name, request, body, total, done, failed, created_at, ended_at`

func (r jobRow) job() (campaign.Job, error) {
	j := campaign.Job{
		ID: r.ID, Campaign: r.Campaign, Kind: r.Kind, By: event.Person{ID: r.ActorID, Name: r.ActorName}, Request: r.Request,
		Total: r.Total, Done: r.Done, Failed: r.Failed, CreatedAt: r.CreatedAt.UTC(), EndedAt: utc(r.EndedAt),
	}
	if err := json.Unmarshal([]byte(r.Body), &j.Order); err != nil {
		return j, fmt.Errorf("order of job %s: %w", r.ID, err)
	}
	return j, nil
}

// fits narrows a campaign's cases to those that an order is about: the named
// ones, or all that have not ended and fit; none that the reader $1 may not read.
const fits = readable + `
	AND campaign_id = $2 AND state <> 'merged'
	AND (CASE WHEN cardinality($3::text[]) > 0 THEN id::text = ANY($3::text[]) ELSE state <> 'closed' END)
	AND ($4 = '' OR state = $4) AND ($5 = '' OR severity = $5) AND ($6 = '' OR org_kreis = $6)
	AND ($7 = '' OR CASE $7 WHEN 'contradicted' THEN contradicted IS NOT NULL WHEN 'taken_over' THEN taken_over IS NOT NULL
		WHEN 'locked' THEN locked ELSE flags <> '{}' END)`

func which(r casefile.Reader, id string, w campaign.Which) []any {
	return []any{string(r), id, pq.Array(append([]string{}, w.Cases...)), w.State, w.Severity, w.Kreis, w.Mark}
}

// Count returns how many cases an order would touch.
func (s *Store) Count(ctx context.Context, r casefile.Reader, id string, w campaign.Which) (int, error) {
	var n int
	err := s.db.GetContext(ctx, &n, `SELECT count(*) FROM cases WHERE `+fits, which(r, id, w)...)
	return n, pg.Classify(ctx, err)
}

// Order stores a job and the cases it is about, and wakes who works it off.
func (s *Store) Order(ctx context.Context, by casefile.By, at time.Time, j campaign.Job, w campaign.Which,
	change func(k *campaign.Campaign, total int) error,
) (campaign.Job, error) {
	body, err := encodeOrder(j.Order)
	if err != nil {
		return campaign.Job{}, err
	}
	err = pg.InTx(ctx, s.db, func(tx pg.DB) error {
		k, err := lockCampaign(ctx, tx, j.Campaign)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO campaign_jobs (id, campaign_id, kind, actor_id, actor_name, request, body, total, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8)`,
			j.ID, j.Campaign, j.Kind, j.By.ID, j.By.Name, j.Request, body, j.CreatedAt); err != nil {
			return fmt.Errorf("insert job: %w", err)
		}
		if err := tx.GetContext(ctx, &j.Total, `
			WITH picked AS (
				INSERT INTO campaign_job_cases (job_id, n, case_id)
				SELECT $8::uuid, row_number() OVER (ORDER BY reference), id FROM cases WHERE `+fits+` RETURNING 1
			) SELECT count(*) FROM picked`, append(which(by.Reader(actor.CaseRead), j.Campaign, w), j.ID)...); err != nil {
			return fmt.Errorf("pick the cases: %w", err)
		}
		if err := change(k, j.Total); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE campaign_jobs SET total = $2 WHERE id = $1`, j.ID, j.Total); err != nil {
			return fmt.Errorf("count the cases: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `SELECT pg_notify('`+JobChannel+`', '')`); err != nil {
			return fmt.Errorf("wake the work: %w", err)
		}
		return s.keepCampaign(ctx, tx, by, at, k, nil)
	})
	return j, err
}

// Work does one batch of the oldest job: the cases, their events and audit, and
// how far the job is, in one transaction. Another replica takes the next job.
func (s *Store) Work(ctx context.Context, at time.Time, step func(j campaign.Job, cases []*casefile.Case) []string) (bool, error) {
	worked := false
	err := pg.InTx(ctx, s.db, func(tx pg.DB) error {
		var r jobRow
		err := tx.GetContext(ctx, &r, `
			SELECT `+jobColumns+` FROM campaign_jobs WHERE ended_at IS NULL ORDER BY created_at, id LIMIT 1 FOR UPDATE SKIP LOCKED`)
		if err = pg.NoRows(ctx, err, "nothing waits"); fault.Is(err, fault.NotFound) {
			return nil
		} else if err != nil {
			return err
		}
		worked = true
		j, err := r.job()
		if err != nil {
			return err
		}
		return workBatch(ctx, tx, at, j, step)
	})
	return worked, err
}

func workBatch(ctx context.Context, tx pg.DB, at time.Time, j campaign.Job, step func(j campaign.Job, cases []*casefile.Case) []string) error {
	var ids []string
	if err := tx.SelectContext(ctx, &ids, `
		SELECT case_id FROM campaign_job_cases WHERE job_id = $1 AND state = 'waiting' ORDER BY n LIMIT $2`, j.ID, campaign.Batch); err != nil {
		return fmt.Errorf("next cases of job %s: %w", j.ID, err)
	}
	cases, err := lock(ctx, tx, ids)
	if err != nil {
		return err
	}
	reasons := step(j, cases)
	if _, err := tx.ExecContext(ctx, `
		UPDATE campaign_job_cases t SET state = CASE x.reason WHEN '' THEN 'done' ELSE 'failed' END, reason = x.reason
		FROM unnest($2::text[], $3::text[]) AS x (id, reason) WHERE t.job_id = $1 AND t.case_id = x.id::uuid`,
		j.ID, pq.Array(ids), pq.Array(reasons)); err != nil {
		return fmt.Errorf("note the cases of job %s: %w", j.ID, err)
	}
	for _, r := range reasons {
		if r == "" {
			j.Done++
		} else {
			j.Failed++
		}
	}
	if _, err := tx.ExecContext(ctx, `
		UPDATE campaign_jobs SET done = $2, failed = $3, ended_at = CASE WHEN $2::int + $3::int >= total THEN $4::timestamptz END,
			body = CASE WHEN $2::int + $3::int >= total THEN body - 'text' ELSE body END
		WHERE id = $1`, j.ID, j.Done, j.Failed, at); err != nil {
		return fmt.Errorf("note job %s: %w", j.ID, err)
	}
	var by casefile.By
	by.Actor.Person, by.Actor.Name, by.Request = j.By.ID, j.By.Name, j.Request
	return finish(ctx, tx, by, at, updateCase, cases...)
}

// Job reads a job of a campaign with the first cases that it could not change.
func (s *Store) Job(ctx context.Context, reader casefile.Reader, campaignID, id string) (campaign.Job, error) {
	if !event.IsID(id) {
		return campaign.Job{}, fault.New(fault.NotFound, "there is no such job")
	}
	var r jobRow
	if err := s.db.GetContext(ctx, &r, `SELECT `+jobColumns+` FROM campaign_jobs WHERE id = $1 AND campaign_id = $2`, id, campaignID); err != nil {
		return campaign.Job{}, pg.NoRows(ctx, err, "there is no such job")
	}
	j, err := r.job()
	if err != nil {
		return j, err
	}
	var rows []struct {
		Case      string `db:"id"`
		Reference string `db:"reference"`
		Name      string `db:"org_name"`
		Reason    string `db:"reason"`
	}
	if err := s.db.SelectContext(ctx, &rows, `
		SELECT c.id, c.reference, c.org_name, t.reason FROM campaign_job_cases t JOIN cases c ON c.id = t.case_id
		WHERE t.job_id = $2 AND t.state = 'failed' AND`+readable+` ORDER BY t.n LIMIT 100`, string(reader), id); err != nil {
		return j, pg.Classify(ctx, fmt.Errorf("cases of job %s: %w", id, err))
	}
	for _, x := range rows {
		j.Left = append(j.Left, campaign.Left{Case: x.Case, Reference: x.Reference, Organisation: x.Name, Reason: x.Reason})
	}
	return j, nil
}

// Jobs are the newest five of a campaign.
func (s *Store) Jobs(ctx context.Context, campaignID string) ([]campaign.Job, error) {
	var rows []jobRow
	if err := s.db.SelectContext(ctx, &rows, `
		SELECT `+jobColumns+` FROM campaign_jobs WHERE campaign_id = $1 ORDER BY created_at DESC, id DESC LIMIT 5`, campaignID); err != nil {
		return nil, pg.Classify(ctx, fmt.Errorf("jobs of campaign %s: %w", campaignID, err))
	}
	out := make([]campaign.Job, len(rows))
	for i, r := range rows {
		var err error
		if out[i], err = r.job(); err != nil {
			return nil, err
		}
	}
	return out, nil
}
