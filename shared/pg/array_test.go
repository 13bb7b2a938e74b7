// SPDX-License-Identifier: EUPL-1.2

package pg_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/pg"
)

func TestArraysArriveAsTheyWere(t *testing.T) {
	t.Parallel()
	db, _ := devstack.NewDB(t)
	long := strings.Repeat(`"quoted\" {,} ü `, 300)
	for name, list := range map[string][]string{
		"none": {}, "one empty": {""}, "signs": {`{`, `a,b`, `"`, `\`, "NULL", "zwei\nZeilen", "ü€😀"}, "long": {long, "", long},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw, docs := make([][]byte, len(list)), make([]string, len(list))
			for i, s := range list {
				raw[i], docs[i] = []byte(s), fmt.Sprintf(`{"n": %d}`, i)
			}
			var got []struct {
				Text string `db:"t"`
				Raw  []byte `db:"b"`
				Doc  string `db:"j"`
			}
			err := db.SelectContext(t.Context(), &got, `SELECT t, b, j FROM unnest($1::text[], $2::bytea[], $3::jsonb[]) AS x(t, b, j)`,
				pg.Texts(list), pg.Byteas(raw), pg.JSONs(docs))
			if err != nil {
				t.Fatal(err)
			}
			texts, bytes, jsons := make([]string, len(got)), make([][]byte, len(got)), make([]string, len(got))
			for i, g := range got {
				texts[i], bytes[i], jsons[i] = g.Text, append([]byte{}, g.Raw...), g.Doc
			}
			if diff := cmp.Diff(list, texts) + cmp.Diff(raw, bytes) + cmp.Diff(docs, jsons); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTextsRefuseWhatIsNoText(t *testing.T) {
	t.Parallel()
	db, _ := devstack.NewDB(t)
	for _, bad := range []string{"a\x00b", "\xff\xfe"} {
		if _, err := db.ExecContext(t.Context(), `SELECT unnest($1::text[])`, pg.Texts{bad}); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
