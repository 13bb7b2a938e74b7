// SPDX-License-Identifier: EUPL-1.2

package alert_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/services/notification/internal/alert"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/tlp"
)

var (
	noon   = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	editor = event.Person{ID: "e", Name: "Kim Editor"}
	second = event.Person{ID: "a", Name: "Alex Approver"}
)

func content(change ...func(*alert.Content)) alert.Content {
	c := alert.Content{Title: "Lücke", Summary: "Schlimm", Severity: "high", WarningLevel: 2, TLP: tlp.Green, Poll: &event.Poll{}}
	for _, f := range change {
		f(&c)
	}
	return c
}

func drafted(t *testing.T, change ...func(*alert.Content)) alert.Alert {
	t.Helper()
	a, err := alert.New("id", "W-2026-0018", editor, content(change...), noon)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestADraftNeedsSense(t *testing.T) {
	t.Parallel()
	past := noon.Add(-time.Hour)
	for name, tt := range map[string]struct {
		change func(*alert.Content)
		field  string
	}{
		"a title":                      {func(c *alert.Content) { c.Title = "  " }, "title"},
		"a title of one line":          {func(c *alert.Content) { c.Title = "a\nBcc: x@y.example" }, "title"},
		"a title without U+2028":       {func(c *alert.Content) { c.Title = "a\u2028b" }, "title"},
		"a title without NUL":          {func(c *alert.Content) { c.Title = "a\x00b" }, "title"},
		"a title without turned text":  {func(c *alert.Content) { c.Title = "a\u202eb" }, "title"},
		"a title that fits a subject":  {func(c *alert.Content) { c.Title = strings.Repeat("ü", 121) }, "title"},
		"a summary":                    {func(c *alert.Content) { c.Summary = "" }, "summary"},
		"a severity of the list":       {func(c *alert.Content) { c.Severity = "worst" }, "severity"},
		"a warning level of the BSI":   {func(c *alert.Content) { c.WarningLevel = 5 }, "warning_level"},
		"a TLP label":                  {func(c *alert.Content) { c.TLP = "PINK" }, "tlp"},
		"CVE ids":                      {func(c *alert.Content) { c.CVEs = []string{"CVE-1"} }, "cves"},
		"levels of the list":           {func(c *alert.Content) { c.Audience.Levels = []string{"world"} }, "levels"},
		"Kreise of five digits":        {func(c *alert.Content) { c.Audience.Kreise = []string{"Jena"} }, "kreise"},
		"an end in the future":         {func(c *alert.Content) { c.ValidUntil = &past }, "valid_until"},
		"an answer due in the future":  {func(c *alert.Content) { c.Poll.DueAt = &past }, "due_at"},
		"products with a name of text": {func(c *alert.Content) { c.Products = []event.Product{{Versions: "1"}} }, "products"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := alert.New("id", "W-2026-0018", editor, content(tt.change), noon)
			if f := fault.FieldsOf(err); len(f) != 1 || f[0].Name != tt.field {
				t.Errorf("New = %v, want one mistake at %s", err, tt.field)
			}
		})
	}
}

func TestRelease(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change     func(*alert.Content)
		by         event.Person
		size       int
		recipients int
		want       fault.Kind
	}{
		"a second person releases":           {by: second, size: 2, recipients: 3},
		"not who wrote it":                   {by: editor, size: 2, recipients: 3, want: fault.Conflict},
		"not to nobody":                      {by: second, size: 0, recipients: 0, want: fault.Invalid},
		"not to bodies without any address":  {by: second, size: 2, recipients: 0, want: fault.Invalid},
		"RED not to everybody":               {by: second, size: 2, recipients: 3, change: func(c *alert.Content) { c.TLP = tlp.Red }, want: fault.Invalid},
		"RED to named bodies":                {by: second, size: 1, recipients: 1, change: func(c *alert.Content) { c.TLP = tlp.Red; c.Audience.Organisations = []string{"o"} }},
		"a due time that passed in the wait": {by: second, size: 1, recipients: 1, change: func(c *alert.Content) { at := noon.Add(time.Minute); c.Poll.DueAt = &at }, want: fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			change := tt.change
			if change == nil {
				change = func(*alert.Content) {}
			}
			a := drafted(t, change)
			e, err := a.Release(tt.by, tt.size, tt.recipients, noon.Add(time.Hour))
			if got := fault.KindOf(err); got != tt.want {
				t.Fatalf("Release = %v, want kind %q", err, tt.want)
			}
			if err == nil && (a.State != alert.Published || e.Version != 1 || e.AudienceSize != tt.size || a.Draft != nil) {
				t.Errorf("released = %+v, event %+v", a, e)
			}
			if err != nil && a.State != alert.Draft {
				t.Errorf("a refused release changed the alert: %+v", a)
			}
		})
	}
}

func TestAHelperAtTheDraftCannotReleaseItEither(t *testing.T) {
	t.Parallel()
	a := drafted(t)
	if err := a.Edit(second, content(), noon); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Release(second, 1, 1, noon); !fault.Is(err, fault.Conflict) {
		t.Errorf("Release by a contributor = %v, want Conflict", err)
	}
}

func TestAPublishedVersionStaysWhileTheNextIsWritten(t *testing.T) {
	t.Parallel()
	a := drafted(t)
	if _, err := a.Release(second, 1, 1, noon); err != nil {
		t.Fatal(err)
	}
	if err := a.Edit(editor, content(func(c *alert.Content) { c.Title = "Neu" }), noon); err != nil {
		t.Fatal(err)
	}
	if a.Current.Title != "Lücke" || a.Draft.Number != 2 || a.Event().Title != "Lücke" {
		t.Errorf("current %q, draft %d: want the published one to stay", a.Current.Title, a.Draft.Number)
	}
	if _, err := a.Withdraw(second, noon); err != nil {
		t.Fatal(err)
	}
	if err := a.Edit(editor, content(), noon); !fault.Is(err, fault.Conflict) {
		t.Errorf("Edit after the all-clear = %v, want Conflict", err)
	}
}

func TestAnswersMayChangeUntilTheEnd(t *testing.T) {
	t.Parallel()
	end := noon.Add(48 * time.Hour)
	a := drafted(t, func(c *alert.Content) { c.ValidUntil = &end })
	b := alert.Body{Organisation: event.Organisation{ID: "o"}}
	if _, err := a.Answer(&b, alert.Reply{Answer: "fixed"}, editor, "", nil, noon); !fault.Is(err, fault.Conflict) {
		t.Errorf("an answer to a draft = %v, want Conflict", err)
	}
	if _, err := a.Release(second, 1, 1, noon); err != nil {
		t.Fatal(err)
	}
	for i, answer := range alert.Answers() {
		e, err := a.Answer(&b, alert.Reply{Answer: answer}, editor, "", nil, noon.Add(time.Hour))
		if err != nil || b.Version != i+1 || e.Answer != answer {
			t.Errorf("answer %s = %v, version %d", answer, err, b.Version)
		}
	}
	if _, err := a.Answer(&b, alert.Reply{Answer: "maybe"}, editor, "", nil, noon); !fault.Is(err, fault.Invalid) {
		t.Errorf("an unknown answer = %v, want Invalid", err)
	}
	if _, err := a.Answer(&b, alert.Reply{Answer: "fixed"}, editor, "", nil, end); !fault.Is(err, fault.Conflict) {
		t.Errorf("an answer after the end = %v, want Conflict", err)
	}
	if got := b.Answer; got != "checking" {
		t.Errorf("the last answer = %q, want it unchanged", got)
	}
}

// town is a small constituency.
type town struct {
	mandates []alert.Mandate
	away     bool // anna: dana stands in
	foreign  bool // dana works elsewhere
	patAway  bool // paul stands in for the provider's pat
}

func (town) Organisations() []alert.Organisation {
	o := func(id, level, kreis string) alert.Organisation {
		return alert.Organisation{Organisation: event.Organisation{ID: id, Name: id, Level: level, Kreis: kreis}}
	}
	return []alert.Organisation{o("a", "gemeinde", "16071"), o("b", "gemeinde", "16068"), o("k", "kreis", "16071"), o("p", "provider", "")}
}

func (t town) People(roles ...actor.Role) []alert.Person {
	all := []struct {
		id, org string
		role    actor.Role
	}{{"anna", "a", actor.Officer}, {"ben", "b", actor.OrgAdmin}, {"pat", "p", actor.Provider}}
	var out []alert.Person
	for _, x := range all {
		if slices.Contains(roles, x.role) {
			out = append(out, alert.Person{ID: x.id, Name: x.id, Email: x.id + "@x.example", Memberships: []actor.Membership{{Organisation: x.org, Role: x.role}}})
			if t.away && x.id == "anna" {
				home := map[bool]string{false: "a", true: "b"}[t.foreign]
				out[len(out)-1].Deputy = &alert.Person{ID: "dana", Name: "dana", Email: "dana@x.example", Memberships: []actor.Membership{{Organisation: home, Role: actor.Officer}}}
			}
			if t.patAway && x.id == "pat" {
				out[len(out)-1].Deputy = &alert.Person{ID: "paul", Name: "paul", Email: "paul@x.example", Memberships: []actor.Membership{{Organisation: "p", Role: actor.Provider}}}
			}
		}
	}
	return out
}

func (t town) AlertMandates() []alert.Mandate { return t.mandates }

// wishes refuse everything of one person, and name a mailbox of a.
type wishes struct{ off string }

func (w wishes) Wants(_, person, _, _ string) bool { return w.off == "" || person != w.off }

func (wishes) Mailbox(org string) string {
	if org == "a" {
		return "it@a.example"
	}
	return ""
}

func TestSelect(t *testing.T) {
	t.Parallel()
	mandated := town{mandates: []alert.Mandate{{Principal: "a", Agent: "p"}, {Principal: "k", Agent: "p"}}}
	for name, tt := range map[string]struct {
		audience    event.Audience
		label       tlp.Label
		level       int
		reg         town
		off         string
		bodies      int
		recipients  string
		unreachable string
	}{
		"everybody without a filter":            {reg: town{}, bodies: 4, recipients: "anna it ben", unreachable: "k p"},
		"a level narrows":                       {audience: event.Audience{Levels: []string{"kreis"}}, bodies: 1, unreachable: "k"},
		"a Kreis narrows":                       {audience: event.Audience{Kreise: []string{"16068"}}, bodies: 1, recipients: "ben"},
		"both narrow":                           {audience: event.Audience{Levels: []string{"gemeinde"}, Kreise: []string{"16071"}}, bodies: 1, recipients: "anna it"},
		"named bodies are all":                  {audience: event.Audience{Levels: []string{"kreis"}, Organisations: []string{"b"}}, bodies: 1, recipients: "ben"},
		"a provider gets it for its principals": {audience: event.Audience{Kreise: []string{"16071"}}, reg: mandated, bodies: 2, recipients: "anna it pat(a,k)"},
		"so does who stands in at the provider": {audience: event.Audience{Kreise: []string{"16071"}}, reg: town{mandates: mandated.mandates, patAway: true}, bodies: 2, recipients: "anna it pat(a,k) paul(a,k)"},
		"not from AMBER+STRICT on":              {audience: event.Audience{Kreise: []string{"16071"}}, reg: mandated, label: tlp.AmberStrict, bodies: 2, recipients: "anna it", unreachable: "k"},
		"who stands in gets it as well":         {audience: event.Audience{Kreise: []string{"16071"}}, reg: town{away: true}, bodies: 2, recipients: "anna dana it", unreachable: "k"},
		"not for a body that is not theirs":     {audience: event.Audience{Kreise: []string{"16071"}}, reg: town{away: true, foreign: true}, bodies: 2, recipients: "anna it", unreachable: "k"},
		"whatever they unsubscribed from":       {audience: event.Audience{Kreise: []string{"16071"}}, reg: town{away: true}, off: "dana", bodies: 2, recipients: "anna dana it", unreachable: "k"},
		"both from level 3 on":                  {audience: event.Audience{Kreise: []string{"16071"}}, reg: town{away: true}, off: "anna", level: 3, bodies: 2, recipients: "anna dana it", unreachable: "k"},
		"who unsubscribed gets none":            {audience: event.Audience{Organisations: []string{"b"}}, off: "ben", bodies: 1, unreachable: "b"},
		"but from level 3 on everything":        {audience: event.Audience{Organisations: []string{"b"}}, off: "ben", level: 3, bodies: 1, recipients: "ben"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := content(func(c *alert.Content) { c.Audience, c.WarningLevel = tt.audience, max(1, tt.level) })
			if tt.label != "" {
				c.TLP = tt.label
			}
			got := alert.Select(c, tt.reg, wishes{tt.off})
			var who, silent []string
			for _, r := range got.Recipients {
				s, _, _ := strings.Cut(r.Email, "@")
				if len(r.Principals) > 0 {
					s += "(" + strings.Join(r.Principals, ",") + ")"
				}
				who = append(who, s)
			}
			for _, o := range got.Unreachable {
				silent = append(silent, o.ID)
			}
			if len(got.Organisations) != tt.bodies || strings.Join(who, " ") != tt.recipients || strings.Join(silent, " ") != tt.unreachable {
				t.Errorf("%d bodies, recipients %v, unreachable %v; want %d, %q, %q", len(got.Organisations), who, silent, tt.bodies, tt.recipients, tt.unreachable)
			}
			if n := len(got.Reached()); n != tt.bodies-len(silent) {
				t.Errorf("%d bodies are reached, want %d", n, tt.bodies-len(silent))
			}
		})
	}
}

func TestTokensAreStableAndTheirHashForgivesTyping(t *testing.T) {
	t.Parallel()
	k := alert.Keyring{Key: []byte("key")}
	salt := alert.NewSalt()
	token := k.Token(salt)
	if len(token) != 16 || token != k.Token(salt) || token == k.Token(alert.NewSalt()) {
		t.Fatalf("token %q: want 16 characters that follow from the salt", token)
	}
	typed := strings.ToUpper(token[:4] + "-" + token[4:])
	if string(alert.HashToken(token)) != string(alert.HashToken(typed)) {
		t.Error("capitals and hyphens changed the hash")
	}
	if (alert.Keyring{Key: []byte("other")}).Token(salt) == token {
		t.Error("another key makes the same token")
	}
}

func TestValidEmail(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"it-sicherheit@stadt.example.de": true, "a.b+c@x.example": true, "root@localhost": true,
		"": false, "a": false, "a@": false, "@x.example": false, "a b@x.example": false, `"a> BCC:x"@y.example`: false,
		"a@x.example\r\nBcc: y@z.example": false, "a@x.example,b@y.example": false, "a@x..example": false, ".a@x.example": false,
		"ä@x.example": false, "a@exаmple.org": false, "a@x\u2028y.example": false, "a\x00@x.example": false, "a@[127.0.0.1]": false,
	} {
		if got := alert.ValidEmail(address); got != want {
			t.Errorf("ValidEmail(%q) = %v, want %v", address, got, want)
		}
	}
}
