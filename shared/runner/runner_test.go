// SPDX-License-Identifier: EUPL-1.2

package runner_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thueringencert/leitstelle/shared/runner"
)

var errBoom = errors.New("boom")

func wait(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

func TestTheFirstFailureStopsAllAndIsReturned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stopped := 0
		part := func(ctx context.Context) error { <-ctx.Done(); stopped++; return nil }
		err := runner.Run(t.Context(), part, func(context.Context) error { return errBoom })
		if !errors.Is(err, errBoom) || stopped != 1 {
			t.Errorf("Run = %v, %d parts stopped; want the failure and the other part stopped", err, stopped)
		}
	})
}

func TestTheEndOfTheContextIsNoFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if err := runner.Run(ctx, wait, wait); err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
	})
}

func TestAPartThatEndsByItselfLeavesTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		start := time.Now()
		err := runner.Run(ctx, func(context.Context) error { return nil }, func(ctx context.Context) error { <-ctx.Done(); return nil })
		if took := time.Since(start); err != nil || took != time.Hour {
			t.Errorf("Run = %v after %s, want nil after the hour", err, took)
		}
	})
}

func TestAPartThatDoesNotStopIsLeftAfterTheGrace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		release := make(chan struct{})
		cancel()
		start := time.Now()
		err := runner.Run(ctx, func(context.Context) error { <-release; return nil })
		if took := time.Since(start); err == nil || !strings.Contains(err.Error(), "did not stop") || took != runner.Grace {
			t.Errorf("Run = %v after %s, want it to give up after %s", err, took, runner.Grace)
		}
		close(release)
	})
}

func TestAPartMayTakeItsTimeToStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := runner.Run(ctx, func(context.Context) error {
			<-time.After(runner.Grace - time.Second) // finishes its batch
			return nil
		})
		if err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
	})
}
