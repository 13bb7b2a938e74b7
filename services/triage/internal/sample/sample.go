// SPDX-License-Identifier: EUPL-1.2

// Package sample makes invented reports, people and bodies for tests.
package sample

import (
	"fmt"
	"time"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
)

// Noon is when most tests play: an ordinary Saturday.
var Noon = time.Date(2026, 11, 21, 11, 0, 0, 0, time.UTC)

// CERT is the organisation of the CERT's people.
const CERT = "0192f0c0-0000-7000-8000-00000000ce12"

// Musterhausen is an invented town in a real district.
var Musterhausen = event.Organisation{ID: "0192f0c0-0000-7000-8000-000000000001", AGS: "16071043", Name: "Stadt Musterhausen", Level: "gemeinde", Kreis: "16071"}

// Beispielroda is another one.
var Beispielroda = event.Organisation{ID: "0192f0c0-0000-7000-8000-000000000002", AGS: "16063999", Name: "Gemeinde Beispielroda", Level: "gemeinde", Kreis: "16063"}

// Report is a verified report of Musterhausen about encrypted files, received at Noon.
func Report(n int) event.ReportSubmitted {
	return event.ReportSubmitted{
		Report: event.NewID(), Reference: fmt.Sprintf("M-2026-%06d", n), Affected: Musterhausen, AffectedTotal: 1,
		Channel: "portal", Verified: true, Reporter: event.Person{ID: "0192f0c0-0000-7000-8000-0000000000aa", Name: "Kim Beispiel"},
		What: "ransomware", Description: "Kollegen kommen nicht mehr an ihre Dateien. Auf dem Server liegt README_RESTORE.txt.",
		NoticedAt: Noon.Add(-30 * time.Minute), NoticedApprox: true, Impact: "very_high", StillRunning: "yes",
		Systems:  []string{"workplace", "server", "application"},
		Callback: event.Contact{Name: "Kim Beispiel", Phone: "0152 000 000 00"}, TLP: "AMBER",
		HelpNeeded: []string{"callback", "forensics"}, Language: "de", ReceivedAt: Noon, CallbackBy: Noon.Add(time.Hour),
	}
}

// Event wraps a payload as its sender does.
func Event(p event.Payload) event.Event {
	return event.New(p, event.Meta{At: Noon, Actor: "service:intake"})
}

// Person returns somebody with a role; those of the CERT belong to it, others to Musterhausen.
func Person(id, name string, role actor.Role) casefile.By {
	org := CERT
	if role == actor.Officer || role == actor.OrgAdmin || role == actor.Provider {
		org = Musterhausen.ID
	}
	return casefile.By{Actor: actor.Actor{Person: id, Name: name, Memberships: []actor.Membership{{Organisation: org, Role: role}}}, Request: "test"}
}

// People of the CERT, and one of a town.
var (
	Mara = Person("0192f0c0-0000-7000-8000-0000000000b1", "Mara Beispiel", actor.Analyst)
	Jona = Person("0192f0c0-0000-7000-8000-0000000000b2", "Jona Kranich", actor.Analyst)
	Lea  = Person("0192f0c0-0000-7000-8000-0000000000b3", "Lea Leitner", actor.Lead)
	Didi = Person("0192f0c0-0000-7000-8000-0000000000b4", "Didi Dienst", actor.Duty)
	Ohm  = Person("0192f0c0-0000-7000-8000-0000000000b5", "Olaf Ohm", actor.Officer)
)

// Directory knows the people and bodies of this package.
type Directory struct{}

// Worker returns one of the CERT's people.
func (Directory) Worker(id string) (event.Person, bool) {
	for _, p := range []casefile.By{Mara, Jona, Lea, Didi} {
		if p.Actor.Person == id {
			return p.Person(), true
		}
	}
	return event.Person{}, false
}

// ActorOf returns one of the CERT's people.
func (Directory) ActorOf(person string) (actor.Actor, bool) {
	for _, p := range []casefile.By{Mara, Jona, Lea, Didi} {
		if p.Actor.Person == person {
			return p.Actor, true
		}
	}
	return actor.Actor{}, false
}

// Provider is an invented IT provider.
var Provider = event.Organisation{ID: "0192f0c0-0000-7000-8000-0000000000fe", Name: "Rechenhaus Thüringen GmbH", Level: "provider"}

// Member is the n-th invented member of the provider, in one of three districts.
func Member(n int) event.Organisation {
	kreis := []string{"16071", "16063", "16068"}[n%3]
	return event.Organisation{
		ID: fmt.Sprintf("0192f0c0-0000-7000-9000-%012d", n), AGS: fmt.Sprintf("%s%03d", kreis, n%1000),
		Name: fmt.Sprintf("Gemeinde Mitglied %03d", n), Level: "gemeinde", Kreis: kreis,
	}
}

// Together are the events of one report of the provider about n members.
func Together(n int) []event.ReportSubmitted {
	out := make([]event.ReportSubmitted, n)
	first := Report(1)
	for i := range out {
		r := first
		r.Affected, r.AffectedTotal, r.Agent = Member(i+1), n, &Provider
		r.OnBehalf, r.Mandate = r.Affected.ID, event.NewID()
		r.Reporter = event.Person{ID: "0192f0c0-0000-7000-8000-0000000000fa", Name: "Paul Netz"}
		r.Callback = event.Contact{Name: "Paul Netz", Phone: "0361 000 00", Email: "leitstand@rechenhaus.example"}
		out[i] = r
	}
	return out
}

// Body returns one of the two towns.
func (Directory) Body(agsOrID string) (event.Organisation, bool) {
	for _, o := range []event.Organisation{Musterhausen, Beispielroda} {
		if o.ID == agsOrID || o.AGS == agsOrID {
			return o, true
		}
	}
	return event.Organisation{}, false
}
