// SPDX-License-Identifier: EUPL-1.2

// Command directory runs the directory service by itself. Settings come from
// the environment; --help lists them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/directory"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/config"
	"github.com/thueringencert/leitstelle/shared/service"
)

const prefix = "DIRECTORY_"

const usage = `
Serving:
  directory [--load-register]                load the register of Thuringia where there is none, and serve
` + service.ToolUsage + `  person create --name NAME --email ADDRESS [--role ROLE] [--organisation AGS|KEY]
                                             add a person who may sign in; prints password and TOTP secret once
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "directory:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var cfg directory.Config
	if slices.Contains(args, "--help") || slices.Contains(args, "-h") {
		config.Help(out, "Constituency and sign-in of Leitstelle", cfg, prefix)
		_, err := io.WriteString(out, usage)
		return err
	}
	if err := config.Load(&cfg, prefix, os.Environ()); err != nil {
		return err
	}
	command := strings.Join(args[:min(2, len(args))], " ")
	if command == "" || strings.HasPrefix(command, "-") {
		return serve(ctx, cfg, args)
	}
	if command == "person create" {
		return createPerson(ctx, cfg, args[2:], out)
	}
	return service.Tool(ctx, "directory", cfg.Config, args, out)
}

// open starts everything but the server.
func open(ctx context.Context, cfg directory.Config) (*directory.Service, *bus.Bus, *zap.Logger, error) {
	log, err := zap.NewProduction()
	if err != nil {
		return nil, nil, nil, fmt.Errorf("open the log: %w", err)
	}
	b, err := bus.Connect(cfg.NATS, "directory", log)
	if err != nil {
		return nil, nil, nil, err
	}
	s, err := directory.New(ctx, cfg, directory.Deps{Bus: b, Log: log})
	if err != nil {
		b.Close()
		return nil, nil, nil, err
	}
	return s, b, log, nil
}

func serve(ctx context.Context, cfg directory.Config, args []string) error {
	f := flag.NewFlagSet("directory", flag.ContinueOnError)
	load := f.Bool("load-register", false, "load the register of Thuringia where there is none")
	if err := f.Parse(args); err != nil {
		return err
	}
	s, b, log, err := open(ctx, cfg)
	if err != nil {
		return err
	}
	defer b.Close()
	defer func() { _ = log.Sync() }()
	if *load {
		if _, err := s.LoadRegister(ctx); err != nil {
			return errors.Join(err, s.Close())
		}
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return errors.Join(fmt.Errorf("listen: %w", err), s.Close())
	}
	log.Info("directory: ready", zap.String("listen", l.Addr().String()))
	return s.Serve(ctx, l)
}

// createPerson adds a person. The event waits in the outbox for the running
// service.
func createPerson(ctx context.Context, cfg directory.Config, args []string, out io.Writer) error {
	f := flag.NewFlagSet("directory person create", flag.ContinueOnError)
	name := f.String("name", "", "the person's name")
	email := f.String("email", "", "the person's e-mail address")
	role := f.String("role", string(actor.Admin), "role")
	organisation := f.String("organisation", "thueringencert", "AGS or key of the organisation")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *name == "" || *email == "" {
		return errors.New("--name and --email are needed")
	}
	s, b, _, err := open(ctx, cfg)
	if err != nil {
		return err
	}
	defer b.Close()
	loaded, err := s.LoadPeople(ctx, []directory.Person{{
		Name: *name, Email: *email,
		Memberships: []directory.Membership{{Organisation: *organisation, Role: actor.Role(*role)}},
	}})
	switch {
	case err != nil:
		return errors.Join(err, s.Close())
	case loaded[0].Known:
		return errors.Join(fmt.Errorf("%s is there already", *email), s.Close())
	}
	_, err = fmt.Fprintf(out, "%s\n  password     %s\n  TOTP secret  %s\n", *email, loaded[0].Password, loaded[0].TOTPSecret)
	return errors.Join(err, s.Close())
}
