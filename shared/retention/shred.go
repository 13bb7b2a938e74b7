// SPDX-License-Identifier: EUPL-1.2

package retention

import (
	"context"
	"fmt"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/shared/pg"
)

// Bucket is where the bytes of files lie.
type Bucket interface {
	Delete(ctx context.Context, key string) error
}

// Shred deletes the bytes of the files whose keys query finds for the ids $1: the
// key that opens each stands in its own head (age) and goes with it. A file that
// is gone already is no mistake.
func Shred(ctx context.Context, tx pg.DB, b Bucket, query string, ids []string) error {
	var keys []string
	if err := tx.SelectContext(ctx, &keys, query, pq.Array(ids)); err != nil {
		return fmt.Errorf("find files: %w", err)
	}
	for _, key := range keys {
		if err := b.Delete(ctx, key); err != nil {
			return fmt.Errorf("destroy file %s: %w", key, err)
		}
	}
	return nil
}
