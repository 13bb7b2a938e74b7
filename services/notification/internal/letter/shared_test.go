// SPDX-License-Identifier: EUPL-1.2

package letter_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thueringencert/leitstelle/services/notification/internal/alert"
	"github.com/thueringencert/leitstelle/services/notification/internal/message"
)

// A notice without an id is written in full for each recipient; with one its
// mails share what they have in common. Nobody may see a difference.
func TestAMailThatSharesIsTheMailThatDoesNot(t *testing.T) {
	t.Parallel()
	long := []string{"mit einem sehr langen Namen, der in keine Zeile einer E-Mail passt und umgebrochen werden muss"}
	var many []string
	for i := range 12 {
		many = append(many, fmt.Sprint("Nummer ", i))
	}
	quoting := sample("GREEN")
	quoting.Text = "\ue000own\ue001 und \ue000link\ue001"
	for name, content := range map[string]alert.MailData{
		"green": sample("GREEN"), "amber": sample("AMBER"), "strict": sample("AMBER+STRICT"), "red": sample("RED"), "marks": quoting,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := writer(t)
			notice := message.Notice{Kind: message.Alert, Data: data(content)}
			named := notice
			named.ID = "n-" + name
			for i, bodies := range [][]string{{"Musterhausen"}, long, many, nil, {"Musterhausen"}} {
				for _, lang := range []string{"de", "en", "de", ""} {
					d := message.Delivery{ID: fmt.Sprint("d", i), Recipient: fmt.Sprintf("it%d@stadt.example", i), Language: lang, Bodies: bodies, Salt: []byte(fmt.Sprint("salt", i))}
					want, err := w.Compose(notice, d)
					if err != nil {
						t.Fatal(err)
					}
					got, err := w.Compose(named, d)
					if err != nil {
						t.Fatal(err)
					}
					want.MessageID, got.MessageID = "", ""
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("%s %v: %s", lang, bodies, diff)
					}
				}
			}
		})
	}
}
