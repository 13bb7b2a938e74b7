// SPDX-License-Identifier: EUPL-1.2

package event_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
)

var update = flag.Bool("update", false, "write the golden events")

// payloads are all types; docs/events.md has the same.
var payloads = []event.Payload{
	&event.OrganisationChanged{}, &event.OrganisationSucceeded{}, &event.PersonChanged{}, &event.MandateChanged{}, &event.PersonErased{}, &event.PersonInvited{}, &event.NoticeWanted{},
	&event.ReportSubmitted{}, &event.ReportSupplemented{}, &event.ReportMessagePosted{}, &event.ReportAttachmentAdded{},
	&event.ReportTakenOver{}, &event.ReportContradicted{},
	&event.CaseOpened{}, &event.CaseUpdated{}, &event.CaseClosed{}, &event.CaseMessagePosted{},
	&event.AlertPublished{}, &event.AlertWithdrawn{}, &event.PollAnswered{}, &event.DeliveryFailed{},
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// fill sets every field, so that a golden shows every name.
func fill(v reflect.Value, name string) {
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(noon))
		return
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), name)
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(name)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), name)
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]any{"key": "value"}))
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), strings.ToLower(v.Type().Field(i).Name))
		}
	default:
		panic("an event has no " + v.Kind().String())
	}
}

// A field that went away or changed its name breaks receivers that are older:
// only additions may show in the difference.
func TestTheContractOnlyGrows(t *testing.T) {
	t.Parallel()
	for _, p := range payloads {
		t.Run(p.Type(), func(t *testing.T) {
			t.Parallel()
			fill(reflect.ValueOf(p).Elem(), "")
			got, err := json.MarshalIndent(p, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", p.Type()+".json")
			if *update {
				if err := os.WriteFile(path, append(got, '\n'), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatalf("%v (write it with -update)", err)
			}
			if diff := cmp.Diff(string(bytes.TrimSpace(want)), string(got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			known := json.NewDecoder(bytes.NewReader(want))
			known.DisallowUnknownFields()
			if err := known.Decode(reflect.New(reflect.TypeOf(p).Elem()).Interface()); err != nil {
				t.Errorf("an older sender's event is not understood: %v", err)
			}
		})
	}
}

func TestEveryGoldenIsOfAType(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, p := range payloads {
		known[p.Type()+".json"] = true
	}
	files, err := os.ReadDir("testdata")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, f := range files {
		if !known[f.Name()] {
			t.Errorf("%s: a type that somebody may still send is gone", f.Name())
		}
	}
}

func TestAnEventSurvivesTheWay(t *testing.T) {
	t.Parallel()
	p := event.PollAnswered{Alert: "a", Answer: "help", At: noon}
	e := event.New(p, event.Meta{At: noon.Add(123 * time.Nanosecond), Actor: "person:1", OnBehalfOf: "org"})
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	back, err := event.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	got, err := event.Decode[event.PollAnswered](back)
	if err != nil || !cmp.Equal(got, p) {
		t.Errorf("got %+v, %v", got, err)
	}
	if back.ID != e.ID || !back.OccurredAt.Equal(noon) || e.Subject() != "poll.answered" {
		t.Errorf("the envelope changed: %+v", back)
	}
}

func TestWhatIsNoEventIsInvalid(t *testing.T) {
	t.Parallel()
	whole := event.New(event.PollAnswered{Alert: "a"}, event.Meta{At: noon})
	b, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	for name, raw := range map[string]string{
		"nothing": "", "no JSON": "{", "a list": "[]", "no id": `{"type":"x","data":{}}`,
		"no type": strings.Replace(string(b), "poll.answered", "", 1), "no data": `{"id":"` + whole.ID + `","type":"x"}`,
	} {
		if _, err := event.Parse([]byte(raw)); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := event.Decode[event.CaseOpened](whole); fault.KindOf(err) != fault.Invalid {
		t.Errorf("another type: %v", err)
	}
	whole.Data = json.RawMessage(`{"alert":1}`)
	if _, err := event.Decode[event.PollAnswered](whole); fault.KindOf(err) != fault.Invalid {
		t.Errorf("broken data: %v", err)
	}
}

func TestTheSubjectEndsInTheRegion(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		body event.Organisation
		want string
	}{
		"a Gemeinde":                  {event.Organisation{ID: "x", AGS: "16071043"}, "16.071.043"},
		"a Landkreis":                 {event.Organisation{ID: "x", AGS: "16071000"}, "16.071.000"},
		"a VG is of its Kreis":        {event.Organisation{ID: "x", Kreis: "16071"}, "16.071.000"},
		"a state body":                {event.Organisation{ID: "x"}, "16.000.000"},
		"a guest's unknown body":      {event.Organisation{Name: "Rathaus"}, "00.000.000"},
		"an AGS with something in it": {event.Organisation{ID: "x", AGS: "16071.>*"}, "16.000.000"},
	} {
		if got := (event.ReportSubmitted{Affected: tt.body}).Subject(); got != "report.submitted."+tt.want {
			t.Errorf("%s: %s", name, got)
		}
	}
}
