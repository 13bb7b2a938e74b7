// SPDX-License-Identifier: EUPL-1.2

package page_test

import (
	"io/fs"
	"testing"
)

func sub(t *testing.T, dir string) fs.FS {
	t.Helper()
	f, err := fs.Sub(service, dir)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
