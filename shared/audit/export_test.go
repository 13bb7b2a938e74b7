// SPDX-License-Identifier: EUPL-1.2

package audit

import (
	"context"
	"strings"

	"github.com/thueringencert/leitstelle/shared/pg"
)

// Plan is how the database finds a page.
func Plan(ctx context.Context, db pg.DB, f Filter) (string, error) {
	text, args, err := f.statement(ctx, db)
	if err != nil {
		return "", err
	}
	var lines []string
	err = db.SelectContext(ctx, &lines, `EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) `+text, args...)
	return strings.Join(lines, "\n"), err
}
