// SPDX-License-Identifier: EUPL-1.2

package privacy_test

import (
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/idem"
	"github.com/thueringencert/leitstelle/shared/inbox"
	"github.com/thueringencert/leitstelle/shared/outbox"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/privacy"
)

// An event that nobody could read may be any bytes; it keeps nobody from being
// forgotten, neither in it nor elsewhere.
func TestADeadEventOfAnyBytesIsForgottenToo(t *testing.T) {
	t.Parallel()
	db, _ := devstack.NewDB(t, outbox.Migrations, inbox.Migrations, idem.Migrations)
	readable, broken := `{"id":"`+theo+`","name":"Theo Turm"}`, "\xff\x00 no text of "+theo
	for _, body := range []string{readable, broken} {
		if _, err := db.Exec(`INSERT INTO dead_event (consumer, event_id, subject, body, reason, tries) VALUES ('c', 'e', 's', $1, 'why', 5)`, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	var done, left int64
	if err := pg.InTx(t.Context(), db, func(tx pg.DB) (err error) {
		done, left, err = privacy.ForgetWires(t.Context(), tx, privacy.Who{ID: theo, Name: "Ehemalige Person"})
		return err
	}); err != nil || done != 1 || left != 0 {
		t.Fatalf("%d forgotten, %d left, %v; want 1, 0", done, left, err)
	}
	var bodies []string
	if err := db.Select(&bodies, `SELECT body FROM dead_event ORDER BY id`); err != nil || len(bodies) != 2 {
		t.Fatal(bodies, err)
	}
	if strings.Contains(bodies[0], "Turm") || !strings.Contains(bodies[0], "Ehemalige Person") || bodies[1] != broken {
		t.Errorf("got %q; want the name gone and the broken one as it was", bodies)
	}
}
