// SPDX-License-Identifier: EUPL-1.2

package intake_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/services/intake"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/service"
)

// childEnv makes this test binary take reports in, to be killed, instead of
// testing. Its value is the configuration.
const childEnv = "LEITSTELLE_TEST_INTAKE"

func TestMain(m *testing.M) {
	if cfg := os.Getenv(childEnv); cfg != "" {
		_, _ = fmt.Fprintln(os.Stderr, takeIn(cfg))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// takeIn is an intake of its own process; it says its address and never ends.
func takeIn(config string) error {
	var cfg intake.Config
	if err := json.Unmarshal([]byte(config), &cfg); err != nil {
		return err
	}
	b, err := bus.Connect(bus.Config{URL: "nats://127.0.0.1:1"}, "child", zap.NewNop())
	if err != nil {
		return err
	}
	s, err := intake.New(context.Background(), cfg, service.Deps{
		Bus: b, Log: zap.NewNop(), Now: func() time.Time { return start }, Synced: func(context.Context) error { return nil },
	})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() { // the parent is gone: nobody kills us any more
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	_, _ = fmt.Fprintln(os.Stdout, "http://"+l.Addr().String())
	return s.Serve(context.Background(), l)
}

// child is a process that takes reports in.
type child struct {
	cmd *exec.Cmd
	url string
}

// begin starts a process and waits until it says its address. It fails no test
// itself: that is for the test's own goroutine.
func begin(config string) (child, error) {
	cmd := exec.Command(os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), childEnv+"="+config), os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return child{}, err
	}
	if _, err := cmd.StdinPipe(); err != nil { // open as long as we live
		return child{}, err
	}
	if err := cmd.Start(); err != nil {
		return child{}, err
	}
	c := child{cmd: cmd}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		c.kill()
		return child{}, fmt.Errorf("the process does not come up: %w", err)
	}
	c.url = strings.TrimSpace(line)
	return c, nil
}

// child is one that is gone when the test is.
func (e *env) child(config string) child {
	e.t.Helper()
	c, err := begin(config)
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(c.kill)
	return c
}

func (c child) kill() {
	_ = c.cmd.Process.Kill() // SIGKILL: nothing of it runs any more
	_ = c.cmd.Wait()
}

// sender is a careful client: it repeats a report with its key until there is
// an answer.
type sender struct {
	url     atomic.Value // of the process that is there
	mu      sync.Mutex
	acks    map[string]string // key → the answer
	again   int               // attempts after the first one
	strange []string
}

func (s *sender) send(ctx context.Context, key, body string) {
	for try := 0; ctx.Err() == nil; try++ {
		url, _ := s.url.Load().(string)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+reportsPath, strings.NewReader(body))
		if err != nil {
			return
		}
		req.Header = http.Header{"Authorization": {"Bearer " + token(actor.Officer)}, "Content-Type": {"application/json"}, "Idempotency-Key": {key}}
		var text []byte
		res, err := client.Do(req)
		if err == nil {
			text, err = io.ReadAll(res.Body)
			_ = res.Body.Close()
		}
		s.mu.Lock()
		s.again += min(try, 1)
		switch {
		case err != nil: // killed in the middle
		case res.StatusCode != http.StatusCreated && res.StatusCode != http.StatusServiceUnavailable:
			s.strange = append(s.strange, fmt.Sprintf("%d %s", res.StatusCode, text))
		case res.StatusCode == http.StatusCreated && s.acks[key] == "":
			s.acks[key] = string(text)
		case res.StatusCode == http.StatusCreated && s.acks[key] != string(text):
			s.strange = append(s.strange, key+" has two answers: "+s.acks[key]+" and "+string(text))
		}
		done := s.acks[key] != ""
		s.mu.Unlock()
		if done {
			return
		}
	}
}

const kills = 200

// F1: the process is killed (SIGKILL) at 200 random moments under 20 reports a
// second; clients repeat with their key. Each report is there exactly once
// (I1), as it was sent (I2), with one audit entry (I3) and its events (I4).
func TestF1KilledAtTwoHundredRandomMomentsEachReportIsThereOnce(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	e := newIntake(t)
	config, err := json.Marshal(e.cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := &sender{acks: map[string]string{}}
	now := e.child(string(config))
	s.url.Store(now.url)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	labels := []string{"CLEAR", "GREEN", "AMBER", "AMBER+STRICT"}
	sent := map[string]string{} // key → label
	var senders sync.WaitGroup
	posting := make(chan struct{})
	var posters sync.WaitGroup
	posters.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-posting:
				return
			case <-tick.C:
			}
			key, label := fmt.Sprintf("kill-%05d", i), labels[i%len(labels)]
			sent[key] = label
			body := strings.Replace(strings.Replace(good, "Alles verschlüsselt", key, 1), `"AMBER"`, `"`+label+`"`, 1)
			senders.Go(func() { s.send(ctx, key, body) })
		}
	})
	for range kills {
		after := e.child(string(config)) // the next one is up before this one dies: a kill costs no start
		<-time.After(time.Duration(random.IntN(120_000)) * time.Microsecond)
		s.url.Store(after.url)
		now.kill()
		now = after
	}
	close(posting)
	posters.Wait()
	e.eventually("an answer to each", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.acks) == len(sent) })
	stop()
	senders.Wait()
	now.kill()
	if len(s.strange) > 0 || s.again == 0 {
		t.Errorf("repeated %d times, other answers than 201 and 503: %q", s.again, s.strange)
	}
	t.Logf("%d kills, %d reports, repeated %d times", kills, len(sent), s.again)
	acks := map[string]string{}
	for key, text := range s.acks {
		var c createdReport
		response{body: text}.into(t, &c)
		acks[key] = c.ID
	}
	if n := e.count(`SELECT count(*) FROM report`); n != len(sent) {
		t.Errorf("%d reports of %d keys", n, len(sent))
	}
	e.invariants(acks)
	e.asSent(sent)
}

// asSent checks I2: text and label are what the client sent.
func (e *env) asSent(sent map[string]string) {
	e.t.Helper()
	var rows []struct{ Key, Text, TLP string }
	if err := e.db.SelectContext(e.t.Context(), &rows, `SELECT idem_key AS key, content ->> 'description' AS text, content ->> 'tlp' AS tlp FROM report`); err != nil {
		e.t.Fatal(err)
	}
	for _, r := range rows {
		if r.Text != r.Key || r.TLP != sent[r.Key] {
			e.t.Errorf("I2: the report %s says %q as %s, sent as %s", r.Key, r.Text, r.TLP, sent[r.Key])
		}
	}
}
