// SPDX-License-Identifier: EUPL-1.2

// Package throttle bounds how often somebody may ask: a token bucket for each
// account, network or token. It counts in memory, per process.
package throttle

import (
	"sync"
	"time"

	"github.com/thueringencert/leitstelle/shared/fault"
)

type bucket struct {
	left float64
	at   time.Time
}

// Counter is a token bucket for each key; its memory is bounded.
type Counter struct {
	rate, burst float64 // tokens a second, and at most
	now         func() time.Time

	mu      sync.Mutex
	buckets map[string]*bucket
}

// New allows n in a time for each key, and at most burst at once.
func New(n int, per time.Duration, burst int, now func() time.Time) *Counter {
	return &Counter{rate: float64(n) / per.Seconds(), burst: float64(max(burst, 1)), now: now, buckets: map[string]*bucket{}}
}

// maxBuckets bounds the memory: full buckets go first, then any.
const maxBuckets = 20000

// Take uses one token, or says when there is one again.
func (c *Counter) Take(key string) error {
	if wait := c.use(key, 1); wait > 0 {
		return fault.New(fault.Limited, "too many requests").WithRetry(wait)
	}
	return nil
}

// Open reports whether a token is left, without using it.
func (c *Counter) Open(key string) error {
	if wait := c.use(key, 0); wait > 0 {
		return fault.New(fault.Limited, "too many requests").WithRetry(wait)
	}
	return nil
}

func (c *Counter) use(key string, n float64) (wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	b := c.buckets[key]
	if b == nil {
		if len(c.buckets) >= maxBuckets {
			c.sweep(now)
		}
		b = &bucket{left: c.burst, at: now}
		c.buckets[key] = b
	}
	if d := now.Sub(b.at); d > 0 {
		b.left = min(c.burst, b.left+d.Seconds()*c.rate)
		b.at = now
	}
	if b.left < 1 {
		return max(time.Second, time.Duration((1-b.left)/c.rate*float64(time.Second)))
	}
	b.left -= n
	return 0
}

func (c *Counter) sweep(now time.Time) {
	for k, b := range c.buckets {
		if b.left+now.Sub(b.at).Seconds()*c.rate >= c.burst {
			delete(c.buckets, k)
		}
	}
	for k := range c.buckets { // a tenth at once, or each new key would look at all
		if len(c.buckets) < maxBuckets*9/10 {
			return
		}
		delete(c.buckets, k)
	}
}
