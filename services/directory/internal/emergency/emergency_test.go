// SPDX-License-Identifier: EUPL-1.2

package emergency_test

import (
	"slices"
	"testing"

	"github.com/thueringencert/leitstelle/services/directory/internal/emergency"
)

func TestAWayThatFallsWithTheOwnITIsWarnedOf(t *testing.T) {
	t.Parallel()
	usual := emergency.Usual{Emails: []string{"post@stadt.example"}, Phones: []string{"0361 655-1010", "+49 170 555 01"}}
	for name, tt := range map[string]struct {
		ways emergency.Ways
		want []emergency.Warning
	}{
		"the own domain":               {emergency.Ways{Email: "Notfall@Stadt.example"}, []emergency.Warning{emergency.SameMail}},
		"a host of it":                 {emergency.Ways{Email: "x@mail.stadt.example"}, []emergency.Warning{emergency.SameMail}},
		"another provider":             {emergency.Ways{Email: "x@freemail.example"}, nil},
		"another extension":            {emergency.Ways{Office: "+49 361 655 1099"}, []emergency.Warning{emergency.SamePhone}},
		"the fax beside it":            {emergency.Ways{Fax: "0361/655-1011"}, []emergency.Warning{emergency.SamePhone}},
		"a neighbour":                  {emergency.Ways{Office: "0361 777 1010"}, nil},
		"the office's own mobile":      {emergency.Ways{Mobile: "0170 555 01"}, []emergency.Warning{emergency.SamePhone}},
		"a private mobile":             {emergency.Ways{Mobile: "0151 555 02"}, nil},
		"both at once":                 {emergency.Ways{Email: "a@stadt.example", Office: "0361 6551012"}, []emergency.Warning{emergency.SameMail, emergency.SamePhone}},
		"nothing given, nothing wrong": {emergency.Ways{}, nil},
	} {
		if got := tt.ways.Warnings(usual); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}
