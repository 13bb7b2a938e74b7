// SPDX-License-Identifier: EUPL-1.2

package casefile_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/services/triage/internal/duty"
	"github.com/thueringencert/leitstelle/services/triage/internal/sample"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/tlp"
)

var system = casefile.By{Actor: actor.System("triage")}

func newCase(t *testing.T) *casefile.Case {
	t.Helper()
	c := casefile.Open(system, sample.Noon, event.NewID(), "V-2026-000147", duty.Rules{}, sample.Report(1))
	c.Seal(sample.Noon)
	return c
}

func inState(t *testing.T, s casefile.State) *casefile.Case {
	t.Helper()
	c := newCase(t)
	c.State = s
	return c
}

// reachable is design §7 written down once more, by hand: what follows what.
var reachable = map[casefile.State]string{
	casefile.New:        "assessing working waiting contained recovering closed merged",
	casefile.Assessing:  "working waiting contained recovering resolved closed merged",
	casefile.Working:    "assessing waiting contained recovering resolved closed merged",
	casefile.Waiting:    "assessing working contained recovering resolved closed merged",
	casefile.Contained:  "assessing working waiting recovering resolved closed merged",
	casefile.Recovering: "assessing working waiting contained resolved closed merged",
	casefile.Resolved:   "working closed merged",
	casefile.Closed:     "working",
	casefile.Merged:     "",
}

func TestEveryMoveOfTheStateMachine(t *testing.T) {
	t.Parallel()
	for _, from := range casefile.States() {
		for _, to := range casefile.States() {
			t.Run(string(from)+" to "+string(to), func(t *testing.T) {
				t.Parallel()
				may := strings.Contains(" "+reachable[from]+" ", " "+string(to)+" ")
				if got := from.CanMove(to); got != may {
					t.Errorf("CanMove = %t, want %t", got, may)
				}
				c := inState(t, from)
				err := c.Move(sample.Mara, sample.Noon, casefile.Move{State: to, Reason: "weil", Class: "fraud:phishing", Disposition: "confirmed"})
				want := fault.Kind("")
				switch {
				case from == casefile.Merged:
					want = fault.Conflict
				case to == casefile.Merged:
					want = fault.Invalid // Merge names the target
				case !may:
					want = fault.Conflict
				}
				if got := fault.KindOf(err); got != want {
					t.Fatalf("Move = %v, want kind %q", err, want)
				}
				if err == nil && c.State != to {
					t.Errorf("state is %s", c.State)
				}
				if err != nil && (c.State != from || c.Changed()) {
					t.Errorf("a refused move changed the case to %s", c.State)
				}
			})
		}
	}
}

func TestClosingNeedsClassAndDisposition(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		class string // of the case
		move  casefile.Move
		want  []string // fields with a mistake
	}{
		"with both":                     {"", casefile.Move{Class: "fraud:phishing", Disposition: "confirmed"}, nil},
		"the case has its class":        {"fraud", casefile.Move{Disposition: "false_alarm"}, nil},
		"neither":                       {"", casefile.Move{}, []string{"class", "disposition"}},
		"unknown words":                 {"", casefile.Move{Class: "fraud:x", Disposition: "won"}, []string{"class", "disposition"}},
		"the suggestion is no decision": {"", casefile.Move{Disposition: "confirmed"}, []string{"class"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := inState(t, casefile.Working)
			c.Class = tt.class
			tt.move.State = casefile.Closed
			err := c.Move(sample.Mara, sample.Noon, tt.move)
			var got []string
			for _, f := range fault.FieldsOf(err) {
				got = append(got, f.Name)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("mistakes (-want +got):\n%s", diff)
			}
			if tt.want != nil {
				return
			}
			_, announce := c.Seal(sample.Noon)
			if _, ok := announce.(event.CaseClosed); !ok || c.ClosedAt == nil {
				t.Errorf("announced %T, closed at %v; want case.closed", announce, c.ClosedAt)
			}
			if c.Clocks[0].State != duty.Waived || c.NextDue() != nil {
				t.Errorf("first answer is %s, want waived: nobody waits for it any more", c.Clocks[0].State)
			}
		})
	}
}

func TestGoingBackToWorkNeedsAReason(t *testing.T) {
	t.Parallel()
	for _, from := range []casefile.State{casefile.Resolved, casefile.Closed} {
		c := inState(t, from)
		if err := c.Move(sample.Mara, sample.Noon, casefile.Move{State: casefile.Working}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s → working without a reason: %v, want Invalid", from, err)
		}
		if err := c.Move(sample.Mara, sample.Noon, casefile.Move{State: casefile.Working, Reason: "neue Spuren"}); err != nil {
			t.Errorf("%s → working: %v", from, err)
		}
		if c.ClosedAt != nil || c.Disposition != "" {
			t.Errorf("the outcome of before is still there: %v %q", c.ClosedAt, c.Disposition)
		}
	}
}

func TestFirstSeverity(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		impact, what string
		want         casefile.Severity
	}{
		{"very_high", "phishing", casefile.Critical},
		{"high", "outage", casefile.High},
		{"medium", "malware", casefile.Medium},
		{"low", "tip", casefile.Low},
		{"unknown", "ransomware", casefile.High},
		{"unknown", "intrusion", casefile.High},
		{"unknown", "data_leak", casefile.High},
		{"unknown", "ddos", casefile.Medium},
		{"low", "ransomware", casefile.High},
		{"medium", "ransomware", casefile.High},
		{"very_high", "ransomware", casefile.Critical},
		{"", "unknown", casefile.Medium},
	} {
		if got := casefile.FirstSeverity(tt.impact, tt.what); got != tt.want {
			t.Errorf("impact %s, what %s: %s, want %s", tt.impact, tt.what, got, tt.want)
		}
	}
}

func TestEveryTileSuggestsAClassAndATitle(t *testing.T) {
	t.Parallel()
	for _, what := range []string{
		"ransomware", "malware", "phishing", "account_takeover", "intrusion", "ddos", "data_leak",
		"lost_device", "outage", "mistake", "vulnerability", "tip", "unknown",
	} {
		if c := casefile.SuggestedClass(what); !casefile.ValidClass(c) || !strings.Contains(c, ":") {
			t.Errorf("%s suggests %q, which is no RSIT type", what, c)
		}
		title := casefile.FirstTitle(what, "Verwaltungsgemeinschaft "+strings.Repeat("Lang", 40))
		if n := len([]rune(title)); n > casefile.MaxTitle {
			t.Errorf("title of %s has %d characters", what, n)
		}
	}
}

func TestTake(t *testing.T) {
	t.Parallel()
	c := newCase(t)
	if err := c.Take(sample.Mara, sample.Noon); err != nil {
		t.Fatal(err)
	}
	if c.State != casefile.Assessing || c.Assignee.Name != "Mara Beispiel" {
		t.Errorf("taken: %s by %v, want assessing by Mara", c.State, c.Assignee)
	}
	if err := c.Take(sample.Jona, sample.Noon); !fault.Is(err, fault.Conflict) {
		t.Errorf("taking a colleague's case: %v, want Conflict", err)
	}
	if err := c.Take(sample.Mara, sample.Noon); !fault.Is(err, fault.Conflict) {
		t.Errorf("taking it twice: %v, want Conflict", err)
	}
	jona := sample.Jona.Person()
	if err := c.Assign(sample.Lea, sample.Noon, &jona, "Schichtwechsel"); err != nil || c.Assignee.ID != jona.ID {
		t.Errorf("assign: %v, %v", c.Assignee, err)
	}
	assigned := newCase(t)
	assigned.Assignee = &jona
	if err := assigned.Take(sample.Jona, sample.Noon); err != nil || assigned.State != casefile.Assessing {
		t.Errorf("taking what one was given: %s, %v; want assessing", assigned.State, err)
	}
	for _, s := range []casefile.State{casefile.Closed, casefile.Merged} {
		if err := inState(t, s).Take(sample.Mara, sample.Noon); !fault.Is(err, fault.Conflict) {
			t.Errorf("taking a %s case: %v, want Conflict", s, err)
		}
	}
}

func TestClassify(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		by   casefile.By
		k    casefile.Classify
		want string // field with a mistake; "" when it goes
	}{
		"another severity with a reason":       {sample.Mara, casefile.Classify{Severity: "low", Reason: "nur ein Gerät"}, ""},
		"not without a reason":                 {sample.Mara, casefile.Classify{Severity: "low"}, "reason"},
		"a class needs none":                   {sample.Mara, casefile.Classify{Class: "malicious-code:infected-system"}, ""},
		"an unknown class":                     {sample.Mara, casefile.Classify{Class: "malware"}, "class"},
		"an unknown severity":                  {sample.Mara, casefile.Classify{Severity: "huge", Reason: "x"}, "severity"},
		"a narrower TLP":                       {sample.Mara, casefile.Classify{TLP: "RED"}, ""},
		"a wider TLP is the lead's":            {sample.Mara, casefile.Classify{TLP: "GREEN", Reason: "freigegeben"}, "tlp"},
		"the lead widens with a reason":        {sample.Lea, casefile.Classify{TLP: "GREEN", Reason: "freigegeben"}, ""},
		"but not without":                      {sample.Lea, casefile.Classify{TLP: "GREEN"}, "reason"},
		"a title":                              {sample.Mara, casefile.Classify{Title: "Server verschlüsselt"}, ""},
		"a title that is too long":             {sample.Mara, casefile.Classify{Title: strings.Repeat("ü", 121)}, "title"},
		"exactly as long as allowed":           {sample.Mara, casefile.Classify{Title: strings.Repeat("ü", 120)}, ""},
		"nothing at all":                       {sample.Mara, casefile.Classify{Reason: "weil"}, "severity"},
		"a label of the old protocol is known": {sample.Lea, casefile.Classify{TLP: "TLP:WHITE", Reason: "öffentlich"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCase(t)
			err := c.Classify(tt.by, sample.Noon, tt.k)
			got := ""
			if f := fault.FieldsOf(err); len(f) > 0 {
				got = f[0].Name
			}
			if got != tt.want || (err == nil) != (tt.want == "") {
				t.Errorf("Classify = %v, want a mistake at %q", err, tt.want)
			}
			if err != nil && c.Changed() {
				t.Error("a refused change left something behind")
			}
		})
	}
}

func TestTheConversation(t *testing.T) {
	t.Parallel()
	c := newCase(t)
	m, err := c.Post(sample.Mara, sample.Noon.Add(10*time.Minute), casefile.Post{Text: " Sind die Backups getrennt? ", Wait: true})
	if err != nil {
		t.Fatal(err)
	}
	p, _ := c.Seal(sample.Noon)
	posted, ok := p.Facts[0].(event.CaseMessagePosted)
	if !ok || posted.Text != "Sind die Backups getrennt?" || posted.Message != m.ID || posted.Reports[0].Reference != "M-2026-000001" {
		t.Errorf("the reporter gets %+v", p.Facts)
	}
	if c.State != casefile.Waiting || c.Clocks[0].State != duty.Done || c.AnsweredAt == nil || c.NextDue() != nil {
		t.Errorf("after the question: %s, first answer %s; want waiting and done", c.State, c.Clocks[0].State)
	}
	answer := event.ReportMessagePosted{Message: event.NewID(), Reference: "M-2026-000001", Author: event.Person{Name: "Kim"}, Text: "Ja.", At: sample.Noon}
	c.Receive(system, sample.Noon, answer)
	if c.State != casefile.Working || len(c.Flags) != 1 {
		t.Errorf("after the answer: %s, flags %v; want working and flagged", c.State, c.Flags)
	}
	for _, s := range []casefile.State{casefile.Resolved, casefile.Closed} {
		c := inState(t, s)
		c.Receive(system, sample.Noon, answer)
		if c.State != s || !c.Active() {
			t.Errorf("a message on a %s case: %s, in the queue %t; want only a flag", s, c.State, c.Active())
		}
	}
	for _, words := range []string{"", "  \n", strings.Repeat("ü", casefile.MaxText+1)} {
		if _, err := c.Post(sample.Mara, sample.Noon, casefile.Post{Text: words}); !fault.Is(err, fault.Invalid) {
			t.Errorf("a message of %d bytes: %v, want Invalid", len(words), err)
		}
	}
}

func TestNotesStayInside(t *testing.T) {
	t.Parallel()
	c := newCase(t)
	if _, err := c.Note(sample.Mara, sample.Noon, "Rückruf: geheime Notiz", true); err != nil {
		t.Fatal(err)
	}
	p, announce := c.Seal(sample.Noon)
	if len(p.Facts) != 0 || len(p.Notes) != 1 || c.Clocks[0].State != duty.Done {
		t.Errorf("a note sends %v and meets the first answer (%s)", p.Facts, c.Clocks[0].State)
	}
	if e := event.New(announce, event.Meta{}); strings.Contains(string(e.Data), "geheime") || strings.Contains(e.Subject(), "geheime") {
		t.Errorf("the note is in the event: %s", e.Data)
	}
	for _, e := range p.Entries {
		if strings.Contains(e.Reason+e.From+e.To, "geheime") {
			t.Errorf("the note is in the timeline: %+v", e)
		}
	}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(c, target *casefile.Case)
		reason string
		want   fault.Kind
	}{
		"a new case into an open one":   {func(_, _ *casefile.Case) {}, "derselbe Server", ""},
		"not without a reason":          {func(_, _ *casefile.Case) {}, " ", fault.Invalid},
		"not into another body's case":  {func(_, x *casefile.Case) { x.Organisation = sample.Beispielroda }, "x", fault.Invalid},
		"not into a closed one":         {func(_, x *casefile.Case) { x.State = casefile.Closed }, "x", fault.Conflict},
		"not into a merged one":         {func(_, x *casefile.Case) { x.State = casefile.Merged }, "x", fault.Conflict},
		"not a closed one":              {func(c, _ *casefile.Case) { c.State = casefile.Closed }, "x", fault.Conflict},
		"not into itself":               {func(c, x *casefile.Case) { x.ID = c.ID }, "x", fault.Invalid},
		"no guest's into a confirmed":   {func(c, _ *casefile.Case) { c.Verified = false }, "x", fault.Invalid},
		"no confirmed into a guest's":   {func(_, x *casefile.Case) { x.Verified = false }, "x", fault.Invalid},
		"two guests' of the same body":  {func(c, x *casefile.Case) { c.Verified, x.Verified = false, false }, "x", ""},
		"what is narrower stays narrow": {func(c, _ *casefile.Case) { c.TLP = tlp.Red }, "derselbe Server", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, target := newCase(t), inState(t, casefile.Working)
			target.Reference = "V-2026-000098"
			tt.change(c, target)
			err := c.Merge(sample.Mara, sample.Noon, target, tt.reason)
			if got := fault.KindOf(err); got != tt.want {
				t.Fatalf("Merge = %v, want kind %q", err, tt.want)
			}
			if err != nil {
				return
			}
			if c.State != casefile.Merged || c.MergedInto != target.ID || c.BeforeMerge != casefile.New || len(target.Reports) != 2 {
				t.Errorf("merged: %s into %s from %s, target has %d reports", c.State, c.MergedInto, c.BeforeMerge, len(target.Reports))
			}
			if target.TLP.Wider(c.TLP) {
				t.Errorf("target is %s although a %s report came in", target.TLP, c.TLP)
			}
		})
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	guest := sample.Report(2)
	guest.Verified, guest.Affected = false, event.Organisation{Name: "Rathaus Musterhausen"}
	c := casefile.Open(system, sample.Noon, event.NewID(), "V-2026-000148", duty.Rules{}, guest)
	c.Seal(sample.Noon)
	if err := c.Verify(sample.Mara, sample.Noon, nil); !fault.Is(err, fault.Invalid) {
		t.Errorf("confirming a body that a guest typed: %v, want Invalid: it has to be picked", err)
	}
	org := sample.Musterhausen
	if err := c.Verify(sample.Mara, sample.Noon, &org); err != nil || !c.Verified || c.Organisation.ID != org.ID {
		t.Errorf("verified %t as %+v: %v", c.Verified, c.Organisation, err)
	}
	if err := c.Verify(sample.Mara, sample.Noon, nil); !fault.Is(err, fault.Conflict) {
		t.Errorf("confirming twice: %v, want Conflict", err)
	}
}

func TestAnOlderVersionIsStale(t *testing.T) {
	t.Parallel()
	c := newCase(t)
	for version, want := range map[int]fault.Kind{0: "", 1: "", 2: fault.Stale, -1: fault.Stale} {
		if got := fault.KindOf(c.Seen(version)); got != want {
			t.Errorf("Seen(%d) = %q, want %q", version, got, want)
		}
	}
}
