// SPDX-License-Identifier: EUPL-1.2

package privacy_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/privacy"
)

const (
	theo  = "0190b000-0000-7000-8000-000000000001"
	other = "0190b000-0000-7000-8000-000000000002"
)

// What was sent still says everything but who the person was, to a receiver that
// reads it as ever; others of the same event stay.
func TestAnEventForgetsOnePersonAndStaysValid(t *testing.T) {
	t.Parallel()
	who := privacy.Who{ID: theo, Name: "Ehemalige Person A1B2", Address: []string{"it@jena.example"}}
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	text := func(p event.Payload) string {
		b, err := json.Marshal(event.New(p, event.Meta{At: at, Actor: theo}))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	me, she := event.Person{ID: theo, Name: "Theo <Turm>"}, event.Person{ID: other, Name: "Kim Beispiel"}
	for name, p := range map[string]event.Payload{
		"a report": event.ReportSubmitted{
			Report: theo[:35] + "9", Reporter: me, Description: "Es brennt", TLP: "AMBER", ReceivedAt: at,
			Callback: event.Contact{Name: "Theo <Turm>", Phone: "03641 12345", Email: "IT@jena.example"},
		},
		"a message": event.ReportMessagePosted{Author: me, Text: "Hallo"},
		"a takeover": event.ReportTakenOver{
			Author: me, Callback: event.Contact{Name: "Theo <Turm>", Phone: "03641 12345"},
		},
		"a case":     event.CaseUpdated{Case: event.Case{ID: other, Version: 12345678901234567, Assignee: &me, Title: "Es brennt"}},
		"an alert":   event.AlertPublished{Alert: event.Alert{Author: me, Approver: she, Title: "Kim Beispiel"}},
		"a delivery": event.DeliveryFailed{Person: theo, Recipient: "it@jena.example"},
		"a wish":     event.NoticeWanted{Person: theo, Name: "Theo <Turm>", Email: "it@jena.example", Kind: "contact_check"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, changed := who.Scrub(text(p))
			for _, word := range []string{"Theo", "Turm", "12345\"", "jena.example"} {
				if strings.Contains(strings.ToLower(got), strings.ToLower(word)) {
					t.Errorf("%q is left in %s", word, got)
				}
			}
			e, err := event.Parse([]byte(got))
			if !changed || err != nil || e.Type != p.Type() || e.Actor != theo {
				t.Fatalf("changed %v, %v: %s", changed, err, got)
			}
			if again, twice := who.Scrub(got); twice || again != got {
				t.Errorf("the second time changes it to %s", again)
			}
		})
	}
	whole := text(event.AlertPublished{Alert: event.Alert{Author: she, Approver: she}})
	if got, changed := who.Scrub(whole); changed || got != whole {
		t.Errorf("an event about somebody else became %s", got)
	}
	for _, junk := range []string{"", "{", `"` + theo + `"`, "null", "12"} {
		if got, changed := who.Scrub(junk); changed || got != junk {
			t.Errorf("%q became %q", junk, got)
		}
	}
}

// Somebody else with the same name is not forgotten along.
func TestANamesakeKeepsTheirName(t *testing.T) {
	t.Parallel()
	who := privacy.Who{ID: theo, Name: "Ehemalige Person", Address: []string{"theo@a.example"}}
	text := `{"data":{"id":"` + other + `","name":"Theo Turm","email":"theo@b.example"},"id":"x"}`
	if got, changed := who.Scrub(text); changed || got != text {
		t.Errorf("became %s", got)
	}
}
