// SPDX-License-Identifier: EUPL-1.2

package actor_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/shared/actor"
)

// The reaches as the table writes them.
var letters = map[actor.Reach]string{
	actor.None: "–", actor.Mine: "mine", actor.Own: "O", actor.Mandated: "M", actor.Assigned: "A", actor.Unlocked: "*A", actor.All: "*",
}

// wanted is the matrix of the reliability model (§2.4) with the rows that the
// design adds (§7), written down a second time by hand: columns are the roles in
// the order of actor.Roles, "–" is a denial. code says that a guest who shows
// the object's code may, scope which right a mandate must give. "*A" is
// "* (locked: A)": all, but of what is locked only what is assigned to the person.
//
// Where it departs from §2.4 on purpose: an org_admin reads and answers alerts,
// because the added rows give that role subscriptions and answers; what an
// org_admin reported stays theirs to read ("own reports" of the Reporter). A
// provider's own firm is managed by its org_admin; an organisation's own audit is
// the row access.read. The download of figures follows the row "search / export".
const wanted = `
action              | code scope  | officer org_admin provider duty analyst lead editor approver constituency auditor admin steering
report.create       | code report | O       O         M        *    *       *    –      –        –            –       –     –
report.read         | code read   | O       mine      M        *    *A      *    –      –        –            –       –     –
report.supplement   | code report | O       mine      M        *    *A      *    –      –        –            –       –     –
report.message      | code report | O       mine      M        –    –       –    –      –        –            –       –     –
report.extend       | –    report | –       –         M        –    –       –    –      –        –            –       –     –
report.take_over    | –    –      | O       O         –        –    –       –    –      –        –            –       –     –
report.contradict   | –    –      | O       O         –        –    –       –    –      –        –            –       –     –
attachment.add      | code report | O       mine      M        –    –       –    –      –        –            –       –     –
attachment.download | code read   | O       mine      M        –    –       –    –      –        –            –       –     –
case.attachment     | –    –      | –       –         –        –    A       *    –      –        –            –       –     –
case.queue          | –    –      | –       –         –        *    *A      *    –      –        –            –       –     –
case.read           | –    –      | –       –         –        *    *A      *    –      –        –            –       –     –
case.take           | –    –      | –       –         –        *    *A      *    –      –        –            –       –     –
case.assign         | –    –      | –       –         –        *    *A      *    –      –        –            –       –     –
case.edit           | –    –      | –       –         –        *    A       *    –      –        –            –       –     –
case.classify       | –    –      | –       –         –        *    *A      *    –      –        –            –       –     –
case.message        | –    –      | –       –         –        *    *A      *    –      –        –            –       –     –
case.note           | –    –      | –       –         –        *    *A      *    –      –        –            –       –     –
case.merge          | –    –      | –       –         –        *    *A      *    –      –        –            –       –     –
case.widen          | –    –      | –       –         –        –    –       *    –      –        –            –       –     –
case.lock           | –    –      | –       –         –        *    –       *    –      –        –            –       –     –
case.search         | –    –      | –       –         –        *    *A      *    –      –        –            –       –     –
case.export         | –    –      | –       –         –        *    *A      *    –      –        –            –       –     –
campaign.read       | –    –      | –       –         –        *    *       *    –      –        –            –       –     –
campaign.edit       | –    –      | –       –         –        *    *       *    –      –        –            –       –     –
alert.draft         | –    –      | –       –         –        –    *       *    *      –        –            –       –     –
alert.approve       | –    –      | –       –         –        –    –       –    –      *        –            –       –     –
alert.read          | –    alerts | O       O         M        *    *       *    *      *        *            –       –     *
alert.work          | –    –      | –       –         –        *    *       *    *      *        –            –       –     –
poll.answer         | –    polls  | O       O         M        –    –       –    –      –        –            –       –     –
subscription.edit   | –    –      | O       O         –        –    –       –    –      –        *            –       –     –
delivery.read       | –    –      | –       –         –        *    *       *    *      *        *            –       –     –
organisation.read   | –    –      | *       *         *        *    *       *    *      *        *            *       *     *
organisation.edit   | –    –      | –       –         –        –    –       –    –      –        *            –       –     –
contact.read        | –    –      | O       O         –        *    *       *    –      –        *            –       –     –
contact.edit        | –    –      | O       O         –        –    –       –    –      –        *            –       –     –
person.manage       | –    –      | –       O         –        –    –       –    –      –        *            –       *     –
mandate.grant       | –    –      | –       O         –        –    –       –    –      –        *            –       –     –
mandate.request     | –    –      | –       O         –        –    –       –    –      –        –            –       –     –
mandate.confirm     | –    –      | –       –         –        –    –       –    –      –        *            –       –     –
mandate.decline     | –    –      | –       O         –        –    –       –    –      –        *            –       –     –
mandate.revoke      | –    –      | –       O         –        –    –       –    –      –        *            –       –     –
mandate.read        | –    –      | O       O         O        *    *       *    –      –        *            *       –     –
register.import     | –    –      | –       –         –        –    –       –    –      –        *            –       –     –
register.handover   | –    –      | –       –         –        –    –       –    –      –        *            –       –     –
service.read        | –    –      | *       *         *        *    *       *    *      *        *            *       *     *
service.edit        | –    –      | –       –         –        –    –       –    –      –        *            –       –     –
service.request     | –    –      | O       O         –        –    –       –    –      –        –            –       –     –
service.request.read| –    –      | O       O         –        –    –       –    –      –        *            –       –     –
service.answer      | –    –      | –       –         –        –    –       –    –      –        *            –       –     –
session.end         | –    –      | mine    mine      mine     mine mine    mine mine   mine     mine         mine    mine  mine
session.end.any     | –    –      | –       –         –        –    –       –    –      –        –            –       *     –
account.own         | –    –      | *       *         *        *    *       *    *      *        *            *       *     *
token.make          | –    –      | *       *         *        *    *       *    *      *        *            *       *     *
factor.change       | –    –      | *       *         *        *    *       *    *      *        *            *       *     *
role.change         | –    –      | –       O         –        –    –       –    –      –        *            –       *     –
contact.unseal      | –    –      | –       –         –        *    *       *    –      –        –            –       –     –
task.work           | –    –      | –       O         –        –    –       –    –      –        *            –       –     –
contact.seal        | –    –      | O       O         –        –    –       –    –      –        –            –       –     –
onboarding.manage   | –    –      | –       –         –        –    –       –    –      –        *            –       –     –
officers.read       | –    –      | –       –         –        –    –       –    –      –        *            –       –     *
officers.export     | –    –      | –       –         –        –    –       –    –      –        *            –       –     *
officers.edit       | –    –      | O       O         –        –    –       –    –      –        *            –       –     –
access.read         | –    –      | O       O         –        –    –       –    –      –        –            –       –     –
audit.read          | –    –      | –       –         –        –    –       *    –      –        –            *       –     –
audit.export        | –    –      | –       –         –        –    –       *    –      –        –            *       –     –
aggregate.read      | –    read   | O       –         M        *    *       *    *      *        *            *       –     *
aggregate.export    | –    read   | O       –         M        *    *       *    *      *        *            *       –     *
operations.read     | –    –      | –       –         –        –    –       –    –      –        –            –       *     –
operations.retry    | –    –      | –       –         –        –    –       –    –      –        –            –       *     –
operations.discard  | –    –      | –       –         –        –    –       –    –      –        –            –       *     –
retention.read      | –    –      | –       –         –        –    –       *    –      –        *            *       *     –
retention.propose   | –    –      | –       –         –        –    –       *    –      –        –            –       –     –
retention.approve   | –    –      | –       –         –        –    –       *    –      –        –            –       –     –
case.hold           | –    –      | –       –         –        –    –       *    –      –        –            –       –     –
privacy.read        | –    –      | –       –         –        –    –       –    –      –        *            –       –     –
person.erase        | –    –      | –       –         –        –    –       –    –      –        *            –       *     –
public              | code –      | *       *         *        *    *       *    *      *        *            *       *     *
`

type line struct {
	action actor.Action
	code   bool
	scope  actor.Scope
	cells  map[actor.Role]string
}

// table reads wanted.
func table(t *testing.T) []line {
	t.Helper()
	rows := strings.Split(strings.TrimSpace(wanted), "\n")
	roles := strings.Fields(strings.Split(rows[0], "|")[2])
	var out []line
	for _, row := range rows[1:] {
		part := strings.Split(row, "|")
		guest, cells := strings.Fields(part[1]), strings.Fields(part[2])
		if len(cells) != len(roles) || len(guest) != 2 {
			t.Fatalf("the row %q has %d cells, want %d", part[0], len(cells), len(roles))
		}
		l := line{action: actor.Action(strings.TrimSpace(part[0])), code: guest[0] == "code", cells: map[actor.Role]string{}}
		if guest[1] != "–" {
			l.scope = actor.Scope(guest[1])
		}
		for i, r := range roles {
			l.cells[actor.Role(r)] = cells[i]
		}
		out = append(out, l)
	}
	return out
}

func TestTheMatrixIsTheOneThatWasAgreed(t *testing.T) {
	t.Parallel()
	lines := table(t)
	for _, l := range lines {
		for _, r := range actor.Roles() {
			got, scope := actor.Cell(l.action, r)
			if want, ok := l.cells[r]; !ok || letters[got] != want {
				t.Errorf("%s × %s = %s, want %s", l.action, r, letters[got], want)
			}
			if scope != l.scope {
				t.Errorf("%s needs the scope %q of a mandate, want %q", l.action, scope, l.scope)
			}
		}
		if got := actor.GuestByCode(l.action); got != l.code {
			t.Errorf("%s is open to a guest with the code: %v, want %v", l.action, got, l.code)
		}
	}
	for _, a := range actor.Actions() {
		if !slices.ContainsFunc(lines, func(l line) bool { return l.action == a }) {
			t.Errorf("the agreed table has no row for %s", a)
		}
	}
}

const (
	me, other             = "person-me", "person-other"
	home, foreign, client = "org-home", "org-foreign", "org-client"
)

// Every cell is asked with every relation between the person and the object;
// what the cell does not name is denied.
func TestMayGrantsExactlyWhatTheCellSays(t *testing.T) {
	t.Parallel()
	objects := map[string]actor.Object{
		"own":      {Organisation: home, Owner: other, Assignee: other},
		"foreign":  {Organisation: foreign, Owner: other, Assignee: other},
		"mandated": {Organisation: client, Owner: other, Assignee: other, Agent: home},
		"made":     {Organisation: foreign, Owner: me, Assignee: other},
		"assigned": {Organisation: foreign, Owner: other, Assignee: me},
		"unknown":  {},
		"locked":   {Organisation: foreign, Owner: other, Assignee: other, Locked: true},
		"lock own": {Organisation: home, Owner: me, Assignee: other, Locked: true},
		"lock A":   {Organisation: foreign, Owner: other, Assignee: me, Locked: true},
		"nobody's": {Organisation: foreign, Owner: other, Locked: true},
	}
	grants := map[string][]string{
		"–": {}, "mine": {"made", "lock own"}, "O": {"own", "lock own"}, "M": {"mandated"}, "A": {"assigned", "lock A"},
		"*A": {"own", "foreign", "mandated", "made", "assigned", "unknown", "lock A"},
		"*":  {"own", "foreign", "mandated", "made", "assigned", "unknown", "lock A", "locked", "lock own", "nobody's"},
	}
	for _, l := range table(t) {
		for role, cell := range l.cells {
			a := actor.Actor{
				Person: me, Memberships: []actor.Membership{{Organisation: home, Role: role}},
				Mandates: []actor.Mandate{{ID: "m1", Principal: client, Agent: home, Scopes: []actor.Scope{l.scope}}},
			}
			for relation, o := range objects {
				got := a.May(l.action, o)
				if want := slices.Contains(grants[cell], relation); got.Allowed != want {
					t.Errorf("%s × %s on %s = %v, want %v (cell %s)", l.action, role, relation, got.Allowed, want, cell)
				}
				if behalf := map[bool]string{true: client}[got.Allowed && cell == "M"]; got.OnBehalfOf != behalf {
					t.Errorf("%s × %s on %s acts for %q, want %q", l.action, role, relation, got.OnBehalfOf, behalf)
				}
			}
			if v := a.View(l.action); v.Locked != (cell == "*") || v.Everything != strings.HasPrefix(cell, "*") {
				t.Errorf("the list of %s × %s shows everything: %v, what is locked: %v (cell %s)", l.action, role, v.Everything, v.Locked, cell)
			}
			if v := a.View(l.action); v.Empty() != (cell == "–") {
				t.Errorf("the list of %s × %s is empty: %v (cell %s)", l.action, role, v.Empty(), cell)
			}
		}
	}
}

func TestNobodyMayWhatTheMatrixDoesNotName(t *testing.T) {
	t.Parallel()
	everyone := actor.Actor{Person: me}
	for _, r := range actor.Roles() {
		everyone.Memberships = append(everyone.Memberships, actor.Membership{Organisation: home, Role: r})
	}
	for _, a := range []actor.Actor{{}, everyone, actor.System("triage")} {
		if a.May("case.delete", actor.Object{Organisation: home, Owner: me, Assignee: me, Code: true}).Allowed {
			t.Errorf("%s may do what no row names", a.ID())
		}
		if v := a.View("case.delete"); !v.Empty() {
			t.Errorf("%s sees %+v of what no row names", a.ID(), v)
		}
	}
	stranger := actor.Actor{Person: me, Memberships: []actor.Membership{{Organisation: home, Role: "root"}}}
	for _, action := range actor.Actions() {
		if action != actor.Public && stranger.May(action, actor.Object{Organisation: home, Owner: me, Assignee: me}).Allowed {
			t.Errorf("an unknown role may do %s", action)
		}
	}
}

// Of several roles the widest counts, whichever comes first.
func TestAnAnalystWhoLeadsReachesWhatIsLocked(t *testing.T) {
	t.Parallel()
	locked := actor.Object{Organisation: foreign, Assignee: other, Locked: true}
	for _, roles := range [][]actor.Role{{actor.Analyst, actor.Lead}, {actor.Duty, actor.Analyst}} {
		a := actor.Actor{Person: me}
		for _, r := range roles {
			a.Memberships = append(a.Memberships, actor.Membership{Organisation: home, Role: r})
		}
		if !a.May(actor.CaseRead, locked).Allowed || !a.View(actor.CaseSearch).Locked || !a.May(actor.CaseLock, locked).Allowed {
			t.Errorf("%v does not reach a locked case", roles)
		}
	}
	analyst := actor.Actor{Memberships: []actor.Membership{{Organisation: home, Role: actor.Analyst}}}
	if analyst.May(actor.CaseRead, actor.Object{Locked: true}).Allowed {
		t.Error("nobody's locked case is assigned to who has no id")
	}
}
