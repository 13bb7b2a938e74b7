// SPDX-License-Identifier: EUPL-1.2

package succession

import (
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/shared/fault"
)

func TestTheMergersOfThuringiaAreKnown(t *testing.T) {
	t.Parallel()
	list, err := Thuringia()
	if err != nil || len(list) != 29 {
		t.Fatalf("%d successions, %v; want 29", len(list), err)
	}
	if f := list[0]; f.Name != "Eisenach" || f.Successor != "16063105" || f.Date == nil || f.Kind != Rekeyed {
		t.Errorf("Eisenach: %+v", f)
	}
}

func TestABadLineIsNamedAndNothingIsRead(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{
		"seven digits":   "1606100,A,Gemeinde,16061119,,merged",
		"its own heir":   "16061007,A,Gemeinde,16061007,,merged",
		"no name":        "16061007,,Gemeinde,16061119,,merged",
		"no such kind":   "16061007,A,Gemeinde,16061119,,eaten",
		"no such day":    "16061007,A,Gemeinde,16061119,2024-02-30,merged",
		"a column short": "16061007,A,Gemeinde,16061119,",
		"twice":          "16061007,A,Gemeinde,16061119,,merged\n16061007,A,Gemeinde,16061119,,merged",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list, err := Read(strings.NewReader(head + "\n" + line + "\n"))
			if !fault.Is(err, fault.Invalid) || list != nil || !strings.Contains(err.Error(), "line ") {
				t.Errorf("%v, %v; want Invalid with a line", list, err)
			}
		})
	}
	if _, err := Read(strings.NewReader("a,b\n")); !fault.Is(err, fault.Invalid) {
		t.Errorf("a wrong head: %v", err)
	}
}
