// SPDX-License-Identifier: EUPL-1.2

package service

import (
	"context"
	"slices"

	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/operations"
)

// Follow names what the service reads from the broker, into its own database.
// Run keeps reading; the page of its operation shows each of them.
func (b *Base) Follow(consumers ...bus.Consumer) {
	for _, c := range consumers {
		c.DB = b.DB
		b.follows = append(b.follows, c)
	}
}

// Consumers are all durable readers of the service, the common ones first.
func (b *Base) Consumers() []bus.Consumer {
	return slices.Concat([]bus.Consumer{b.Register.Consumer()}, b.reads())
}

// reads are those that Run starts: the register runs its own.
func (b *Base) reads() []bus.Consumer {
	if b.Erasing == nil {
		return b.follows
	}
	return append([]bus.Consumer{{
		Name: b.Name + "-erasures", Stream: bus.Directory, DB: b.DB, Handle: b.Erasing.Handle,
		Subjects: []string{event.PersonErased{}.Type() + ".>"},
	}}, b.follows...)
}

// consume are the parts of Run that read.
func (b *Base) consume() []func(context.Context) error {
	reads := b.reads()
	parts := make([]func(context.Context) error, len(reads))
	for i, c := range reads {
		parts[i] = func(ctx context.Context) error { return b.Bus.Consume(ctx, c) }
	}
	return parts
}

// Operations is where an administrator sees how the service's events flow and
// deals with dead ones. jobs are what the service works off by itself.
func (b *Base) Operations(jobs ...operations.Job) *operations.Desk {
	return &operations.Desk{
		Service: b.Name, DB: b.DB, Bus: b.Bus, Consumers: b.Consumers, Audit: b.Audit(), Deleting: b.Deleting, Jobs: jobs, Now: b.Now,
	}
}
