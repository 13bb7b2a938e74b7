// SPDX-License-Identifier: EUPL-1.2

// Command leitstelle runs the whole system in one process and has the tools an
// operator needs beside it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/runner"
)

const usage = `leitstelle: the security incident coordination system in one process

  leitstelle [--listen 127.0.0.1:8080] [--data DIR] [--demo=false] [--demo-provider=false]
        run everything; without --data in a temporary folder that goes with it;
        with demo people there is an OpenID provider to try as well
  leitstelle demo [--data DIR]
        play the whole road of a report against a fresh instance, or a running one
  leitstelle audit verify --data DIR
        check every service's audit chain; exit 1 names the first bad entry
  leitstelle admin create --data DIR --name NAME --email ADDRESS [--role ROLE] [--organisation AGS|KEY]
        add a person who may sign in; prints the password and the TOTP secret once
  leitstelle outbox republish --data DIR --service NAME --since 2026-11-22T00:00:00Z
        send a service's events again after the broker lost its store
  leitstelle events dead|retry --data DIR [--service NAME] [--id ID]
        list the events that services gave up, or send one round again
  leitstelle person report --data DIR [--phone NUMBER] [--out DIR] E-MAIL|ID
        everything the four services hold about one person, as JSON and HTML (Art. 15 GDPR);
        without --data with --database NAME=postgres://… for each of the four services
  leitstelle retention rules
        which data each service keeps for how long, and whether two people must agree to delete it
  leitstelle retention dry-run --data DIR
        count what would be deleted now; what a legal hold keeps is counted apart; with
        --database NAME=postgres://… instead of --data, periods from NAME_RETENTION_KEEP
  leitstelle retention run --data DIR
        do now what the services do each hour: delete what two people released, and the
        technical traces that need no release; never more
  leitstelle register diff|apply --data DIR FILE
        compare a GV100AD file of Destatis with the register, or take it over
`

func main() {
	runner.Tune()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	var failed standalone.ErrFailed
	switch {
	case errors.As(err, &failed): // it has said why
		os.Exit(1)
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "leitstelle:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	command := ""
	for len(args) > 0 && !strings.HasPrefix(args[0], "-") && len(strings.Fields(command)) < 2 {
		command = strings.TrimSpace(command + " " + args[0])
		args = args[1:]
	}
	switch command {
	case "":
		return serve(ctx, args, out)
	case "demo":
		return demo(ctx, args, out)
	case "audit verify":
		f, data := flags("audit verify")
		if err := f.Parse(args); err != nil {
			return err
		}
		return standalone.VerifyAudit(ctx, *data, out)
	case "admin create":
		return createAdmin(ctx, args, out)
	case "outbox republish":
		return republish(ctx, args, out)
	case "events dead", "events retry":
		return deadEvents(ctx, command == "events retry", args, out)
	case "person report":
		return personReport(ctx, args, out)
	case "retention rules", "retention dry-run", "retention run":
		return retained(ctx, strings.TrimPrefix(command, "retention "), args, out)
	case "register diff", "register apply":
		f, data := flags(command)
		if err := f.Parse(args); err != nil {
			return err
		}
		if f.NArg() != 1 {
			return errors.New("name one GV100AD file")
		}
		return standalone.ImportRegister(ctx, *data, f.Arg(0), command == "register apply", out)
	}
	_, _ = io.WriteString(out, usage)
	return flag.ErrHelp
}

func flags(name string) (*flag.FlagSet, *string) {
	f := flag.NewFlagSet("leitstelle "+name, flag.ContinueOnError)
	f.Usage = func() { _, _ = io.WriteString(f.Output(), usage) }
	return f, f.String("data", "", "data folder")
}

func serve(ctx context.Context, args []string, out io.Writer) error {
	f, data := flags("")
	listen := f.String("listen", "127.0.0.1:8080", "address of the front door")
	withDemo := f.Bool("demo", true, "with demo people; only on a loopback address")
	withProvider := f.Bool("demo-provider", true, "with an OpenID provider to try; only with demo people")
	limits := f.Bool("raise-limits", false, "raise the limits of intake, for benchmarks and fault runs")
	verbose := f.Bool("verbose", false, "log more")
	if err := f.Parse(args); err != nil {
		return err
	}
	if asked := false; !*withDemo {
		f.Visit(func(x *flag.Flag) { asked = asked || x.Name == "demo-provider" && *withProvider })
		if asked {
			return errors.New("--demo-provider signs in invented people: it needs --demo")
		}
	}
	log, err := logger(*verbose)
	if err != nil {
		return err
	}
	defer func() { _ = log.Sync() }()
	return standalone.Run(ctx, standalone.Options{
		Listen: *listen, Data: *data, NoDemo: !*withDemo, NoProvider: !*withProvider, Limits: *limits, Log: log,
		Ready: func(s *standalone.System) { greet(out, s) },
	})
}

func logger(verbose bool) (*zap.Logger, error) {
	c := zap.NewProductionConfig()
	c.Level = zap.NewAtomicLevelAt(zapcore.WarnLevel)
	if verbose {
		c.Level = zap.NewAtomicLevelAt(zapcore.DebugLevel)
	}
	return c.Build()
}

func greet(out io.Writer, s *standalone.System) {
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format, args...) }
	p("\nLeitstelle läuft.\n\n  %-46s Meldung, Notfallkarte, eigene Vorgänge\n", s.Demo.URL+"/")
	p("  %-46s Lagezentrum\n", s.Demo.URL+"/lage/eingang")
	p("  %-46s Warnungen schreiben und freigeben\n", s.Demo.URL+"/warnungen/redaktion")
	p("  %-46s alle E-Mails dieser Installation\n", s.Demo.URL+"/postfach")
	if x := s.Demo.Provider; x != nil {
		p("  %-46s %s: mit einem anderen Konto anmelden\n", x.URL, x.Label)
	}
	if at, ok := strings.CutPrefix(s.Demo.URL, "http://127.0.0.1"); ok {
		p("  %-46s dasselbe, wo Browser Passkeys annehmen\n", "http://localhost"+at+"/konto/anmelden")
	}
	p("\n")
	if len(s.Demo.People) > 0 {
		p("  Anmelden unter %s/konto/anmelden (erfundene Personen, nur auf diesem Rechner):\n\n", s.Demo.URL)
		for _, who := range s.Demo.People {
			p("    %-36s %-20s TOTP %-34s %s\n", who.Email, who.Password, who.TOTPSecret, roles(who.Roles))
		}
		p("\n  Der sechsstellige Code entsteht aus dem TOTP-Geheimnis in jeder Authenticator-App,\n")
		p("  oder: oathtool --totp -b GEHEIMNIS\n")
	}
	p("\n  Daten: %s   Beenden: Strg+C\n\n", s.Options.Data)
}

func roles(list []actor.Role) string {
	out := make([]string, len(list))
	for i, r := range list {
		out[i] = string(r)
	}
	return strings.Join(out, ", ")
}
