// SPDX-License-Identifier: EUPL-1.2

// Package retention deletes what is no longer needed: each service declares a
// rule for each class of data it holds, and the same desk counts what is due
// (the dry run), lets two people agree on it, and deletes it in batches that
// the audit names. It never touches the audit, and a legal hold stops it.
// The periods are those of docs/datenschutz.md; the data-protection officer
// decides them, so each can be set.
package retention

import (
	"context"
	"embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/shared/pg"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations of the tables that proposals stand in.
var Migrations = pg.Sub("retention", files)

// Text is a sentence of a rule in the languages of the pages.
type Text struct{ DE, EN string }

// In returns the text in a language, German unless it is "en".
func (t Text) In(lang string) string {
	if lang == "en" {
		return t.EN
	}
	return t.DE
}

// Rule is how long one class of data is kept and what becomes of it then.
type Rule struct {
	Class string // names the rule, such as case-content
	Title Text   // the data
	After Text   // what the period counts from
	Then  Text   // what is left of the data
	Keep  time.Duration
	// Due is the statement that finds what the period of which began before
	// $1: columns id (text), at (when it began) and held (a legal hold).
	Due string
	// Lock keeps what decides about a hold still while $1 (text[]) is deleted.
	Lock string
	// Each does with the ids what SQL cannot, before Steps; it may be nil.
	Each func(ctx context.Context, tx pg.DB, ids []string) error
	// Steps are the statements that delete the ids $1 (text[]).
	Steps []string
	// Auto rules need nobody's consent: traces of technology with short
	// periods that say nothing about an incident.
	Auto bool
}

// Day is a day of a period.
const Day = 24 * time.Hour

// Year is a year of a period.
const Year = 365 * Day

// Modes of the job.
const (
	Off      = "off"      // only the dry run
	Approved = "approved" // what two people agreed on, and the Auto rules
)

// Config of the job.
type Config struct {
	Mode string   `env:"MODE" envDefault:"approved" doc:"approved: delete what two people agreed on; off: count only"`
	Keep []string `env:"KEEP" doc:"periods that differ, as class=days, such as case-content=1095"`
}

// Apply returns the rules with the periods of the configuration. A class that
// is not there, or a period that is none, is a mistake of the operator.
func (c Config) Apply(rules []Rule) ([]Rule, error) {
	if c.Mode != "" && c.Mode != Off && c.Mode != Approved {
		return nil, fmt.Errorf("RETENTION_MODE is %q: want %s or %s", c.Mode, Approved, Off)
	}
	out := slices.Clone(rules)
	for _, k := range c.Keep {
		class, days, _ := strings.Cut(strings.TrimSpace(k), "=")
		n, err := strconv.Atoi(days)
		i := slices.IndexFunc(out, func(r Rule) bool { return r.Class == class })
		switch {
		case err != nil || n < 1 || n > 36500:
			return nil, fmt.Errorf("RETENTION_KEEP: %q is no class=days", k)
		case i < 0:
			return nil, fmt.Errorf("RETENTION_KEEP: there is no class %q here", class)
		}
		out[i].Keep = time.Duration(n) * Day
	}
	return out, nil
}

// Line is what the dry run says about one rule.
type Line struct {
	Rule
	Cutoff time.Time
	Due    int // what would be deleted now
	Held   int // what a legal hold keeps
	Oldest *time.Time
	Digest string
	Open   *Run // proposed or approved, not finished
}

// Days is the period in days.
func (l Line) Days() int { return int(l.Keep / Day) }

// States of a run.
const (
	Proposed  = "proposed"
	Agreed    = "approved"
	Done      = "done"
	Withdrawn = "withdrawn"
)

// Run is one proposal to delete, and what became of it.
type Run struct {
	ID         string     `db:"id"`
	Class      string     `db:"class"`
	Cutoff     time.Time  `db:"cutoff"`
	Due        int        `db:"due"`
	Held       int        `db:"held"`
	Oldest     *time.Time `db:"oldest"`
	Digest     string     `db:"digest"`
	State      string     `db:"state"`
	ProposedBy string     `db:"proposed_by"`
	ProposedAt time.Time  `db:"proposed_at"`
	DecidedBy  string     `db:"decided_by"`
	DecidedAt  *time.Time `db:"decided_at"`
	Done       int        `db:"done"`
	FinishedAt *time.Time `db:"finished_at"`
}

const runColumns = `id, class, cutoff, due, held, oldest, digest, state, proposed_by, proposed_at, decided_by, decided_at, done, finished_at`
