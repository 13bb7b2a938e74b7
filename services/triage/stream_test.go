// SPDX-License-Identifier: EUPL-1.2

package triage_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/services/triage/internal/sample"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/register"
)

func caseOf(t *testing.T, ev sse) (id string, version int) {
	t.Helper()
	var d struct {
		ID      string `json:"id"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal([]byte(ev.data), &d); err != nil {
		t.Fatalf("%v in %+v", err, ev)
	}
	return d.ID, d.Version
}

func TestTheStreamTellsWhatHappened(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	c := e.listen("analyst", "")
	if ev := next(t, c); ev.name != "hello" || ev.data != `{"resumed":true}` {
		t.Fatalf("first comes %+v", ev)
	}
	ref := e.open(sample.Report(1))
	opened := next(t, c)
	id, version := caseOf(t, opened)
	if opened.name != "case.opened" || version != 1 || opened.id == "" {
		t.Errorf("a new case is told as %+v", opened)
	}
	e.post("analyst2", cases+"/"+ref+"/assign", `"1"`, "", `{}`)
	updated := next(t, c)
	if got, v := caseOf(t, updated); updated.name != "case.updated" || got != id || v != 2 {
		t.Errorf("a change is told as %+v", updated)
	}
	if n := e.count(`SELECT count(*) FROM audit WHERE seq = $1 AND object_id = $2`, updated.id, id); n != 1 {
		t.Errorf("the id %s of the event is not the audit's", updated.id)
	}
}

// A reader that lost its connection goes on where it was: nothing is missing,
// nothing comes twice, also while changes go on.
func TestAStreamResumesWithoutAGap(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	ref := e.open(sample.Report(1))
	for i := range 30 {
		if res := e.post("duty", cases+"/"+ref+"/notes", "", fmt.Sprint(i), `{"text":"Notiz"}`); res.StatusCode != 201 {
			t.Fatal(res.body)
		}
		e.do(request{path: cases + "/" + ref, as: "duty"}) // reads make holes in the numbers
	}
	var seqs []int64
	if err := e.db.Select(&seqs, `SELECT seq FROM case_changes ORDER BY seq`); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 30 {
			e.post("duty", cases+"/"+ref+"/notes", "", "later"+fmt.Sprint(i), `{"text":"Notiz"}`)
		}
	}()
	c := e.listen("analyst", strconv.FormatInt(seqs[9], 10))
	var got []int64
	for len(got) < 51 {
		ev := next(t, c)
		if ev.name == "hello" {
			if ev.data != `{"resumed":true}` {
				t.Errorf("resumed: %s", ev.data)
			}
			continue
		}
		n, err := strconv.ParseInt(ev.id, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, n)
	}
	<-done
	if err := e.db.Select(&seqs, `SELECT seq FROM case_changes ORDER BY seq`); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got) != fmt.Sprint(seqs[10:]) {
		t.Errorf("got  %v\nwant %v", got, seqs[10:])
	}
}

func TestAStreamSaysWhenItCannotResume(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	c := e.listen("analyst", "999999")
	if ev := next(t, c); ev.name != "hello" || ev.data != `{"resumed":false}` {
		t.Errorf("from an id of another store comes %+v", ev)
	}
	for _, bad := range []string{"x", "-1", "1.5"} {
		if res := e.do(request{path: "/api/triage/v1/stream?last_event_id=" + bad, as: "analyst"}); res.StatusCode != http.StatusBadRequest {
			t.Errorf("last_event_id=%s: %d", bad, res.StatusCode)
		}
	}
	if res := e.do(request{path: "/api/triage/v1/stream", as: "officer"}); res.StatusCode != http.StatusNotFound {
		t.Errorf("an officer's stream: %d", res.StatusCode)
	}
}

// Losing the role closes an open stream within five seconds.
func TestAStreamEndsWithTheRole(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	c, stays := e.listen("analyst", ""), e.listen("lead", "")
	next(t, c)
	next(t, stays)
	demoted := event.PersonChanged{
		ID: personID("analyst"), Version: 2, Name: "Mara Beispiel", Active: true,
		Memberships: []event.Membership{{Organisation: sample.Musterhausen.ID, Role: "officer"}},
	}
	began := time.Now()
	if err := pg.InTx(t.Context(), e.db, func(tx pg.DB) error { return register.Store(t.Context(), tx, sample.Event(demoted)) }); err != nil {
		t.Fatal(err)
	}
	for open := true; open; {
		select {
		case _, open = <-c:
		case <-time.After(5 * time.Second):
			t.Fatal("the stream is open five seconds after the role was lost")
		}
	}
	t.Logf("closed after %s", time.Since(began))
	e.open(sample.Report(1))
	if ev := next(t, stays); ev.name != "case.opened" {
		t.Errorf("who may still see cases gets %+v", ev)
	}
}

func TestNothingButIdsIsInTheStream(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	c := e.listen("analyst", "")
	next(t, c)
	r := sample.Report(1)
	r.TLP = "RED"
	ref := e.open(r)
	e.form("lead", ref, "nachricht", 1, "text", "streng vertraulich", "key", "k")
	for range 2 {
		if ev := next(t, c); strings.Contains(ev.data, "vertraulich") || strings.Contains(ev.data, "Musterhausen") || strings.Contains(ev.data, "Verschl") {
			t.Errorf("content in the stream: %s", ev.data)
		}
	}
	var subjects []string
	if err := e.db.Select(&subjects, `SELECT subject FROM outbox`); err != nil {
		t.Fatal(err)
	}
	for _, s := range subjects {
		if strings.Contains(s, "Muster") || strings.Contains(s, "vertraulich") {
			t.Errorf("content in a subject: %s", s)
		}
	}
}

// A page says up to which change it is current, and a stream that goes on there
// brings only what came since, with the campaign that a case belongs to.
func TestAPageKnowsUpToWhereItIsCurrent(t *testing.T) {
	t.Parallel()
	e := newTriage(t)
	reports := sample.Together(3)
	e.publish(sample.Event(reports[0]), sample.Event(reports[1]))
	e.eventually("two cases", func() bool { return e.count(`SELECT count(*) FROM case_changes`) == 2 })
	last := strconv.Itoa(e.count(`SELECT max(seq) FROM case_changes`))
	at := ""
	e.eventually("a page that is current", func() bool {
		_, rest, _ := strings.Cut(e.see("/lage/eingang"), `data-stream-at="`)
		at, _, _ = strings.Cut(rest, `"`)
		return at == last
	})
	c := e.listen("analyst", at)
	if ev := next(t, c); ev.name != "hello" || ev.data != `{"resumed":true}` || ev.id != at {
		t.Fatalf("first comes %+v, want hello at %s", ev, at)
	}
	e.publish(sample.Event(reports[2]))
	ev := next(t, c)
	var d struct{ Campaign string }
	if err := json.Unmarshal([]byte(ev.data), &d); err != nil || ev.name != "case.opened" || d.Campaign != "L-2026-0001" {
		t.Errorf("then comes %+v, want the third case with its campaign (%v)", ev, err)
	}
	for _, tt := range []struct {
		path, as string
		status   int
		want     string
	}{
		{"/lage/lagezeile/L-2026-0001", "lead", http.StatusOK, `data-count="3"`},
		{"/lage/lagezeile/L-2026-0001?ansicht=meine", "lead", http.StatusNotFound, ""},
		{"/lage/lagezeile/L-2026-0001?kreis=16063", "lead", http.StatusOK, `data-case=`},
		{"/lage/lagezeile/L-2026-0099", "lead", http.StatusNotFound, ""},
		{"/lage/lagezeile/L-2026-0001", "officer", http.StatusNotFound, ""},
	} {
		res := e.do(request{path: tt.path, as: tt.as, cookie: true, header: map[string]string{"HX-Request": "true"}})
		if res.StatusCode != tt.status || !strings.Contains(res.body, tt.want) {
			t.Errorf("%s as %s: %d %s, want %d with %s", tt.path, tt.as, res.StatusCode, res.body, tt.status, tt.want)
		}
	}
}
