// SPDX-License-Identifier: EUPL-1.2

package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Backlog is what the broker still has for one consumer.
type Backlog struct {
	Pending        uint64 // not delivered yet
	Unacknowledged int    // delivered, not answered yet
	Redelivered    int    // of those, delivered more than once
}

// Backlogs asks the broker about durable consumers, all at once, and returns
// what it knows by their names: one that was never made is not among them. It
// does not wait for a broker that is away, nor longer than ctx.
func (b *Bus) Backlogs(ctx context.Context, consumers []Consumer) (map[string]Backlog, error) {
	if b == nil || !b.nc.IsConnected() {
		return nil, nats.ErrDisconnected
	}
	var (
		mu  sync.Mutex
		all sync.WaitGroup
		err error
		out = make(map[string]Backlog, len(consumers))
	)
	for _, c := range consumers {
		all.Go(func() {
			found, e := b.js.Consumer(ctx, c.Stream, c.Name)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case errors.Is(e, jetstream.ErrConsumerNotFound), errors.Is(e, jetstream.ErrStreamNotFound):
			case e != nil:
				err = errors.Join(err, fmt.Errorf("ask about consumer %s: %w", c.Name, e))
			default:
				i := found.CachedInfo()
				out[c.Name] = Backlog{Pending: i.NumPending, Unacknowledged: i.NumAckPending, Redelivered: i.NumRedelivered}
			}
		})
	}
	all.Wait()
	if err != nil {
		return nil, err
	}
	return out, nil
}
