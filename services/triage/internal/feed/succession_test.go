// SPDX-License-Identifier: EUPL-1.2

package feed_test

import (
	"testing"

	"github.com/thueringencert/leitstelle/services/triage/internal/sample"
	"github.com/thueringencert/leitstelle/shared/event"
)

// Open cases say once who took over; closed ones, others' ones and the name stay.
func TestOpenCasesSayWhoTookOver(t *testing.T) {
	t.Parallel()
	e := start(t)
	other := sample.Report(3)
	other.Affected = sample.Member(1)
	e.send(sample.Event(sample.Report(1)), sample.Event(sample.Report(2)), sample.Event(other))
	e.wait(3, `SELECT count(*) FROM cases`)
	if _, err := e.db.Exec(`UPDATE cases SET state = 'closed', active = false WHERE id = (SELECT case_id FROM case_reports WHERE reference = 'M-2026-000002')`); err != nil {
		t.Fatal(err)
	}
	told := event.OrganisationSucceeded{Predecessor: sample.Musterhausen, Successor: sample.Beispielroda, Kind: "merged", At: sample.Noon}
	e.send(sample.Event(told))
	e.wait(1, `SELECT count(*) FROM case_entries WHERE kind = 'succeeded'`)
	e.send(sample.Event(told)) // the second time is nothing
	e.wait(2, `SELECT count(*) FROM inbox WHERE consumer = 'triage-successions'`)
	for what, query := range map[string]string{
		"lines other than one":          `SELECT count(*) - 1 FROM case_entries WHERE kind = 'succeeded' AND from_value = 'Stadt Musterhausen' AND to_value = 'Gemeinde Beispielroda'`,
		"lines at a closed case":        `SELECT count(*) FROM case_entries e JOIN cases c ON c.id = e.case_id WHERE e.kind = 'succeeded' AND c.state = 'closed'`,
		"cases that lost their name":    `SELECT count(*) - 2 FROM cases WHERE org_name = 'Stadt Musterhausen'`,
		"snapshots other than one":      `SELECT count(*) - 1 FROM outbox WHERE type = 'case.updated'`,
		"audit entries other than one":  `SELECT count(*) - 1 FROM audit WHERE action = 'case.succeeded'`,
		"versions that went on further": `SELECT count(*) FROM cases WHERE version > 2`,
	} {
		if n := e.count(query); n != 0 {
			t.Errorf("%s: %d", what, n)
		}
	}
	e.intact()
}
