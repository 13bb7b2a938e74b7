// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/session"
)

const (
	heartbeat  = 20 * time.Second
	lookAgain  = 2 * time.Second // may this person still see the board?
	writeLimit = 5 * time.Second
	maxReplay  = 20000 // entries of the audit; who missed more loads the page anew
	// MaxStreams bounds the open boards of a process; each asks the database at a change.
	MaxStreams = 200
)

// Changes is where the stream reads what happened; ids are the audit's sequence.
type Changes interface {
	Changes(ctx context.Context, seq int64, limit int) (alerts []Change, last int64, err error)
	LastChange(ctx context.Context) (int64, error)
}

// Change says that an alert's answers or deliveries changed.
type Change struct {
	Seq   int64
	Alert string
}

// Board wakes the open streams when something changed.
type Board struct {
	Source Changes

	mu   sync.Mutex
	wake chan struct{}
	open int
}

// enter counts an open stream; too many are Limited.
func (b *Board) enter() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open >= MaxStreams {
		return fault.New(fault.Limited, "too many boards are open").WithRetry(10 * time.Second)
	}
	b.open++
	return nil
}

func (b *Board) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open--
}

// Run passes wake-ups on until ctx ends.
func (b *Board) Run(ctx context.Context, wake <-chan struct{}) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-wake:
			b.mu.Lock()
			if b.wake != nil {
				close(b.wake)
				b.wake = nil
			}
			b.mu.Unlock()
		}
	}
}

func (b *Board) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.wake == nil {
		b.wake = make(chan struct{})
	}
	return b.wake
}

// stream is GET …/ereignisse: answers.changed with the alert's id, nothing more.
// Last-Event-ID goes on without a gap.
func (h *Handler) stream(c echo.Context) error {
	a, err := h.alert(c, c.Param("ref"))
	if err != nil {
		return err
	}
	seq, resumed, err := h.begin(c)
	if err != nil {
		return err
	}
	if err := h.Board.enter(); err != nil {
		return err
	}
	defer h.Board.leave()
	w := c.Response()
	w.Header().Set(echo.HeaderContentType, "text/event-stream")
	w.Header().Set(echo.HeaderCacheControl, "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	s := &sse{w: w, rc: http.NewResponseController(w)}
	s.send("retry: 3000\n")
	s.event(seq, "hello", map[string]any{"resumed": resumed})
	h.follow(c, s, a.ID, seq)
	return nil
}

// begin says where the stream starts: after Last-Event-ID, or now.
func (h *Handler) begin(c echo.Context) (seq int64, resumed bool, err error) {
	last, err := h.Board.Source.LastChange(c.Request().Context())
	if err != nil {
		return 0, false, err
	}
	id := c.Request().Header.Get("Last-Event-ID")
	if id == "" {
		return last, true, nil
	}
	from, err := strconv.ParseInt(id, 10, 64)
	if err != nil || from < 0 {
		return 0, false, fault.New(fault.Malformed, "Last-Event-ID is no id of this stream")
	}
	if from > last || last-from > maxReplay {
		return last, false, nil
	}
	return from, true, nil
}

func (h *Handler) follow(c echo.Context, s *sse, alertID string, seq int64) {
	ctx := c.Request().Context()
	beat, look := time.NewTicker(heartbeat), time.NewTicker(lookAgain)
	defer beat.Stop()
	defer look.Stop()
	for s.err == nil {
		wake, changed := h.Board.next(), h.Register.Changed()
		if a, ok := session.StillGood(c, h.Register, h.Now()); !ok || a.View(actor.AlertWork).Empty() {
			return // nothing is told to who lost the role or was locked out
		}
		seq = h.tell(ctx, s, alertID, seq)
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-changed:
		case <-beat.C:
			s.send(": still here\n\n")
		case <-look.C:
		}
	}
}

// tell sends one event for all changes of the alert since seq.
func (h *Handler) tell(ctx context.Context, s *sse, alertID string, seq int64) int64 {
	for {
		changes, last, err := h.Board.Source.Changes(ctx, seq, 1000)
		if err != nil {
			s.err = err
			return seq
		}
		var newest int64
		for _, ch := range changes {
			if ch.Alert == alertID {
				newest = ch.Seq
			}
		}
		if newest > 0 {
			s.event(newest, "answers.changed", map[string]any{"id": alertID})
		}
		if last == seq {
			return seq
		}
		seq = last
	}
}

// sse writes the wire format; after the first failure it writes no more.
type sse struct {
	w   http.ResponseWriter
	rc  *http.ResponseController
	err error
}

func (s *sse) event(id int64, name string, data any) {
	b, err := json.Marshal(data)
	if err != nil {
		s.err = err
		return
	}
	s.send(fmt.Sprintf("id: %d\nevent: %s\ndata: %s\n\n", id, name, b))
}

func (s *sse) send(text string) {
	if s.err != nil {
		return
	}
	_ = s.rc.SetWriteDeadline(time.Now().Add(writeLimit)) // a recorder in tests has none
	if _, s.err = fmt.Fprint(s.w, text); s.err == nil {
		s.err = s.rc.Flush()
	}
}
