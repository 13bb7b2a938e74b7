// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/services/triage/internal/live"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/session"
)

const (
	heartbeat  = 20 * time.Second
	lookAgain  = 2 * time.Second // may this person still see cases?
	writeLimit = 5 * time.Second // a client that takes longer is gone
	maxReplay  = 5000            // entries; who missed more loads the page anew
)

// stream is GET /stream: server-sent events case.opened and case.updated with
// id, version and the campaign's reference, and case.gone with its id to whom a
// case was locked away from; the id of an event is the audit's
// sequence. Last-Event-ID (or ?last_event_id=) goes on after it without a gap; a
// page begins with the sequence that it was read at (data-stream-at), so that
// nothing it shows comes as news. Content is fetched by id, so that who may see
// it is decided in one place.
func (h *Handler) stream(c echo.Context) error {
	from, resume, err := lastEventID(c)
	if err != nil {
		return err
	}
	sub, err := h.Hub.Subscribe()
	if err != nil {
		return err
	}
	defer h.Hub.Unsubscribe(sub)
	w := newEventWriter(c)
	resumed := true
	if resume {
		if resumed, err = h.replay(c, w, from, sub); err != nil {
			return nil // the client is gone or comes back with the id it has
		}
	}
	if resumed && from > sub.From {
		w.after = from // the client is ahead of this process's hub, which will catch up
	} else {
		w.after = sub.From
	}
	if err := w.hello(resumed); err != nil {
		return nil // the client is gone
	}
	h.follow(c, w, sub)
	return nil
}

// streamAt is the sequence up to which a page that is read from now on is
// current.
func (h *Handler) streamAt(c echo.Context) string {
	at, ready := h.Hub.At()
	if !ready {
		var err error
		if at, err = h.Hub.Source.Last(c.Request().Context()); err != nil {
			return "" // the page will say that it has no stream
		}
	}
	return strconv.FormatInt(at, 10)
}

// lastEventID reads where to go on; without one the stream begins now.
func lastEventID(c echo.Context) (int64, bool, error) {
	s := c.Request().Header.Get("Last-Event-ID")
	if s == "" {
		s = c.QueryParam("last_event_id")
	}
	if s == "" {
		return 0, false, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, false, fault.New(fault.Malformed, "Last-Event-ID is no id of this stream")
	}
	return n, true, nil
}

// replay sends what happened between from and the beginning of the
// subscription. False when that is too much, or from is not of this stream.
func (h *Handler) replay(c echo.Context, w *eventWriter, from int64, sub *live.Subscription) (bool, error) {
	ctx, a := c.Request().Context(), session.Actor(c)
	if from > sub.From { // a page of another replica may be ahead of our hub
		last, err := h.Hub.Source.Last(ctx)
		return from <= last, err
	}
	if sub.From-from > maxReplay {
		return false, nil
	}
	for from < sub.From {
		changes, err := h.Hub.Source.Changes(ctx, from, 500)
		if err != nil {
			return false, err
		}
		for _, ch := range changes {
			if ch.Seq > sub.From {
				return true, w.flush()
			}
			from = ch.Seq
			if err := w.change(a, ch); err != nil {
				return false, err
			}
		}
		if len(changes) == 0 {
			break
		}
	}
	return true, w.flush()
}

// follow sends changes until the client goes, the service stops, or the person
// may no longer see cases.
func (h *Handler) follow(c echo.Context, w *eventWriter, sub *live.Subscription) {
	ctx, a := c.Request().Context(), session.Actor(c)
	beat, look := time.NewTicker(heartbeat), time.NewTicker(lookAgain)
	defer beat.Stop()
	defer look.Stop()
	away := !h.Away().IsZero()
	for {
		register := h.Register.Changed()
		var err error
		select {
		case <-ctx.Done():
			return
		case ch, open := <-sub.C:
			if !open {
				return
			}
			if err = w.change(a, ch); err == nil {
				err = w.rest(a, sub)
			}
		case <-beat.C:
			err = w.comment()
		case <-look.C:
			if a, err = h.stillThere(c); err == nil && away == h.Away().IsZero() {
				away = !away
				err = w.broker(away)
			}
		case <-register:
			a, err = h.stillThere(c)
		}
		if err != nil {
			return
		}
	}
}

// stillThere asks again who the person is now.
func (h *Handler) stillThere(c echo.Context) (actor.Actor, error) {
	a, ok := session.StillGood(c, h.Register, h.Now())
	if !ok || a.View(actor.CaseQueue).Empty() {
		return a, fault.New(fault.Unauthenticated, "the session ended")
	}
	return a, nil
}

// eventWriter writes the wire format.
type eventWriter struct {
	w     http.ResponseWriter
	rc    *http.ResponseController
	after int64 // what the client knows already
}

func newEventWriter(c echo.Context) *eventWriter {
	header := c.Response().Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no")
	c.Response().WriteHeader(http.StatusOK)
	return &eventWriter{w: c.Response(), rc: http.NewResponseController(c.Response())}
}

func (w *eventWriter) write(s string) error {
	// A recorder without deadlines is fine: it cannot be slow.
	_ = w.rc.SetWriteDeadline(time.Now().Add(writeLimit))
	_, err := w.w.Write([]byte(s))
	return err
}

func (w *eventWriter) flush() error { return w.rc.Flush() }

// hello begins the stream: how long to wait before coming back, where it stands,
// and whether something was missed.
func (w *eventWriter) hello(resumed bool) error {
	if err := w.write(fmt.Sprintf("retry: 3000\nid: %d\nevent: hello\ndata: {\"resumed\":%t}\n\n", w.after, resumed)); err != nil {
		return err
	}
	return w.flush()
}

func (w *eventWriter) comment() error {
	if err := w.write(": still here\n\n"); err != nil {
		return err
	}
	return w.flush()
}

// broker tells that reports are delayed from now on, or no longer.
func (w *eventWriter) broker(away bool) error {
	if err := w.write(fmt.Sprintf("event: broker\ndata: {\"away\":%t}\n\n", away)); err != nil {
		return err
	}
	return w.flush()
}

// changeShape is what an event says: ids only.
type changeShape struct {
	ID       string `json:"id"`
	Version  int    `json:"version,omitempty"`
	Campaign string `json:"campaign,omitempty"` // L-2026-0007: pages show its cases in one line
}

// change writes one event, unless the client has it or a may not see the case.
// That a case left somebody's sight is told once, to them: pages take it away.
func (w *eventWriter) change(a actor.Actor, ch casefile.Change) error {
	if ch.Seq <= w.after {
		return nil
	}
	name, shape := "case.updated", changeShape{ID: ch.Case, Version: ch.Version, Campaign: ch.Campaign}
	switch seen := a.May(actor.CaseRead, actor.Object{Organisation: ch.Organisation, Assignee: ch.Assignee, Locked: ch.Locked}).Allowed; {
	case !seen && ch.Left != string(casefile.AllReaders) && (ch.Left == "" || ch.Left != a.Person):
		return nil
	case !seen:
		name, shape.Version = "case.gone", 0
	case ch.Opened:
		name = "case.opened"
	}
	data, err := json.Marshal(shape)
	if err != nil {
		return err
	}
	return w.write("id: " + strconv.FormatInt(ch.Seq, 10) + "\nevent: " + name + "\ndata: " + strings.ToValidUTF8(string(data), "") + "\n\n")
}

// rest writes what else is waiting, then sends it all at once.
func (w *eventWriter) rest(a actor.Actor, sub *live.Subscription) error {
	for {
		select {
		case ch, open := <-sub.C:
			if !open {
				return context.Canceled
			}
			if err := w.change(a, ch); err != nil {
				return err
			}
		default:
			return w.flush()
		}
	}
}
