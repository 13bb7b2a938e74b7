// SPDX-License-Identifier: EUPL-1.2

package triage_test

import (
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/services/triage/internal/sample"
	"github.com/thueringencert/leitstelle/shared/event"
)

// The analyst sees at every addition that a provider acted, and for whom.
func TestWhatAnAgentAddsNamesItAndThePrincipal(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	r := sample.Report(1)
	agent := &event.Organisation{ID: event.NewID(), Name: "KIV Thüringen GmbH", Level: "provider"}
	r.OnBehalf, r.Agent = r.Affected.ID, agent
	ref := e.open(r)
	paul := event.Person{ID: event.NewID(), Name: "Paul Netz"}
	e.publish(
		sample.Event(event.ReportMessagePosted{Report: r.Report, Reference: r.Reference, Message: event.NewID(), Affected: r.Affected, Author: paul, OnBehalf: r.Affected.ID, Agent: agent, Text: "von KIV", At: sample.Noon}),
		sample.Event(event.ReportMessagePosted{Report: r.Report, Reference: r.Reference, Message: event.NewID(), Affected: r.Affected, Author: r.Reporter, Text: "von uns", At: sample.Noon}),
		sample.Event(event.ReportSupplemented{Report: r.Report, Reference: r.Reference, Supplement: event.NewID(), Affected: r.Affected, Author: paul, OnBehalf: r.Affected.ID, Agent: agent, Description: "mehr", At: sample.Noon}),
		sample.Event(event.ReportAttachmentAdded{Report: r.Report, Reference: r.Reference, Attachment: event.NewID(), Affected: r.Affected, Author: paul, OnBehalf: r.Affected.ID, Agent: agent, Name: "log.txt", At: sample.Noon}))
	e.eventually("all facts", func() bool { return e.count(`SELECT max(version) FROM cases`) == 5 })
	behalf := "KIV Thüringen GmbH im Auftrag von " + sample.Musterhausen.Name
	for tab, want := range map[string]int{"meldung": 2, "nachrichten": 1, "dateien": 1} {
		if n := strings.Count(e.see("/lage/fall/"+ref+"?t="+tab), behalf); n != want {
			t.Errorf("tab %s says %d times on behalf, want %d", tab, n, want)
		}
	}
	if log := e.see("/lage/fall/" + ref + "?t=protokoll"); strings.Count(log, "Paul Netz, KIV Thüringen GmbH") < 3 {
		t.Error("the log does not name the firm")
	}
}
