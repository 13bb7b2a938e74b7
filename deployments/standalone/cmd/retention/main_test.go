// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const document = "../../../../docs/datenschutz.md"

// What docs/datenschutz.md says about periods is what the services delete by.
func TestTheTableOfDataClassesIsThatOfTheRules(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := write([]string{document}, &got); err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Error("docs/datenschutz.md is stale: make docs")
	}
	stale := filepath.Join(t.TempDir(), "stale.md")
	text := strings.Replace(string(want), "| 90 Tage", "| 91 Tage", 1)
	if err := os.WriteFile(stale, []byte(text), 0o600); err != nil || text == string(want) {
		t.Fatalf("%v; the table has no period to change", err)
	}
	got.Reset()
	if err := write([]string{stale}, &got); err != nil || got.String() != string(want) {
		t.Errorf("a table that somebody edited is not replaced: %v", err)
	}
}

// Without its markers a document is left alone: nothing of it may get lost.
func TestADocumentWithoutMarkersIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "plain.md")
	for _, text := range []string{"", "text\n", begin + "no end\n", end + "wrong order\n" + begin} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if err := write([]string{path}, &got); err == nil || got.Len() != 0 {
			t.Errorf("%q: %v, %d bytes written", text, err, got.Len())
		}
	}
}
