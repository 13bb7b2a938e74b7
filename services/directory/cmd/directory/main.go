// SPDX-License-Identifier: EUPL-1.2

// Command directory runs the directory service by itself. Settings come from
// the environment; --help lists them.
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

	"github.com/thueringencert/leitstelle/services/directory"
	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/config"
)

const prefix = "DIRECTORY_"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "directory:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	var cfg directory.Config
	flags := flag.NewFlagSet("directory", flag.ContinueOnError)
	flags.Usage = func() { config.Help(flags.Output(), "Constituency and sign-in of Leitstelle", cfg, prefix) }
	load := flags.Bool("load-register", false, "load the register of Thuringia when there is none")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if err := config.Load(&cfg, prefix, os.Environ()); err != nil {
		return err
	}
	log, err := zap.NewProduction()
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	defer func() { _ = log.Sync() }()
	b, err := bus.Connect(cfg.NATS, "directory", log)
	if err != nil {
		return err
	}
	defer b.Close()
	s, err := directory.New(ctx, cfg, directory.Deps{Bus: b, Log: log})
	if err != nil {
		return err
	}
	if *load {
		if _, err := s.LoadRegister(ctx); err != nil {
			return err
		}
	}
	l, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	log.Info("directory: ready", zap.String("listen", l.Addr().String()))
	return s.Serve(ctx, l)
}
