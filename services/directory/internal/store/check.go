// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/contact"
	"github.com/thueringencert/leitstelle/services/directory/internal/task"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/pg"
)

type questionRow struct {
	Check     string    `db:"check_id"`
	ExpiresAt time.Time `db:"check_expires"`
	contactRow
}

func (s *Store) questions(ctx context.Context, rows []questionRow) ([]contact.Question, error) {
	out := make([]contact.Question, 0, len(rows))
	for _, r := range rows {
		o, err := s.Organisation(ctx, r.Organisation)
		if err != nil {
			return nil, err
		}
		out = append(out, contact.Question{Check: r.Check, Contact: r.contact(), Organisation: o, ExpiresAt: r.ExpiresAt.UTC()})
	}
	return out, nil
}

// DueForCheck lists contacts to ask.
func (s *Store) DueForCheck(ctx context.Context, before time.Time, limit int) ([]contact.Question, error) {
	var rows []questionRow
	err := s.DB.SelectContext(ctx, &rows, `SELECT '' AS check_id, now() AS check_expires, `+contactColumns+` FROM contact c
		JOIN organisation o ON o.id = c.organisation AND o.gone_at IS NULL
		WHERE c.removed_at IS NULL AND c.email <> '' AND (c.confirmed_at IS NULL OR c.confirmed_at < $1)
			AND NOT EXISTS (SELECT FROM contact_check k WHERE k.contact = c.id AND k.asked_at >= $1)
		ORDER BY c.confirmed_at NULLS FIRST, c.id LIMIT $2`, before, limit)
	if err != nil {
		return nil, classify(ctx, err, "list contacts to ask")
	}
	return s.questions(ctx, rows)
}

// DueForReminder lists questions to repeat.
func (s *Store) DueForReminder(ctx context.Context, before, at time.Time, limit int) ([]contact.Question, error) {
	var rows []questionRow
	err := s.DB.SelectContext(ctx, &rows, `SELECT k.id AS check_id, k.expires_at AS check_expires, `+contactColumns+` FROM contact_check k
		JOIN contact c ON c.id = k.contact AND c.removed_at IS NULL AND c.email <> ''
		WHERE k.answered_at IS NULL AND k.reminded_at IS NULL AND k.asked_at < $1 AND k.expires_at > $2
		ORDER BY k.asked_at, k.id LIMIT $3`, before, at, limit)
	if err != nil {
		return nil, classify(ctx, err, "list questions to repeat")
	}
	return s.questions(ctx, rows)
}

// AskContact stores a question with the mail that carries its link.
func (s *Store) AskContact(ctx context.Context, act constituency.Act, q contact.Question, sum []byte, mail event.NoticeWanted) error {
	return s.sendCheck(ctx, act, "contact.ask", q, mail, func(tx pg.DB) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO contact_check (id, contact, sum, asked_at, expires_at) VALUES ($1, $2, $3, $4, $5)`,
			q.Check, q.Contact.ID, sum, act.At, q.ExpiresAt)
		return err
	})
}

// RemindContact stores the link of a reminder; the first one stays good.
func (s *Store) RemindContact(ctx context.Context, act constituency.Act, q contact.Question, sum []byte, mail event.NoticeWanted) error {
	return s.sendCheck(ctx, act, "contact.remind", q, mail, func(tx pg.DB) error {
		_, err := tx.ExecContext(ctx, `UPDATE contact_check SET reminder_sum = $2, reminded_at = $3 WHERE id = $1`, q.Check, sum, act.At)
		return err
	})
}

func (s *Store) sendCheck(ctx context.Context, act constituency.Act, action string, q contact.Question, mail event.NoticeWanted, write func(tx pg.DB) error) error {
	return pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		if err := write(tx); err != nil {
			return fmt.Errorf("ask contact %s: %w", q.Contact.ID, err)
		}
		return s.commit(ctx, tx, change{act, action, "contact", q.Contact.ID, []event.Payload{mail}})
	})
}

// Escalate opens a task for each question that stayed without an answer, and
// for each old contact without an address.
func (s *Store) Escalate(ctx context.Context, act constituency.Act, before, old time.Time) (int, error) {
	var rows []questionRow
	err := s.DB.SelectContext(ctx, &rows, `
		SELECT k.id::text AS check_id, k.expires_at AS check_expires, `+contactColumns+` FROM contact_check k
		JOIN contact c ON c.id = k.contact AND c.removed_at IS NULL
		WHERE k.answered_at IS NULL AND k.escalated_at IS NULL AND k.reminded_at < $1
		UNION ALL
		SELECT '' AS check_id, now() AS check_expires, `+contactColumns+` FROM contact c
		JOIN organisation o ON o.id = c.organisation AND o.gone_at IS NULL
		WHERE c.removed_at IS NULL AND c.email = '' AND (c.confirmed_at IS NULL OR c.confirmed_at < $2)
			AND NOT EXISTS (SELECT FROM task t WHERE t.contact = c.id AND t.kind = 'unconfirmed' AND (t.done_at IS NULL OR t.done_at > $2))
		LIMIT 200`, before, old)
	if err != nil {
		return 0, classify(ctx, err, "list unanswered questions")
	}
	for _, r := range rows {
		if err := s.escalate(ctx, act, r); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

func (s *Store) escalate(ctx context.Context, act constituency.Act, r questionRow) error {
	return pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		if r.Check != "" {
			if _, err := tx.ExecContext(ctx, `UPDATE contact_check SET escalated_at = $2 WHERE id = $1`, r.Check, act.At); err != nil {
				return fmt.Errorf("hand over question %s: %w", r.Check, err)
			}
		}
		// Two contacts without an address are two tasks: the name tells them apart.
		address := r.Email
		if address == "" {
			address = r.Name
		}
		id, _, err := openTask(ctx, tx, act, task.Task{Kind: task.Unconfirmed, Organisation: r.Organisation, Contact: r.ID, Address: address})
		if err != nil {
			return err
		}
		return s.commit(ctx, tx, change{act, "task.unconfirmed", "task", id, nil})
	})
}

// CheckOf finds the question of a link.
func (s *Store) CheckOf(ctx context.Context, sum []byte) (contact.Check, contact.Contact, constituency.Organisation, error) {
	var r struct {
		ID         string     `db:"id"`
		Contact    string     `db:"contact"`
		AskedAt    time.Time  `db:"asked_at"`
		AnsweredAt *time.Time `db:"answered_at"`
		ExpiresAt  time.Time  `db:"expires_at"`
	}
	err := s.DB.GetContext(ctx, &r, `SELECT id, contact, asked_at, answered_at, expires_at FROM contact_check WHERE sum = $1 OR reminder_sum = $1`, sum)
	if err != nil {
		return contact.Check{}, contact.Contact{}, constituency.Organisation{}, pg.NoRows(ctx, err, "this link is over")
	}
	k := contact.Check{ID: r.ID, Contact: r.Contact, AskedAt: r.AskedAt.UTC(), AnsweredAt: utc(r.AnsweredAt), ExpiresAt: r.ExpiresAt.UTC()}
	c, err := s.Contact(ctx, r.Contact)
	if err != nil {
		return k, c, constituency.Organisation{}, err
	}
	o, err := s.Organisation(ctx, c.Organisation)
	return k, c, o, err
}

// AnswerCheck confirms the contact, or makes a task of what should change.
func (s *Store) AnswerCheck(ctx context.Context, act constituency.Act, check, wish string) error {
	return pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		var id string
		err := tx.GetContext(ctx, &id, `UPDATE contact_check SET answered_at = $2 WHERE id = $1 AND answered_at IS NULL RETURNING contact`, check, act.At)
		if err != nil {
			return pg.NoRows(ctx, err, "this question is answered")
		}
		if wish == "" {
			_, err := s.On(tx).UpdateContact(ctx, act, id, "contact.confirm", func(c *contact.Contact) (bool, error) { return c.Confirm(act.At), nil })
			return err
		}
		c, err := s.On(tx).Contact(ctx, id)
		if err != nil {
			return err
		}
		taskID, _, err := openTask(ctx, tx, act, task.Task{
			Kind: task.ChangeWanted, Organisation: c.Organisation, Contact: c.ID, Address: c.Email, Detail: wish, Shared: true,
		})
		if err != nil {
			return err
		}
		return s.commit(ctx, tx, change{act, "task.change_wanted", "task", taskID, nil})
	})
}

// settle ends what a change of a contact answers: open questions about it, and
// the tasks about it and its addresses.
func settle(ctx context.Context, tx pg.DB, act constituency.Act, before, after contact.Contact) error {
	if _, err := tx.ExecContext(ctx, `UPDATE contact_check SET answered_at = $2 WHERE contact = $1 AND answered_at IS NULL`, after.ID, act.At); err != nil {
		return fmt.Errorf("settle the questions about contact %s: %w", after.ID, err)
	}
	_, err := tx.ExecContext(ctx, `UPDATE task SET done_at = $4, done_by = $5, version = version + 1
		WHERE done_at IS NULL AND organisation = $1 AND (contact = $2 OR kind = 'bounce' AND address = $3)`,
		after.Organisation, after.ID, before.Email, act.At, null(act.Actor.Person))
	if err != nil {
		return fmt.Errorf("settle the tasks about contact %s: %w", after.ID, err)
	}
	return nil
}

// ForgetContacts deletes what was removed before the time.
func (s *Store) ForgetContacts(ctx context.Context, act constituency.Act, before time.Time) (int, error) {
	var ids []string
	err := pg.InTx(ctx, s.DB, func(tx pg.DB) error {
		if err := tx.SelectContext(ctx, &ids, `DELETE FROM contact WHERE removed_at < $1 RETURNING id`, before); err != nil {
			return fmt.Errorf("delete removed contacts: %w", err)
		}
		if len(ids) == 0 {
			return nil
		}
		return s.commit(ctx, tx, change{act, "contact.forget", "contact", fmt.Sprint(len(ids)), nil})
	})
	return len(ids), err
}
