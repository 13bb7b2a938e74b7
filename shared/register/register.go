// SPDX-License-Identifier: EUPL-1.2

// Package register is each service's own copy of the directory: organisations,
// people, mandates and sessions. It is kept from directory.* events and the
// session buckets, stored in the service's own database, and read from memory:
// no request asks another service, and none asks the database who somebody is.
package register

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/session"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations of the register's table.
var Migrations = pg.Sub("register", files)

// The records are the directory's events themselves.
type (
	// Organisation is a body of the constituency.
	Organisation = event.OrganisationChanged
	// Person is somebody with a role in organisations.
	Person = event.PersonChanged
	// Mandate lets an agent act for a principal.
	Mandate = event.MandateChanged
)

// Register is the copy. Its zero value is of no use; see New.
type Register struct {
	db      *sqlx.DB
	url     string
	service string
	bus     *bus.Bus
	log     *zap.Logger
	now     func() time.Time
	misses  missLimit
	used    sync.Map // key of a session → when the directory was last told

	mu            sync.RWMutex
	organisations map[string]Organisation
	byAGS         map[string]string
	former        map[string]string // AGS of a body that is gone → id
	people        map[string]Person
	mandates      map[string]Mandate
	byAgent       map[string][]string
	sessions      map[string]session.Session
	names         []folded // sorted by name, for the search
	formers       []folded // the names of bodies that are gone, with the id of who took over
	changed       chan struct{}
	actors        sync.Map // id of a person → *known; cleared when a record changes
}

// New returns an empty register; Load fills it from the database and Run keeps
// it. url is the database's, for LISTEN.
func New(db *sqlx.DB, url, service string, b *bus.Bus, log *zap.Logger, now func() time.Time) *Register {
	r := &Register{db: db, url: url, service: service, bus: b, log: log, now: now, changed: make(chan struct{})}
	r.reset()
	return r
}

func (r *Register) reset() {
	r.actors.Clear()
	r.organisations, r.byAGS, r.former = map[string]Organisation{}, map[string]string{}, map[string]string{}
	r.formers = nil
	r.people, r.mandates, r.byAgent = map[string]Person{}, map[string]Mandate{}, map[string][]string{}
	r.sessions, r.names = map[string]session.Session{}, nil
}

// Organisation returns a body by id.
func (r *Register) Organisation(id string) (Organisation, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	o, ok := r.organisations[id]
	return o, ok
}

// Resolve returns the active body that an AGS (8 digits, a Landkreis 16071000)
// or an id names.
func (r *Register) Resolve(agsOrID string) (Organisation, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	id := agsOrID
	if known, ok := r.byAGS[agsOrID]; ok {
		id = known
	}
	o, ok := r.organisations[id]
	return o, ok && o.Active
}

// Successor returns the active body that took over from one that is gone, which
// an AGS or an id names. False when it is not gone, or nobody is known.
func (r *Register) Successor(agsOrID string) (former, successor Organisation, ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	id := agsOrID
	if known, ok := r.former[agsOrID]; ok {
		id = known
	}
	former = r.organisations[id]
	successor, ok = r.heir(former)
	return former, successor, ok
}

// heir follows the successions of a body that is gone; the caller holds the lock.
func (r *Register) heir(o Organisation) (Organisation, bool) {
	for range 10 { // mergers after each other
		if o.Active || o.Successor == "" {
			return Organisation{}, false
		}
		if o = r.organisations[o.Successor]; o.Active {
			return o, true
		}
	}
	return Organisation{}, false
}

// Organisations returns all active bodies in the order of their names.
func (r *Register) Organisations() []Organisation {
	r.mu.RLock()
	defer r.mu.RUnlock()
	out := make([]Organisation, 0, len(r.names))
	for _, n := range r.names {
		out = append(out, r.organisations[n.id])
	}
	return out
}

// Person returns a person by id.
func (r *Register) Person(id string) (Person, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	p, ok := r.people[id]
	return p, ok
}

// People returns the active people who hold one of the roles, in an
// organisation ("" for any), sorted by name.
func (r *Register) People(organisation string, roles ...actor.Role) []Person {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var out []Person
	for _, p := range r.people {
		if p.Active && slices.ContainsFunc(p.Memberships, func(m event.Membership) bool {
			return (organisation == "" || m.Organisation == organisation) &&
				(len(roles) == 0 || slices.Contains(roles, actor.Role(m.Role)))
		}) {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b Person) int { return cmpFold(a.Name, b.Name) })
	return out
}

// Mandates returns the mandates in force at now of which principal or agent is
// the organisation.
func (r *Register) Mandates(organisation string) []Mandate {
	now := r.now()
	r.mu.RLock()
	defer r.mu.RUnlock()
	var out []Mandate
	for _, m := range r.mandates {
		if (m.Principal == organisation || m.Agent == organisation) && inForce(m, now) {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b Mandate) int {
		return cmpFold(r.organisations[a.Principal].Name, r.organisations[b.Principal].Name)
	})
	return out
}

func inForce(m Mandate, now time.Time) bool {
	return !m.Pending && m.RevokedAt == nil && !now.Before(m.From) && (m.To == nil || now.Before(*m.To))
}

// ActorOf returns what a person may be now: memberships in active organisations
// and the mandates in force of those organisations. False for nobody or an
// inactive person.
func (r *Register) ActorOf(person string) (actor.Actor, bool) {
	now := r.now()
	r.mu.RLock()
	defer r.mu.RUnlock()
	if k, ok := r.actors.Load(person); ok {
		if k := k.(*known); !now.Before(k.from) && now.Before(k.to) {
			return k.actor, true
		}
	}
	a, ok := r.actorOf(person, now)
	if ok {
		k := &known{actor: a.Indexed(), from: now, to: now.Add(time.Hour)}
		k.until(r, now)
		a = k.actor
		r.actors.Store(person, k)
	}
	return a, ok
}

// known is an actor as computed, for as long as the clock alone changes nothing:
// a provider's hundreds of mandates are not looked through for every request.
// Its lists are shared; nobody changes them.
type known struct {
	actor    actor.Actor
	from, to time.Time
}

// until shortens the time to the next beginning or end of a mandate.
func (k *known) until(r *Register, now time.Time) {
	for _, m := range k.actor.Memberships {
		for _, id := range r.byAgent[m.Organisation] {
			d := r.mandates[id]
			if d.From.After(now) && d.From.Before(k.to) {
				k.to = d.From
			}
			if d.To != nil && d.To.After(now) && d.To.Before(k.to) {
				k.to = *d.To
			}
		}
	}
}

// actorOf computes; the caller holds the lock.
func (r *Register) actorOf(person string, now time.Time) (actor.Actor, bool) {
	p, ok := r.people[person]
	if !ok || !p.Active {
		return actor.Actor{}, false
	}
	a := actor.Actor{Person: p.ID, Name: p.Name, Language: p.Language}
	seen := make(map[string]bool, len(p.Memberships))
	for _, m := range p.Memberships {
		if !r.organisations[m.Organisation].Active {
			continue
		}
		a.Memberships = append(a.Memberships, actor.Membership{Organisation: m.Organisation, Role: actor.Role(m.Role)})
		if seen[m.Organisation] {
			continue // two roles in one firm: its mandates count once
		}
		seen[m.Organisation] = true
		for _, id := range r.byAgent[m.Organisation] {
			if d := r.mandates[id]; inForce(d, now) {
				a.Mandates = append(a.Mandates, mandateOf(d))
			}
		}
	}
	return a, true
}

func mandateOf(d Mandate) actor.Mandate {
	scopes := make([]actor.Scope, len(d.Scopes))
	for i, s := range d.Scopes {
		scopes[i] = actor.Scope(s)
	}
	return actor.Mandate{ID: d.ID, Principal: d.Principal, Agent: d.Agent, Scopes: scopes, From: d.From, To: d.To}
}

// Changed returns a channel that is closed at the next change of any record:
// open streams look again whether they may go on.
func (r *Register) Changed() <-chan struct{} {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.changed
}

// record is one row of the table.
type record struct {
	Kind    string `db:"kind"`
	ID      string `db:"id"`
	Version int64  `db:"version"`
	Body    string `db:"body"`
}

// The kinds of records.
const (
	kindOrganisation = "organisation"
	kindPerson       = "person"
	kindMandate      = "mandate"
	kindSession      = "session"
)

// Load reads everything from the database.
func (r *Register) Load(ctx context.Context) error {
	var rows []record
	if err := r.db.SelectContext(ctx, &rows, `SELECT kind, id, version, body FROM register_record`); err != nil {
		return pg.Classify(ctx, fmt.Errorf("load the register: %w", err))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.sessions
	r.reset()
	r.sessions = known // put takes newer ones; a revocation on its way into the table stays
	r.put(rows)
	return nil
}

// put takes records into memory; the caller holds the lock. A broken record is
// logged and left out: the others count.
func (r *Register) put(rows []record) {
	renamed := false
	for _, row := range rows {
		if err := r.putOne(row); err != nil {
			r.log.Error("register: broken record", zap.String("kind", row.Kind), zap.String("id", row.ID), zap.Error(err))
		}
		renamed = renamed || row.Kind == kindOrganisation
	}
	if renamed {
		r.sortNames()
	}
	if slices.ContainsFunc(rows, func(row record) bool { return row.Kind != kindSession }) {
		r.actors.Clear()
	}
	r.announce()
}

func (r *Register) putOne(row record) error {
	switch row.Kind {
	case kindOrganisation:
		var o Organisation
		if err := json.Unmarshal([]byte(row.Body), &o); err != nil {
			return err
		}
		r.putOrganisation(o)
	case kindPerson:
		var p Person
		if err := json.Unmarshal([]byte(row.Body), &p); err != nil {
			return err
		}
		r.people[p.ID] = p
	case kindMandate:
		var m Mandate
		if err := json.Unmarshal([]byte(row.Body), &m); err != nil {
			return err
		}
		r.putMandate(m)
	case kindSession:
		s, err := session.Parse([]byte(row.Body))
		if err != nil {
			return err
		}
		r.putSession(row.ID, s)
	}
	return nil
}

// announce tells who waits on Changed; the caller holds the lock.
func (r *Register) announce() {
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *Register) putOrganisation(o Organisation) {
	if old, ok := r.organisations[o.ID]; ok && old.AGS != "" && r.byAGS[old.AGS] == o.ID {
		delete(r.byAGS, old.AGS)
	}
	r.organisations[o.ID] = o
	switch {
	case o.AGS != "" && o.Active:
		r.byAGS[o.AGS] = o.ID
		delete(r.former, o.AGS)
	case o.AGS != "":
		r.former[o.AGS] = o.ID
	}
}

func (r *Register) putMandate(m Mandate) {
	old, known := r.mandates[m.ID]
	if known && old.Agent != m.Agent {
		r.byAgent[old.Agent] = slices.DeleteFunc(r.byAgent[old.Agent], func(id string) bool { return id == m.ID })
	}
	if !known || old.Agent != m.Agent {
		r.byAgent[m.Agent] = append(r.byAgent[m.Agent], m.ID)
	}
	r.mandates[m.ID] = m
}

// putSession takes a session unless a newer version is known, and reports
// whether it did: a revocation is never undone by an older copy.
func (r *Register) putSession(key string, s session.Session) bool {
	if known, ok := r.sessions[key]; ok && known.Version >= s.Version {
		return false
	}
	r.sessions[key] = s
	return true
}
