// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestThePageNamesEveryTypeItsSubjectAndItsFields(t *testing.T) {
	t.Parallel()
	var page bytes.Buffer
	if err := run("../../..", &page); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| REPORTS | `report.>` | 30 days |",
		"### report.submitted\n",
		"Subject `report.submitted.<land>.<kreis>.<gemeinde>`.",
		"Subject `directory.person.changed.<id>`.",
		"| `affected` | [Organisation](#organisation) |",
		"| `report_status` | string | received, in_progress, waiting_for_you, resolved, closed |",
		"### Organisation\n",
	} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestEveryEventHasSomebodyWhoTakesIt(t *testing.T) {
	t.Parallel()
	c, err := readContract("../../../shared/event")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.readUse("../../.."); err != nil {
		t.Fatal(err)
	}
	if len(c.payloads) < 16 {
		t.Errorf("only %d types", len(c.payloads))
	}
	for _, p := range c.payloads {
		if len(p.to) == 0 {
			t.Errorf("nobody receives %s", p.kind)
		}
		if p.doc == "" {
			t.Errorf("nobody says what %s is", p.kind)
		}
	}
}

func TestItSaysWhereItMustRun(t *testing.T) {
	t.Parallel()
	if err := run(t.TempDir(), &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "root of the repository") {
		t.Errorf("elsewhere: %v", err)
	}
}
