// SPDX-License-Identifier: EUPL-1.2

// Package runner starts the parts of a service and stops them together: the
// first that fails, or the end of ctx, stops all, and Run waits for every one.
package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// Grace is how long the parts have to stop.
const Grace = 20 * time.Second

// Run runs the parts until ctx ends or one fails. It returns the first failure.
func Run(ctx context.Context, parts ...func(context.Context) error) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, part := range parts {
		g.Go(func() error { return part(ctx) })
	}
	done := make(chan error, 1)
	go func() { done <- g.Wait() }()
	select {
	case err := <-done:
		return ignoreCancel(err)
	case <-ctx.Done():
	}
	t := time.NewTimer(Grace)
	defer t.Stop()
	select {
	case err := <-done:
		return ignoreCancel(err)
	case <-t.C:
		return fmt.Errorf("some parts did not stop within %s", Grace)
	}
}

func ignoreCancel(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
