// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"net/url"
	"strings"
	"testing"
)

type place struct {
	AGS, Name, Level string
	KreisName        string `json:"kreis_name"`
	Active           bool
}

type found struct {
	Answer *struct {
		Organisation   place
		Former         []struct{ AGS, Name, Kind, Date string }
		Administration *place
		Kreis          *place
		SupervisedBy   *place `json:"supervised_by"`
		Supervision    *struct{ Name string }
		CERT           *struct{ Phone string }
		Providers      []string
	}
	Others []place
	More   bool
}

func TestEverybodyLearnsWhoIsResponsible(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for query, want := range map[string]struct{ body, administration, supervision string }{
		"q=Klettbach":        {"Klettbach", "VG Kranichfeld", "Landkreis Weimarer Land"},
		"q=klettbach":        {"Klettbach", "VG Kranichfeld", "Landkreis Weimarer Land"},
		"q=16071043":         {"Klettbach", "VG Kranichfeld", "Landkreis Weimarer Land"},
		"ags=16071043":       {"Klettbach", "VG Kranichfeld", "Landkreis Weimarer Land"},
		"ags=160715005043":   {"", "", ""},
		"q=Erfurt":           {"Erfurt", "", "Thüringer Landesverwaltungsamt (TLVwA)"},
		"q=Gotha":            {"Gotha", "", "Landkreis Gotha"},
		"q=Landkreis+Gotha":  {"Landkreis Gotha", "", "Thüringer Landesverwaltungsamt (TLVwA)"},
		"q=Soemmerda":        {"Sömmerda", "", "Landkreis Sömmerda"},
		"q=VG+Kranichfeld":   {"VG Kranichfeld", "", "Landkreis Weimarer Land"},
		"q=TLRZ":             {"Thüringer Landesrechenzentrum", "", ""},
		"q=Frankenroda":      {"Amt Creuzburg", "VG Hainich-Werratal", "Wartburgkreis"},
		"q=16063028":         {"Amt Creuzburg", "VG Hainich-Werratal", "Wartburgkreis"},
		"ags=16056000":       {"Eisenach", "", "Wartburgkreis"},
		"q=Uder":             {"Uder", "", "Landkreis Eichsfeld"},
		"q=16061097":         {"Uder", "", "Landkreis Eichsfeld"},
		"q=Elxleben":         {"", "", ""},
		"q=99102":            {"Klettbach", "VG Kranichfeld", "Landkreis Weimarer Land"}, // the only administration there
		"q=kein+solcher+Ort": {"", "", ""},
	} {
		status := 200
		if query == "ags=160715005043" {
			status = 404
		}
		var f found
		a := b.want(ask{path: "/api/directory/v1/responsibility?" + query}, status)
		if status != 200 {
			continue
		}
		a.decode(t, &f)
		if f.Answer == nil {
			if want.body != "" {
				t.Errorf("%s: no answer but %d others; want %s", query, len(f.Others), want.body)
			}
			continue
		}
		administration, supervision := "", ""
		if x := f.Answer.Administration; x != nil {
			administration = x.Name
		}
		if x := f.Answer.SupervisedBy; x != nil {
			supervision = x.Name
		}
		if x := f.Answer.Supervision; x != nil {
			supervision = x.Name
		}
		if f.Answer.Organisation.Name != want.body || administration != want.administration || supervision != want.supervision {
			t.Errorf("%s: %s, %s, %s; want %+v", query, f.Answer.Organisation.Name, administration, supervision, want)
		}
		if f.Answer.CERT == nil || f.Answer.CERT.Phone == "" {
			t.Errorf("%s: no number of the CERT", query)
		}
	}
}

func TestSameNamedPlacesAreOfferedWithTheirKreis(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var f found
	b.want(ask{path: "/api/directory/v1/responsibility?q=Elxleben"}, 200).decode(t, &f)
	if f.Answer != nil || len(f.Others) != 2 || f.Others[0].KreisName == f.Others[1].KreisName {
		t.Errorf("%+v; want the two Elxleben of two Kreise and no guess", f)
	}
	body := b.want(ask{path: "/verzeichnis/zustaendig?q=Elxleben"}, 200).body
	if !strings.Contains(body, "Ilm-Kreis") || !strings.Contains(body, "/verzeichnis/zustaendig?ags=16068009") {
		t.Error("the page does not tell them apart")
	}
}

func TestAFormerPlaceLeadsToItsSuccessor(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett")
	body := b.want(ask{path: "/verzeichnis/zustaendig?q=Frankenroda"}, 200).body
	if !strings.Contains(body, "Frankenroda gehört seit dem 1.\u00a0Januar 2024 zu Amt Creuzburg.") && !strings.Contains(body, "zu Amt Creuzburg.") {
		t.Error("the page does not say what became of Frankenroda")
	}
	var o struct {
		Active    bool
		Successor *struct{ AGS, Name string }
	}
	b.want(ask{path: "/api/directory/v1/organisations/16063028", as: "klett"}, 200).decode(t, &o)
	if o.Active || o.Successor == nil || o.Successor.AGS != "16063104" {
		t.Errorf("%+v; want an ended body with its successor", o)
	}
	body = b.want(ask{path: "/verzeichnis/kommunen/16063028", as: "klett"}, 200).body
	if !strings.Contains(body, "/verzeichnis/kommunen/16063104") {
		t.Error("the page of the predecessor does not lead to the successor")
	}
	body = b.want(ask{path: "/verzeichnis/kommunen/16063104", as: "klett"}, 200).body
	if !strings.Contains(body, "Frankenroda") {
		t.Error("the page of the successor does not name its predecessor")
	}
}

func TestProvidersAreNamedOnlyToThoseWhoMayKnow(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "fremd", "analyst")
	b.mandate("16071043")
	for who, want := range map[string]bool{"": false, "fremd": false, "klett": true, "analyst": true} {
		body := b.want(ask{path: "/verzeichnis/zustaendig?ags=16071043", as: who}, 200).body
		if strings.Contains(body, "KIV Thüringen GmbH") != want {
			t.Errorf("the provider's name for %q: %v, want %v", who, !want, want)
		}
	}
}

func TestAHostileQuestionIsBounded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.want(ask{path: "/api/directory/v1/responsibility"}, 400)
	b.want(ask{path: "/api/directory/v1/responsibility?ags=16999999"}, 404)
	b.want(ask{path: "/verzeichnis/zustaendig?ags=16999999"}, 200)
	for _, q := range []string{strings.Repeat("x", 101), strings.Repeat("ä", 51)} {
		b.want(ask{path: "/verzeichnis/zustaendig?q=" + url.QueryEscape(q)}, 400)
	}
	for _, q := range []string{"%", "_", "'; DROP TABLE organisation; --", "\x00", "<script>", "a"} {
		var f found
		b.want(ask{path: "/api/directory/v1/responsibility?q=" + url.QueryEscape(q)}, 200).decode(t, &f)
		if len(f.Others) > 20 {
			t.Errorf("%q: %d hits", q, len(f.Others))
		}
	}
}
