// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/shared/actor"
)

// demo plays the road against the instance of --data, or against a fresh one.
func demo(ctx context.Context, args []string, out io.Writer) error {
	f, data := flags("demo")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *data != "" {
		d, err := standalone.ReadDemo(*data)
		if err != nil {
			return fmt.Errorf("is an instance running in %s? %w", *data, err)
		}
		return standalone.PlayDemo(ctx, d, out)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	log, err := logger(false)
	if err != nil {
		return err
	}
	started, began := make(chan standalone.Demo, 1), time.Now()
	ended := make(chan error, 1)
	go func() {
		ended <- standalone.Run(ctx, standalone.Options{
			Listen: "127.0.0.1:0", Log: log,
			Ready: func(s *standalone.System) { started <- s.Demo },
		})
	}()
	select {
	case err := <-ended:
		return errors.Join(errors.New("the instance did not start"), err)
	case d := <-started:
		_, _ = fmt.Fprintf(out, "%8s  a fresh instance is ready: %s\n", time.Since(began).Round(time.Millisecond), d.URL)
		err := standalone.PlayDemo(ctx, d, out)
		stop()
		return errors.Join(err, <-ended)
	}
}

func createAdmin(ctx context.Context, args []string, out io.Writer) error {
	f, data := flags("admin create")
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
	return standalone.CreatePerson(ctx, *data, standalone.NewPerson{
		Name: *name, Email: *email, Role: actor.Role(*role), Organisation: *organisation,
	}, out)
}

func republish(ctx context.Context, args []string, out io.Writer) error {
	f, data := flags("outbox republish")
	service := f.String("service", "", "whose events")
	since := f.String("since", "", "from this instant on, RFC 3339")
	if err := f.Parse(args); err != nil {
		return err
	}
	at, err := time.Parse(time.RFC3339, *since)
	if err != nil {
		return fmt.Errorf("--since: %w", err)
	}
	return standalone.Republish(ctx, *data, *service, at, out)
}

func deadEvents(ctx context.Context, retry bool, args []string, out io.Writer) error {
	f, data := flags("events")
	service := f.String("service", "", "only of this service")
	id := f.Int64("id", 0, "the event to send again")
	if err := f.Parse(args); err != nil {
		return err
	}
	if retry && (*id == 0 || *service == "") {
		return errors.New("--service and --id say which event")
	}
	if !retry {
		*id = 0
	}
	return standalone.DeadEvents(ctx, *data, *service, *id, out)
}

func personReport(ctx context.Context, args []string, out io.Writer) error {
	f, data := flags("person report")
	o := standalone.PersonReport{Databases: map[string]string{}}
	f.StringVar(&o.Phone, "phone", "", "telephone number to look for as well")
	f.StringVar(&o.Out, "out", ".", "folder for the two files")
	databases(f, o.Databases)
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() != 1 {
		return errors.New("name one person, by e-mail address or id")
	}
	o.Data, o.Who = *data, f.Arg(0)
	return standalone.PersonalReport(ctx, o, out)
}

// databases reads --database NAME=URL, once for each service.
func databases(f *flag.FlagSet, into map[string]string) {
	f.Func("database", "NAME=postgres://… of a service", func(v string) error {
		name, url, ok := strings.Cut(v, "=")
		if !ok {
			return errors.New("want NAME=postgres://…")
		}
		into[name] = url
		return nil
	})
}

func retained(ctx context.Context, what string, args []string, out io.Writer) error {
	f, data := flags("retention " + what)
	o := standalone.Retention{Databases: map[string]string{}, Environ: os.Environ()}
	if what == "dry-run" {
		databases(f, o.Databases)
	}
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() != 0 {
		return fmt.Errorf("retention %s takes no %q", what, f.Arg(0))
	}
	o.Data = *data
	switch what {
	case "rules":
		return standalone.PrintRetention(out)
	case "dry-run":
		return standalone.CountRetention(ctx, o, out)
	}
	return standalone.RunRetention(ctx, o.Data, out)
}
