// SPDX-License-Identifier: EUPL-1.2

package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// SyncedAt returns a readiness check that asks the broker's monitoring address
// whether it syncs to disk before it acknowledges (sync_interval: always).
// Without that a power cut loses acknowledged messages. An empty address is
// not ready: nobody knows.
func SyncedAt(monitor string) func(context.Context) error {
	return func(ctx context.Context) error {
		if monitor == "" {
			return errors.New("NATS_MONITOR_URL is not set: nobody knows whether the broker syncs always")
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(monitor, "/")+"/jsz?config=1", nil)
		if err != nil {
			return fmt.Errorf("broker's monitoring address: %w", err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return fmt.Errorf("ask the broker: %w", err)
		}
		defer func() { _ = res.Body.Close() }()
		var answer struct {
			Config struct {
				SyncAlways bool `json:"sync_always"`
			} `json:"config"`
		}
		if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&answer); err != nil {
			return fmt.Errorf("read the broker's answer: %w", err)
		}
		if !answer.Config.SyncAlways {
			return errors.New("the broker does not sync before it acknowledges: set sync_interval: always")
		}
		return nil
	}
}
