// SPDX-License-Identifier: EUPL-1.2

// Package invariant holds what must be true of the databases after every fault
// and at any time in production: each report once, each effect once, nothing
// unsent, an unbroken audit (I1–I6 of the failure model). Fault tests and the
// end-to-end tests run the same queries. It only reads.
package invariant

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/shared/pg"
)

// Check is one rule about one database. Each row that the query returns is a
// violation: one text column that says what is wrong.
type Check struct {
	Name     string // the rule, as a sentence
	Database string // whose, for the message
	DB       pg.DB
	Query    string
	Args     []any
	// Find replaces the query where SQL alone cannot tell.
	Find func(ctx context.Context) ([]string, error)
}

// Violation is one thing that must not be.
type Violation struct {
	Check    string
	Database string
	What     string
}

// String is the violation as a line for people.
func (v Violation) String() string { return v.Database + ": " + v.Check + ": " + v.What }

// maxShown bounds how many violations of one check are reported.
const maxShown = 20

// Run runs the checks and returns what is wrong, nil when all holds. A check
// that cannot be made is a violation, too: nobody knows.
func Run(ctx context.Context, checks ...Check) []Violation {
	var out []Violation
	for _, c := range checks {
		found, err := c.find(ctx)
		if err != nil {
			found = append(found, fmt.Sprintf("cannot be checked: %v", err))
		}
		if n := len(found); n > maxShown {
			found = append(found[:maxShown:maxShown], fmt.Sprintf("and %d more", n-maxShown))
		}
		for _, what := range found {
			out = append(out, Violation{Check: c.Name, Database: c.Database, What: what})
		}
	}
	return out
}

func (c Check) find(ctx context.Context) ([]string, error) {
	if c.Find != nil {
		return c.Find(ctx)
	}
	var found []string
	err := c.DB.SelectContext(ctx, &found, c.Query, c.Args...)
	return found, err
}

// Report joins violations to a text, one a line; "" when there are none.
func Report(violations []Violation) string {
	lines := make([]string, len(violations))
	for i, v := range violations {
		lines[i] = v.String()
	}
	return strings.Join(lines, "\n")
}

// Names of the databases.
const (
	Directory    = "directory"
	Intake       = "intake"
	Triage       = "triage"
	Notification = "notification"
)

// System returns the checks for any subset of the four databases, by name:
// what all have, what each has of its own, and what holds between them. within
// is how long an event may be on its way (0: everything has arrived).
func System(dbs map[string]pg.DB, within time.Duration) []Check {
	var out []Check
	for _, name := range []string{Directory, Intake, Triage, Notification} {
		db, ok := dbs[name]
		if !ok {
			continue
		}
		out = append(out, Shared(db, name, within)...)
		for _, own := range services[name] {
			own.DB, own.Database = db, name
			out = append(out, own)
		}
	}
	return append(out, between(dbs, within)...)
}

// Of returns the checks of one service's own tables.
func Of(db pg.DB, service string) []Check {
	out := slices.Clone(services[service])
	for i := range out {
		out[i].DB, out[i].Database = db, service
	}
	return out
}
