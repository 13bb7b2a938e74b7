// SPDX-License-Identifier: EUPL-1.2

package constituency

import (
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/succession"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Succeed adds to the plan who takes over from the bodies that go with it. A
// choice for a body that stays, or of one that is not there afterwards, is a
// mistake; all of them come back at once. Nobody has to choose: a successor can
// be named later.
func (p *Plan) Succeed(choices []succession.Choice, current []Organisation) error {
	after, gone := p.after(current)
	var bad fault.Fields
	seen := map[string]bool{}
	for _, c := range choices {
		field := "successor-" + c.Predecessor
		at, ok := gone[c.Predecessor]
		heir, there := after[c.Successor]
		switch {
		case !ok || seen[c.Predecessor]:
			bad.Add(field, "directory.error.predecessor", c.Predecessor+" is not among those that go, or stands there twice")
			continue
		case !there:
			bad.Add(field, "directory.error.successor", c.Successor+" is no body of the new register")
			continue
		}
		kind, err := succession.ParseKind(string(c.Kind))
		if err != nil {
			bad.Add(field, "directory.error.succession", err.Error())
			continue
		}
		seen[c.Predecessor] = true
		p.Save[at].Successor = heir
		p.Successions = append(p.Successions, succession.Succession{
			Predecessor: p.Save[at].ID, Successor: heir, Kind: kind, Date: p.Save[at].GoneAt,
		})
	}
	return bad.Err()
}

// after returns the ids of all bodies that are there after the plan, by key and
// AGS, and the places in Save of those that go with it.
func (p *Plan) after(current []Organisation) (ids map[string]string, gone map[string]int) {
	ids, gone = map[string]string{}, map[string]int{}
	leaves := map[string]bool{}
	for _, c := range p.Gone {
		leaves[c.Key] = true
	}
	for _, list := range [][]Organisation{current, p.Save} {
		for _, o := range list {
			if !o.Gone() && !leaves[o.Key] {
				ids[o.Key] = o.ID
			}
		}
	}
	for i, o := range p.Save {
		if leaves[o.Key] {
			gone[o.Key] = i
		}
	}
	return ids, gone
}

// remember adds places of former years, which no register file has, as bodies
// that are gone. One whose successor is not there is left out.
func (p *Plan) remember(former []succession.Former, at time.Time, newID func() string) {
	ids := make(map[string]string, len(p.Save))
	for _, o := range p.Save {
		ids[o.Key] = o.ID
	}
	for _, f := range former {
		heir := ids[f.Successor]
		if heir == "" || ids[f.AGS] != "" {
			continue
		}
		since := Stand
		if f.Date != nil {
			since = *f.Date
		}
		level := Gemeinde
		if f.Designation == "Kreisfreie Stadt" {
			level = Kreisfrei
		}
		o := Organisation{
			ID: newID(), Key: f.AGS, Level: level, Kind: f.Designation, AGS: f.AGS, Name: f.Name, OfficialName: f.Name,
			Kreis: f.AGS[:5], GoneAt: &since, Successor: heir, UpdatedAt: at, Version: 1,
		}
		p.Save = append(p.Save, o)
		p.Successions = append(p.Successions, succession.Succession{Predecessor: o.ID, Successor: heir, Kind: f.Kind, Date: f.Date})
	}
}
