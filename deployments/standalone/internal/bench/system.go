// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/runner"
)

// ServeSystem runs the whole system as its users start it, durable, with the
// limits of a benchmark, until ctx ends.
func ServeSystem(ctx context.Context, dir string, ready func(string)) error {
	runner.Tune() // as the programs do
	log := zap.Must(zap.NewProduction(zap.IncreaseLevel(zap.ErrorLevel)))
	return standalone.Run(ctx, standalone.Options{
		Listen: "127.0.0.1:0", Data: dir, Log: log, Limits: true,
		Ready: func(s *standalone.System) { ready(s.Demo.URL) },
	})
}

// system is the running child.
type system struct {
	child  *Child
	demo   standalone.Demo
	addr   string
	triage *sqlx.DB
}

func startSystem(ctx context.Context, dir string) (*system, error) {
	child, err := StartChild(ctx, "serve-system", dir)
	if err != nil {
		return nil, err
	}
	s := &system{child: child}
	if err := s.connect(ctx, dir); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

func (s *system) connect(ctx context.Context, dir string) (err error) {
	if s.demo, err = standalone.ReadDemo(dir); err != nil {
		return err
	}
	u, err := url.Parse(s.demo.URL)
	if err != nil {
		return err
	}
	s.addr = u.Host
	s.triage, err = sqlx.ConnectContext(ctx, "postgres", s.demo.Database("triage"))
	return err
}

func (s *system) stop() error {
	if s.triage != nil {
		_ = s.triage.Close()
	}
	return s.child.Stop()
}

// tokens are the API tokens of everybody with one of the roles.
func (s *system) tokens(roles ...actor.Role) ([]string, error) {
	var out []string
	for _, role := range roles {
		for _, p := range s.demo.People {
			for _, r := range p.Roles {
				if r == role {
					out = append(out, p.Token)
				}
			}
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("demo.json has nobody with a role of %v", roles)
	}
	return out, nil
}

// submit sends one report over an open connection and returns its id.
func submit(c *client) (string, error) {
	b, err := c.ask()
	if err != nil {
		return "", err
	}
	var answer struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(b, &answer); err != nil || answer.ID == "" {
		return "", errors.Join(fmt.Errorf("the answer names no report: %.200s", b), err)
	}
	return answer.ID, nil
}
