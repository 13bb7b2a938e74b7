// SPDX-License-Identifier: EUPL-1.2

// Package subscription holds what people want to receive. Everybody who answers
// for the security of a body is subscribed to everything from the start; what
// is stored are the exceptions.
package subscription

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/thueringencert/leitstelle/services/notification/internal/alert"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Setting is one person's choice for one organisation. Person is "" for the
// organisation's functional mailbox.
type Setting struct {
	Organisation string
	Person       string
	Off          bool     // only what is mandatory comes
	MinSeverity  string   // "" or the mildest severity that comes
	Categories   []string // empty: all
	Mailbox      string   // only where Person is ""
	Version      int
	ChangedAt    time.Time
}

// Wants reports whether an alert below the mandatory warning level comes.
func (s Setting) Wants(severity, category string) bool {
	if s.Off {
		return false
	}
	if s.MinSeverity != "" && alert.SeverityRank(severity) > alert.SeverityRank(s.MinSeverity) {
		return false
	}
	return len(s.Categories) == 0 || category == "" ||
		slices.ContainsFunc(s.Categories, func(c string) bool { return strings.EqualFold(c, category) })
}

// Check returns every mistake of the setting.
func (s *Setting) Check() error {
	var f fault.Fields
	s.Mailbox = strings.TrimSpace(s.Mailbox)
	if s.MinSeverity != "" && !slices.Contains(alert.Severities(), s.MinSeverity) {
		f.Add("min_severity", "notification.error.severity", "min_severity is critical, high, medium or low")
	}
	if s.Mailbox != "" && !alert.ValidEmail(s.Mailbox) {
		f.Add("mailbox", "notification.error.mailbox", "mailbox is no plain e-mail address")
	}
	if len(s.Categories) > 20 || slices.ContainsFunc(s.Categories, func(c string) bool { return utf8.RuneCountInString(c) > 80 }) {
		f.Add("categories", "notification.error.many", "the list of categories is too long")
	}
	return f.Err()
}

// Settings are all exceptions, by organisation and person.
type Settings map[[2]string]Setting

// Wants implements alert.Wishes.
func (s Settings) Wants(organisation, person, severity, category string) bool {
	return s[[2]string{organisation, person}].Wants(severity, category)
}

// Mailbox implements alert.Wishes.
func (s Settings) Mailbox(organisation string) string { return s[[2]string{organisation, ""}].Mailbox }

// Store keeps the settings.
type Store interface {
	// Settings returns what seer sees of those of a person ("" for the mailboxes) in the organisations.
	Settings(ctx context.Context, seer actor.Seer, person string, organisations []string) ([]Setting, error)
	// PutSetting writes one. Its version must be the stored one (0 for none), else Stale.
	PutSetting(ctx context.Context, s Setting, by alert.By) (Setting, error)
}

// Desk is where subscriptions are read and changed.
type Desk struct {
	Store Store
	Now   func() time.Time
}

// Mine returns the person's setting for each of their organisations and, for
// officers, the functional mailbox of each.
func (d Desk) Mine(ctx context.Context, a actor.Actor) ([]Setting, error) {
	mine, seer := organisations(a), a.Seer(actor.Subscribe)
	seer.Person = a.Person
	var out []Setting
	for _, person := range []string{a.Person, ""} {
		known, err := d.Store.Settings(ctx, seer, person, mine)
		if err != nil {
			return nil, err
		}
		for _, org := range mine {
			i := slices.IndexFunc(known, func(s Setting) bool { return s.Organisation == org })
			if i >= 0 {
				out = append(out, known[i])
				continue
			}
			out = append(out, Setting{Organisation: org, Person: person})
		}
	}
	return out, nil
}

// organisations returns where a person may choose what comes, for themselves
// and for the functional mailbox. Providers get what their mandates say.
func organisations(a actor.Actor) []string {
	var out []string
	for _, m := range a.Memberships {
		if (m.Role == actor.Officer || m.Role == actor.OrgAdmin) && !slices.Contains(out, m.Organisation) {
			out = append(out, m.Organisation)
		}
	}
	return out
}

// Put changes one setting: the own one, or the mailbox of the own organisation.
func (d Desk) Put(ctx context.Context, by alert.By, s Setting) (Setting, error) {
	mine := organisations(by.Actor)
	switch {
	case s.Person == "" && (slices.Contains(mine, s.Organisation) || by.Actor.View(actor.Subscribe).Everything):
	case s.Person == by.Actor.Person && s.Person != "" && slices.Contains(mine, s.Organisation):
		s.Mailbox = ""
	default:
		return Setting{}, fault.New(fault.NotFound, "there is no such subscription")
	}
	if err := s.Check(); err != nil {
		return Setting{}, err
	}
	s.ChangedAt = d.Now()
	return d.Store.PutSetting(ctx, s, by)
}
