// SPDX-License-Identifier: EUPL-1.2

package intake_test

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/services/intake"
	"github.com/thueringencert/leitstelle/services/intake/internal/report"
	"github.com/thueringencert/leitstelle/services/intake/internal/store"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
)

// members gives the provider mandates for n further bodies, each with an officer.
func members(n int) option {
	return func(_ *intake.Config, e *env) { e.members = n }
}

func memberID(i int) string  { return fmt.Sprintf("0190a000-0000-7000-8000-0000001%05d", i) }
func mandateID(i int) string { return fmt.Sprintf("0190c000-0000-7000-8000-0000001%05d", i) }
func officerID(i int) string { return fmt.Sprintf("0190b000-0000-7000-8000-0000001%05d", i) }
func memberAGS(i int) string { return fmt.Sprintf("160%02d%03d", 61+i%17, 100+i/17) }

func memberName(i int) string { return fmt.Sprintf("Musterort %03d", i) }

// officerOf is the role under whose token the i-th member's officer asks.
func officerOf(i int) actor.Role { return actor.Role(fmt.Sprintf("member%d", i)) }

// constituency are the further members, their mandates and officers.
func (e *env) constituency() []event.Payload {
	var out []event.Payload
	for i := range e.members {
		kreis := fmt.Sprintf("160%02d", 61+i%17)
		out = append(out,
			event.OrganisationChanged{ID: memberID(i), Version: 1, AGS: memberAGS(i), Name: memberName(i), Level: "gemeinde", Kreis: kreis, KreisName: "Kreis " + kreis, Active: true},
			event.MandateChanged{ID: mandateID(i), Version: 1, Principal: memberID(i), Agent: kiv, Scopes: []string{"report", "read"}, From: start.AddDate(-1, 0, 0)},
			event.PersonChanged{
				ID: officerID(i), Version: 1, Name: fmt.Sprintf("Rike Rathaus %d", i), Email: fmt.Sprintf("rathaus%d@example.org", i), Phone: "03601 100 00",
				Active: true, Language: "de", Memberships: []event.Membership{{Organisation: memberID(i), Role: string(actor.Officer)}},
			})
	}
	return out
}

// accounts are the people who have a session and a token: one for each role, and
// the officers of the first members.
func (e *env) accounts() map[actor.Role]string {
	out := map[actor.Role]string{}
	for role := range people {
		out[role] = personID(role)
	}
	for i := range min(e.members, 10) {
		out[officerOf(i)] = officerID(i)
	}
	return out
}

// goodFor is a report about bodies.
func goodFor(ags ...string) string {
	list, err := json.Marshal(ags)
	if err != nil {
		panic(err)
	}
	return strings.Replace(good, `["16071001"]`, string(list), 1)
}

// allMembers are the AGS of the first n members.
func allMembers(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = memberAGS(i)
	}
	return out
}

func (e *env) receiptKey() ed25519.PublicKey {
	e.t.Helper()
	key, err := e.cfg.Key()
	if err != nil {
		e.t.Fatal(err)
	}
	public, _ := key.Public().(ed25519.PublicKey)
	return public
}

// store reads as the service does.
func (e *env) store() report.Reading {
	return store.New(e.db, devstack.Reader(e.t, e.url, store.Reader)).As(actor.System("intake").Seer())
}

// BenchmarkReportFor605 takes in a report for the whole constituency, and reads
// it as its provider and as one member.
func BenchmarkReportFor605(b *testing.B) {
	e := newIntake(b, members(605))
	body := goodFor(allMembers(605)...)
	var c createdReport
	b.Run("POST", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			c = e.submit(actor.Provider, fmt.Sprint("bench ", i), body)
		}
	})
	for name, as := range map[string]actor.Role{"GET as the provider": actor.Provider, "GET as a member": officerOf(3)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if res := e.do(request{path: reportsPath + "/" + c.ID, as: as}); res.StatusCode != 200 {
					b.Fatal(res.StatusCode)
				}
			}
		})
	}
}
