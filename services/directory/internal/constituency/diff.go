// SPDX-License-Identifier: EUPL-1.2

package constituency

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/succession"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// FieldChange is one field before and after.
type FieldChange struct {
	Field  string `json:"field"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// Named is a body in a list of differences.
type Named struct {
	ID    string `json:"id,omitempty"` // empty for one that is new
	Key   string `json:"key"`
	Level Level  `json:"level"`
	Name  string `json:"name"`
}

// Change is what a new state of the register does to one body.
type Change struct {
	Named
	Version int           `json:"version"` // of the record that was compared
	Fields  []FieldChange `json:"fields"`
}

// Differences is what a file would change. Nothing is changed before a person
// has confirmed exactly these, by their hash.
type Differences struct {
	Stand     string   `json:"stand"` // YYYY-MM-DD
	Added     []Named  `json:"added"`
	Changed   []Change `json:"changed"`
	Gone      []Change `json:"gone"`
	Unchanged int      `json:"unchanged"`
	Hash      string   `json:"hash"`
}

// None reports whether the file says what is known already.
func (d Differences) None() bool { return len(d.Added)+len(d.Changed)+len(d.Gone) == 0 }

// Plan is the differences together with the records that result.
type Plan struct {
	Differences
	Save        []Organisation          // new and changed bodies, complete, versions counted up
	Successions []succession.Succession // who takes over from those that are gone
}

// Diff compares what is there with a file. Bodies are matched by key; only
// levels of the municipality register can be gone. newID gives ids to new
// bodies.
func Diff(current []Organisation, f File, at time.Time, newID func() string) (Plan, error) {
	byKey := make(map[string]Organisation, len(current))
	keyOf := make(map[string]string, len(current))
	for _, o := range current {
		byKey[o.Key] = o
		keyOf[o.ID] = o.Key
	}
	ids := make(map[string]string, len(f.Entries))
	for _, e := range f.Entries {
		if o, ok := byKey[e.Key]; ok {
			ids[e.Key] = o.ID
		} else {
			ids[e.Key] = newID()
		}
	}
	p := Plan{Differences: Differences{Stand: f.Stand.Format(time.DateOnly), Added: []Named{}, Changed: []Change{}, Gone: []Change{}}}
	for _, e := range f.Entries {
		o, known := byKey[e.Key]
		if !known {
			p.Added = append(p.Added, Named{Key: e.Key, Level: e.Level, Name: e.Name})
			p.Save = append(p.Save, fresh(e, ids, at))
			continue
		}
		next, fields := merge(o, e, keyOf, ids)
		if len(fields) == 0 {
			p.Unchanged++
			continue
		}
		next.Version++
		next.UpdatedAt = at
		p.Changed = append(p.Changed, Change{Named: named(o), Version: o.Version, Fields: fields})
		p.Save = append(p.Save, next)
	}
	p.gone(current, ids, f.Stand, at)
	p.sort()
	return p, p.seal(ids)
}

func (p *Plan) gone(current []Organisation, ids map[string]string, stand, at time.Time) {
	for _, o := range current {
		if _, stays := ids[o.Key]; stays || o.Gone() || !o.Level.territorial() {
			continue
		}
		p.Gone = append(p.Gone, Change{Named: named(o), Version: o.Version, Fields: []FieldChange{
			{Field: "gone_at", After: stand.Format(time.DateOnly)},
		}})
		o.GoneAt, o.UpdatedAt, o.Version = &stand, at, o.Version+1
		p.Save = append(p.Save, o)
	}
}

func (p *Plan) sort() {
	slices.SortFunc(p.Added, func(a, b Named) int { return cmp.Compare(a.Key, b.Key) })
	slices.SortFunc(p.Changed, func(a, b Change) int { return cmp.Compare(a.Key, b.Key) })
	slices.SortFunc(p.Gone, func(a, b Change) int { return cmp.Compare(a.Key, b.Key) })
}

// seal hashes the differences and, so that new bodies count with all their
// fields, what would be saved, without ids and times that differ each time.
func (p *Plan) seal(ids map[string]string) error {
	keyOf := make(map[string]string, len(ids))
	for key, id := range ids {
		keyOf[id] = key
	}
	saved := slices.Clone(p.Save)
	for i := range saved {
		saved[i].ID, saved[i].UpdatedAt = "", time.Time{}
		if key, ok := keyOf[saved[i].Administration]; ok {
			saved[i].Administration = key
		}
	}
	slices.SortFunc(saved, func(a, b Organisation) int { return cmp.Compare(a.Key, b.Key) })
	p.Hash = ""
	b, err := json.Marshal([]any{p.Differences, saved})
	if err != nil {
		return err
	}
	sum := sha256.Sum256(b)
	p.Hash = hex.EncodeToString(sum[:])
	return nil
}

// Confirm checks that the hash a person confirmed is that of this plan: the
// file and the register have not changed since they saw the differences.
func (p Plan) Confirm(hash string) error {
	if hash != p.Hash {
		return fault.New(fault.Conflict, "the register has changed since these differences were shown; look at them again")
	}
	return nil
}

func named(o Organisation) Named { return Named{ID: o.ID, Key: o.Key, Level: o.Level, Name: o.Name} }

func fresh(e Entry, ids map[string]string, at time.Time) Organisation {
	return Organisation{
		ID: ids[e.Key], Key: e.Key, Level: e.Level, Kind: e.Kind, AGS: e.AGS, ARS: e.ARS, Name: e.Name,
		ShortName: e.ShortName, OfficialName: e.OfficialName, Kreis: e.Kreis, Administration: ids[e.Administration],
		Population: e.Population, Postcode: e.Postcode, Seat: e.Seat, UpdatedAt: at, Version: 1,
	}
}

// merge applies e to o field by field. The name that people see follows the
// official one unless somebody changed it by hand; a seat that the file does
// not know stays.
func merge(o Organisation, e Entry, keyOf, ids map[string]string) (Organisation, []FieldChange) {
	next := o
	var fields []FieldChange
	set := func(field string, into *string, after string) {
		if *into != after {
			fields = append(fields, FieldChange{field, *into, after})
			*into = after
		}
	}
	if e.OfficialName != o.OfficialName && o.Name == displayName(o.Level, o.OfficialName) {
		set("name", &next.Name, e.Name)
	}
	set("official_name", &next.OfficialName, e.OfficialName)
	level := string(next.Level)
	set("level", &level, string(e.Level))
	next.Level = Level(level)
	set("kind", &next.Kind, e.Kind)
	set("ars", &next.ARS, e.ARS)
	set("kreis", &next.Kreis, e.Kreis)
	if keyOf[o.Administration] != e.Administration {
		fields = append(fields, FieldChange{"administration", keyOf[o.Administration], e.Administration})
		next.Administration = ids[e.Administration]
	}
	if o.Population != e.Population {
		fields = append(fields, FieldChange{"population", strconv.Itoa(o.Population), strconv.Itoa(e.Population)})
		next.Population = e.Population
	}
	set("postcode", &next.Postcode, e.Postcode)
	if e.Seat != "" {
		set("seat", &next.Seat, e.Seat)
	}
	if o.Gone() {
		fields = append(fields, FieldChange{"gone_at", o.GoneAt.Format(time.DateOnly), ""})
		next.GoneAt, next.Successor = nil, ""
	}
	return next, fields
}
