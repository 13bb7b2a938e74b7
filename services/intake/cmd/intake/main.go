// SPDX-License-Identifier: EUPL-1.2

// Command intake runs the service that takes reports in.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/intake"
	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/config"
	"github.com/thueringencert/leitstelle/shared/service"
)

const prefix = "INTAKE_"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "intake:", err)
		os.Exit(1)
	}
}

func run() error {
	flag.Usage = func() {
		config.Help(os.Stdout, "intake takes reports of security incidents in.", intake.Config{}, prefix)
	}
	flag.Parse()
	var cfg intake.Config
	if err := config.Load(&cfg, prefix, os.Environ()); err != nil {
		return err
	}
	log, err := zap.NewProduction()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b, err := bus.Connect(cfg.NATS, "intake", log)
	if err != nil {
		return err
	}
	defer b.Close()
	s, err := intake.New(ctx, cfg, service.Deps{Bus: b, Log: log})
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return errors.Join(err, s.Close())
	}
	log.Info("intake: ready", zap.String("listen", l.Addr().String()))
	return s.Serve(ctx, l)
}
