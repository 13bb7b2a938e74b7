// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/mandate"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
)

// notice is the mail as notification is asked for it. Ends of validity are told
// as the last moment that still counts.
func (x mail) notice(at time.Time) event.NoticeWanted {
	first := x.mandates[0]
	n := event.NoticeWanted{
		ID: event.NewID(), Kind: x.kind, Topic: x.kind + "-" + first.ID + "-" + x.to.Person,
		Person: x.to.Person, Name: x.to.Name, Email: x.to.Email, Language: x.to.Language,
		Organisation: event.Organisation{ID: x.to.Organisation}, Path: "/verzeichnis/mandate/" + first.ID,
		Data: map[string]any{"principal": first.PrincipalName, "agent": first.AgentName, "at": at.Format(time.RFC3339), "from": first.From.Format(time.RFC3339)},
	}
	if first.To != nil {
		n.Data["to"] = first.To.Add(-time.Second).Format(time.RFC3339)
	}
	if len(x.mandates) > 1 { // mandates_confirmed, mandates_ending
		n.Kind = strings.Replace(x.kind, "mandate_", "mandates_", 1)
		n.Topic, n.Path = n.Kind+"-"+x.to.Person, "/verzeichnis/mandate"
		n.Data = map[string]any{"count": strconv.Itoa(len(x.mandates)), "agent": first.AgentName}
	}
	return n
}

// mail is one wish of a person: kind and the mandates it is about.
type mail struct {
	kind     string
	to       recipientRow
	mandates []mandate.Named
}

type recipientRow struct {
	Person       string `db:"person"`
	Name         string `db:"name"`
	Email        string `db:"email"`
	Language     string `db:"language"`
	Organisation string `db:"organisation"`
	Role         string `db:"role"`
}

// mandateNotices are the mails of a step. Who would get several of a kind gets one
// that counts them: confirming 72 is one mail to the provider.
func (s *Store) mandateNotices(ctx context.Context, act constituency.Act, list []mandate.Mandate, effects []mandate.Effect) ([]event.Payload, error) {
	ids := make([]string, len(list))
	organisations, roles := []string{}, []string{}
	for i, m := range list {
		ids[i] = m.ID
		for _, w := range effects[i].Wishes {
			organisations = append(organisations, w.Organisation)
			for _, r := range w.Roles {
				roles = append(roles, string(r))
			}
		}
	}
	if len(roles) == 0 {
		return nil, nil
	}
	names, err := s.mandateNames(ctx, ids)
	if err != nil {
		return nil, err
	}
	var people []recipientRow
	if err := s.DB.SelectContext(ctx, &people, `
		SELECT p.id AS person, p.name, p.email, p.language, b.organisation, b.role
		FROM membership b JOIN person p ON p.id = b.person AND p.active
		WHERE b.role = ANY ($1) AND (b.organisation::text = ANY ($2) OR '' = ANY ($2)) ORDER BY p.id`,
		pq.Array(roles), pq.Array(organisations)); err != nil {
		return nil, fmt.Errorf("read who is told of a mandate: %w", err)
	}
	mails := mailsOf(act, list, effects, people, names)
	out := make([]event.Payload, len(mails))
	for i, x := range mails {
		out[i] = x.notice(act.At)
	}
	return out, nil
}

func (s *Store) mandateNames(ctx context.Context, ids []string) (map[string]mandate.Named, error) {
	var rows []mandateRow
	if err := s.DB.SelectContext(ctx, &rows, namedMandates+` WHERE m.id = ANY ($1::uuid[])`, pq.Array(ids)); err != nil {
		return nil, fmt.Errorf("read the names of mandates: %w", err)
	}
	out := map[string]mandate.Named{}
	for _, r := range rows {
		out[r.ID] = r.named()
	}
	return out, nil
}

func mailsOf(act constituency.Act, list []mandate.Mandate, effects []mandate.Effect, people []recipientRow, names map[string]mandate.Named) []mail {
	var mails []mail
	at := map[string]int{}
	for i, m := range list {
		for _, w := range effects[i].Wishes {
			for _, p := range people {
				if !wanted(w, p) || p.Person == act.Actor.Person {
					continue // nobody is told of what they did themselves
				}
				key := w.Kind + " " + p.Person
				k, ok := at[key]
				if !ok {
					k = len(mails)
					at[key] = k
					mails = append(mails, mail{kind: w.Kind, to: p})
				}
				if last := len(mails[k].mandates) - 1; last < 0 || mails[k].mandates[last].ID != m.ID {
					mails[k].mandates = append(mails[k].mandates, names[m.ID])
				}
			}
		}
	}
	return mails
}

func wanted(w mandate.Wish, p recipientRow) bool {
	return (w.Organisation == "" || w.Organisation == p.Organisation) && slices.Contains(w.Roles, actor.Role(p.Role))
}
