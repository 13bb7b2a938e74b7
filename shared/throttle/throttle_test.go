// SPDX-License-Identifier: EUPL-1.2

package throttle_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/throttle"
)

func TestAKeyHasItsOwnBucketThatFillsAgain(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	c := throttle.New(2, time.Second, 3, func() time.Time { return now })
	took := func(key string) (n int) {
		for c.Take(key) == nil {
			n++
		}
		return n
	}
	if n := took("a"); n != 3 {
		t.Errorf("%d at once, want the burst of 3", n)
	}
	if err := c.Open("a"); !fault.Is(err, fault.Limited) {
		t.Errorf("an empty bucket is open: %v", err)
	}
	if n := took("b"); n != 3 {
		t.Errorf("another key has %d, want its own 3", n)
	}
	now = now.Add(time.Second)
	if n := took("a"); n != 2 {
		t.Errorf("%d after a second, want 2", n)
	}
	for i := range 50000 { // more keys than are kept
		if err := c.Take(strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
	}
}
