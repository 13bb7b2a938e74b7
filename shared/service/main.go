// SPDX-License-Identifier: EUPL-1.2

package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/config"
	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/runner"
)

// Service is what a root package gives its main.
type Service interface {
	Handler() http.Handler
	Run(ctx context.Context) error
}

// Main is the main function of a service's program: read the settings (all
// mistakes at once; --help prints the table), connect, listen, serve until
// SIGTERM. common returns the embedded Config of cfg.
//
//	func main() { service.Main("intake", &intake.Config{}, func(c *intake.Config) *service.Config { return &c.Config }, intake.New) }
func Main[C any, S Service](name string, cfg *C, common func(*C) *Config, open func(context.Context, C, Deps) (S, error)) {
	prefix := strings.ToUpper(name) + "_"
	if slices.ContainsFunc(os.Args[1:], func(a string) bool { return a == "--help" || a == "-h" }) {
		config.Help(os.Stdout, "leitstelle "+name, cfg, prefix)
		_, _ = fmt.Fprintf(os.Stdout, "\n%s", ToolUsage)
		return
	}
	if err := config.Load(cfg, prefix, os.Environ()); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(2)
	}
	runner.Tune()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	var err error
	if args := os.Args[1:]; len(args) > 0 {
		err = Tool(ctx, name, *common(cfg), args, os.Stdout)
	} else {
		err = serve(ctx, name, cfg, common(cfg), open)
	}
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

func serve[C any, S Service](ctx context.Context, name string, cfg *C, base *Config, open func(context.Context, C, Deps) (S, error)) error {
	log, err := zap.NewProduction()
	if err != nil {
		return err
	}
	defer func() { _ = log.Sync() }()
	b, err := bus.Connect(base.NATS, name, log)
	if err != nil {
		return err
	}
	defer b.Close()
	s, err := open(ctx, *cfg, Deps{Bus: b, Log: log})
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", base.Listen)
	if err != nil {
		return err
	}
	log.Info(name+": listening", zap.String("address", l.Addr().String()))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	web := make(chan error, 1)
	go func() {
		defer cancel() // the address is gone: stop the rest too
		web <- httpserver.Serve(ctx, l, s.Handler())
	}()
	err = s.Run(ctx)
	cancel() // its parts are gone: answer nobody any more
	return errors.Join(err, <-web)
}
