// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/task"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/pg"
)

type taskRow struct {
	ID               string     `db:"id"`
	Kind             string     `db:"kind"`
	Organisation     string     `db:"organisation"`
	OrganisationName string     `db:"organisation_name"`
	OrganisationAGS  string     `db:"organisation_ags"`
	Contact          *string    `db:"contact"`
	ContactName      string     `db:"contact_name"`
	Address          string     `db:"address"`
	Detail           string     `db:"detail"`
	Shared           bool       `db:"shared"`
	Times            int        `db:"times"`
	OpenedAt         time.Time  `db:"opened_at"`
	LastAt           time.Time  `db:"last_at"`
	DoneAt           *time.Time `db:"done_at"`
	DoneBy           *string    `db:"done_by"`
	DoneByName       string     `db:"done_by_name"`
	Note             string     `db:"note"`
	Version          int        `db:"version"`
}

func (r taskRow) task() task.Task {
	return task.Task{
		ID: r.ID, Kind: task.Kind(r.Kind), Organisation: r.Organisation, OrganisationName: r.OrganisationName, OrganisationAGS: r.OrganisationAGS,
		Contact: text(r.Contact), ContactName: r.ContactName, Address: r.Address, Detail: r.Detail, Shared: r.Shared, Times: r.Times,
		OpenedAt: r.OpenedAt.UTC(), LastAt: r.LastAt.UTC(), DoneAt: utc(r.DoneAt), DoneBy: text(r.DoneBy), DoneByName: r.DoneByName,
		Note: r.Note, Version: r.Version,
	}
}

const selectTask = `
SELECT t.id, t.kind, t.organisation, o.name AS organisation_name, coalesce(o.ags, '') AS organisation_ags, t.contact,
	coalesce(c.name, '') AS contact_name, t.address, t.detail, t.shared, t.times, t.opened_at, t.last_at, t.done_at, t.done_by,
	coalesce(p.name, '') AS done_by_name, t.note, t.version
FROM task t
JOIN organisation o ON o.id = t.organisation
LEFT JOIN contact c ON c.id = t.contact
LEFT JOIN person p ON p.id = t.done_by`

// Tasks lists open or done tasks, the newest first.
func (s *Store) Tasks(ctx context.Context, f task.Filter) ([]task.Task, string, error) {
	after := "ffffffff-ffff-ffff-ffff-ffffffffffff"
	if f.After != "" {
		if err := validID("page", f.After); err != nil {
			return nil, "", fault.New(fault.Malformed, "after is no cursor of this list")
		}
		after = f.After
	}
	n := limit(f.Limit)
	var rows []taskRow
	err := s.DB.SelectContext(ctx, &rows, selectTask+`
		WHERE (t.done_at IS NOT NULL) = $1 AND t.id < $2 AND ($3 OR t.shared AND t.organisation = ANY ($4::uuid[]))
		ORDER BY t.id DESC LIMIT $5`, f.Done, after, f.Everything, pq.Array(f.Organisations), n+1)
	if err != nil {
		return nil, "", classify(ctx, err, "list tasks")
	}
	next := ""
	if len(rows) > n {
		rows, next = rows[:n], rows[n-1].ID
	}
	out := make([]task.Task, 0, len(rows))
	for _, r := range rows {
		out = append(out, r.task())
	}
	return out, next, nil
}

// Task returns one.
func (s *Store) Task(ctx context.Context, id string) (task.Task, error) {
	if err := validID("task", id); err != nil {
		return task.Task{}, err
	}
	var r taskRow
	err := s.DB.GetContext(ctx, &r, selectTask+` WHERE t.id = $1`, id)
	return r.task(), pg.NoRows(ctx, err, "no task %s", id)
}

// UpdateTask loads it under a lock, changes and saves it.
func (s *Store) UpdateTask(ctx context.Context, act constituency.Act, id, action string, apply func(*task.Task) error) (task.Task, error) {
	var t task.Task
	err := pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		var r taskRow
		if err := tx.GetContext(ctx, &r, selectTask+` WHERE t.id = $1 FOR UPDATE OF t`, id); err != nil {
			return pg.NoRows(ctx, err, "no task %s", id)
		}
		t = r.task()
		if err := apply(&t); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE task SET done_at = $2, done_by = $3, note = $4, version = $5 WHERE id = $1`,
			id, t.DoneAt, null(t.DoneBy), t.Note, t.Version); err != nil {
			return fmt.Errorf("save task %s: %w", id, err)
		}
		return s.commit(ctx, tx, change{act, action, "task", id, nil})
	})
	if err != nil {
		return t, err
	}
	return s.Task(ctx, id)
}

// openTask opens a task, or counts it for the open one of the same address. It
// returns the id and whether it is new.
func openTask(ctx context.Context, tx pg.DB, act constituency.Act, t task.Task) (string, bool, error) {
	var r struct {
		ID  string `db:"id"`
		New bool   `db:"new"`
	}
	err := tx.GetContext(ctx, &r, `
		INSERT INTO task (id, kind, organisation, contact, address, detail, shared, times, opened_at, last_at, note, version)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $8, '', 1)
		ON CONFLICT (kind, organisation, address) WHERE done_at IS NULL
		DO UPDATE SET times = task.times + 1, last_at = excluded.last_at, detail = excluded.detail, version = task.version + 1
		RETURNING id, (xmax = 0) AS new`,
		event.NewID(), string(t.Kind), t.Organisation, null(t.Contact), t.Address, t.Detail, t.Shared, act.At)
	if err != nil {
		return "", false, fmt.Errorf("open a task: %w", err)
	}
	return r.ID, r.New, nil
}

// Bounced opens a task for an address that a mail did not reach, or counts it
// for the open one. The organisation's own administrators learn of it as long as
// the address is not theirs.
func (s *Store) Bounced(ctx context.Context, act constituency.Act, f task.Failure) error {
	return pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		var err error
		if f, err = whoseMail(ctx, tx, f); err != nil || f.Organisation == "" || f.Address == "" {
			return err
		}
		t := task.Task{Kind: task.Bounce, Organisation: f.Organisation, Address: f.Address, Detail: cutRunes(f.Reason, 300)}
		if t.Contact, err = contactWith(ctx, tx, f.Organisation, f.Address); err != nil {
			return err
		}
		admins, err := s.On(tx).adminsOf(ctx, f.Organisation, f.Address)
		if err != nil {
			return err
		}
		t.Shared = len(admins) > 0
		id, fresh, err := openTask(ctx, tx, act, t)
		if err != nil {
			return err
		}
		var mails []event.Payload
		if fresh {
			for _, a := range admins {
				mails = append(mails, a.mail("contact_task", id, "/verzeichnis/aufgaben", map[string]any{"contact": f.Address}))
			}
		}
		return s.commit(ctx, tx, change{act, "task.bounce", "task", id, mails})
	})
}

func cutRunes(s string, n int) string {
	r := []rune(strings.ToValidUTF8(s, "?"))
	return string(r[:min(len(r), n)])
}

// whoseMail finds the organisation and the address of a failure, as far as the
// register knows them; both empty: nobody of ours.
func whoseMail(ctx context.Context, tx pg.DB, f task.Failure) (task.Failure, error) {
	f.Address = strings.ToLower(strings.TrimSpace(f.Address))
	if f.Person != "" && validID("person", f.Person) == nil {
		var r struct {
			Email        string  `db:"email"`
			Organisation *string `db:"organisation"`
		}
		err := tx.GetContext(ctx, &r, `SELECT p.email, (SELECT m.organisation FROM membership m WHERE m.person = p.id ORDER BY m.position LIMIT 1) AS organisation
			FROM person p WHERE p.id = $1`, f.Person)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return f, fmt.Errorf("read the person of a failure: %w", err)
		}
		if f.Address == "" {
			f.Address = r.Email
		}
		if f.Organisation == "" {
			f.Organisation = text(r.Organisation)
		}
	}
	var email string
	if !event.IsID(f.Organisation) {
		f.Organisation = ""
		return f, nil
	}
	err := tx.GetContext(ctx, &email, `SELECT email FROM organisation WHERE id = $1`, f.Organisation)
	if errors.Is(err, sql.ErrNoRows) {
		f.Organisation = ""
		return f, nil
	}
	if f.Address == "" {
		f.Address = strings.ToLower(email)
	}
	return f, err
}

func contactWith(ctx context.Context, tx pg.DB, organisation, address string) (string, error) {
	var id string
	err := tx.GetContext(ctx, &id, `SELECT id FROM contact WHERE organisation = $1 AND email = $2 AND removed_at IS NULL ORDER BY id LIMIT 1`, organisation, address)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, err
}

// addressee is somebody the directory wants a mail sent to.
type addressee struct {
	ID           string `db:"id"`
	Name         string `db:"name"`
	Email        string `db:"email"`
	Language     string `db:"language"`
	organisation event.Organisation
}

// mail is the wish for one mail about an object.
func (a addressee) mail(kind, object, path string, data map[string]any) event.NoticeWanted {
	return event.NoticeWanted{
		ID: event.NewID(), Kind: kind, Topic: kind + "-" + object + "-" + a.ID, Person: a.ID, Name: a.Name, Email: a.Email,
		Language: a.Language, Organisation: a.organisation, Path: path, Data: data,
	}
}

// adminsOf lists the organisation's active administrators, without the one
// whose address it is.
func (s *Store) adminsOf(ctx context.Context, organisation, but string) ([]addressee, error) {
	o, err := s.Organisation(ctx, organisation)
	if err != nil {
		return nil, err
	}
	var list []addressee
	err = s.DB.SelectContext(ctx, &list, `SELECT p.id, p.name, p.email, p.language FROM person p
		WHERE p.active AND p.email <> $2 AND EXISTS (SELECT FROM membership m WHERE m.person = p.id AND m.organisation = $1 AND m.role = 'org_admin')
		ORDER BY p.id LIMIT 10`, organisation, but)
	for i := range list {
		list[i].organisation = organisationEvent(o).Ref()
	}
	return list, classify(ctx, err, "list the administrators of %s", organisation)
}
