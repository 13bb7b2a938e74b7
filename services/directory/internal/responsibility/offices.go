// SPDX-License-Identifier: EUPL-1.2

package responsibility

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/thueringencert/leitstelle/shared/fault"
)

// thueringen names the offices that are in no register. What is marked "check"
// was taken from public pages and the operator must look at it before using it;
// a file of their own replaces the whole.
//
//go:embed thueringen.json
var thueringen []byte

// Office is somewhere one can turn to. Address lines are separated by a bar.
type Office struct {
	Name    string `json:"name"`
	Address string `json:"address,omitempty"`
	Phone   string `json:"phone,omitempty"`
	Mail    string `json:"mail,omitempty"`
	URL     string `json:"url,omitempty"`
	Check   bool   `json:"check,omitempty"` // the operator has not confirmed it
}

// Text is words in both languages.
type Text struct {
	DE string `json:"de"`
	EN string `json:"en"`
}

// In returns the words in a language, German where there are no others.
func (t Text) In(lang string) string {
	if lang == "en" && t.EN != "" {
		return t.EN
	}
	return t.DE
}

// Outside is where those turn to whom the CERT does not serve.
type Outside struct {
	Who    Text   `json:"who"`
	Text   Text   `json:"text"`
	Office Office `json:"office"`
}

// Offices is the data file: the supervision over Landkreise and kreisfreie
// Städte (§ 118 ThürKO), and where others turn to.
type Offices struct {
	Supervision Office    `json:"supervision"`
	Outside     []Outside `json:"outside"`
}

// Thuringia returns the shipped offices.
func Thuringia() (Offices, error) { return Read(bytes.NewReader(thueringen)) }

// Unchecked lists the names of the offices that the operator must look at.
func (o Offices) Unchecked() []string {
	var out []string
	for _, x := range append([]Outside{{Office: o.Supervision}}, o.Outside...) {
		if x.Office.Check {
			out = append(out, x.Office.Name)
		}
	}
	return out
}

// Read reads the data file; a mistake is Invalid and says where.
func Read(r io.Reader) (Offices, error) {
	d := json.NewDecoder(io.LimitReader(r, 1<<20))
	d.DisallowUnknownFields()
	var o Offices
	if err := d.Decode(&o); err != nil {
		return Offices{}, fault.New(fault.Invalid, "the file of offices cannot be read: %v", err)
	}
	if err := o.Supervision.valid("supervision"); err != nil {
		return Offices{}, err
	}
	for i, x := range o.Outside {
		where := fmt.Sprintf("outside %d", i+1)
		if x.Who.DE == "" || x.Who.EN == "" {
			return Offices{}, fault.New(fault.Invalid, "%s: who needs de and en", where)
		}
		if err := x.Office.valid(where); err != nil {
			return Offices{}, err
		}
	}
	return o, nil
}

func (o Office) valid(where string) error {
	if o.Name == "" {
		return fault.New(fault.Invalid, "%s: the name is missing", where)
	}
	if o.URL != "" && !strings.HasPrefix(o.URL, "https://") {
		return fault.New(fault.Invalid, "%s: %s does not start with https://", where, o.URL)
	}
	return nil
}
