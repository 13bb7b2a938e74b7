// SPDX-License-Identifier: EUPL-1.2

package pages

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/shared/httpserver"
	"github.com/thueringencert/leitstelle/shared/operations"
)

type consumerShape struct {
	Name     string           `json:"name"`
	Stream   string           `json:"stream,omitempty"`
	Subjects []string         `json:"subjects"`
	Level    operations.Level `json:"level"`
	Known    bool             `json:"known"`
	// Of the broker; only when it answers and knows the consumer.
	Pending        *uint64 `json:"pending,omitempty"`
	Unacknowledged *int    `json:"unacknowledged,omitempty"`
	Redelivered    *int    `json:"redelivered,omitempty"`
	// Of the database.
	Retrying int `json:"retrying"`
	Dead     int `json:"dead"`
}

type jobShape struct {
	ID      string           `json:"id"`
	Level   operations.Level `json:"level"`
	Last    *time.Time       `json:"last,omitempty"`
	Waiting int              `json:"waiting"`
	Oldest  *time.Time       `json:"oldest,omitempty"`
	Why     string           `json:"why,omitempty"`
}

type brokerShape struct {
	Connected bool       `json:"connected"`
	AwaySince *time.Time `json:"away_since,omitempty"`
}

type outboxShape struct {
	Level         operations.Level `json:"level"`
	Waiting       int              `json:"waiting"`
	OldestSeconds int64            `json:"oldest_seconds"`
	PublishedAt   *time.Time       `json:"published_at,omitempty"`
}

// apiState is GET …/operations.
func (h *Handler) apiState(c echo.Context) error {
	s, err := h.Desk.State(c.Request().Context(), by(c))
	if err != nil {
		return err
	}
	out := struct {
		Service     string           `json:"service"`
		At          time.Time        `json:"at"`
		Level       operations.Level `json:"level"`
		Broker      brokerShape      `json:"broker"`
		Outbox      outboxShape      `json:"outbox"`
		Consumers   []consumerShape  `json:"consumers"`
		DeadLetters int              `json:"dead_letters"`
		Jobs        []jobShape       `json:"jobs"`
	}{
		Service: s.Service, At: s.At, Level: s.Level, DeadLetters: s.Dead,
		Broker:    brokerShape{Connected: s.Connected},
		Outbox:    outboxShape{Level: s.Outbox.Level, Waiting: s.Outbox.Waiting, OldestSeconds: int64(s.Outbox.Oldest / time.Second), PublishedAt: utc(s.Outbox.Published)},
		Consumers: make([]consumerShape, len(s.Consumers)), Jobs: make([]jobShape, len(s.Jobs)),
	}
	if !s.Away.IsZero() {
		out.Broker.AwaySince = utc(&s.Away)
	}
	for i, x := range s.Consumers {
		y := consumerShape{Name: x.Name, Stream: x.Stream, Subjects: x.Subjects, Level: x.Level, Known: x.Known, Retrying: x.Retrying, Dead: x.Dead}
		if y.Subjects == nil {
			y.Subjects = []string{}
		}
		if x.Known {
			y.Pending, y.Unacknowledged, y.Redelivered = &x.Pending, &x.Unacknowledged, &x.Redelivered
		}
		out.Consumers[i] = y
	}
	for i, j := range s.Jobs {
		out.Jobs[i] = jobShape{ID: j.ID, Level: j.Level, Last: utc(j.Last), Waiting: j.Waiting, Oldest: utc(j.Oldest), Why: j.Why}
	}
	return c.JSON(http.StatusOK, out)
}

func utc(t *time.Time) *time.Time {
	if t == nil || t.IsZero() {
		return nil
	}
	u := t.UTC()
	return &u
}

type letterShape struct {
	ID       int64      `json:"id"`
	At       time.Time  `json:"at"`
	Consumer string     `json:"consumer"`
	Stream   string     `json:"stream,omitempty"`
	Subject  string     `json:"subject"`
	Event    string     `json:"event,omitempty"`
	Type     string     `json:"type,omitempty"`
	About    string     `json:"about,omitempty"`
	Occurred *time.Time `json:"occurred_at,omitempty"`
	Tries    int        `json:"tries"`
	Error    string     `json:"error"`
	Readable bool       `json:"readable"`
	Settled  *time.Time `json:"settled_at,omitempty"`
	Outcome  string     `json:"outcome,omitempty"`
	Note     string     `json:"note,omitempty"`
}

func shapeOf(l operations.Letter) letterShape {
	return letterShape{
		ID: l.ID, At: l.At, Consumer: l.Consumer, Stream: l.Stream, Subject: l.Subject, Event: l.Event, Type: l.Type, About: l.About,
		Occurred: utc(&l.Occurred), Tries: l.Tries, Error: l.Error, Readable: l.Readable, Settled: l.Settled, Outcome: l.Outcome, Note: l.Note,
	}
}

// apiList is GET …/operations/dead-letters.
func (h *Handler) apiList(c echo.Context) error {
	p, err := httpserver.PageOf(c)
	if err != nil {
		return err
	}
	letters, next, err := h.look(c, p)
	if err != nil {
		return err
	}
	out := httpserver.List[letterShape]{Items: make([]letterShape, len(letters)), Next: next}
	for i, l := range letters {
		out.Items[i] = shapeOf(l)
	}
	return c.JSON(http.StatusOK, out)
}

func answer(c echo.Context, l operations.Letter, err error) error {
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, shapeOf(l))
}

func (h *Handler) apiOne(c echo.Context) error {
	l, err := h.Desk.Letter(c.Request().Context(), by(c), c.Param("letter"))
	return answer(c, l, err)
}

func (h *Handler) apiRetry(c echo.Context) error {
	l, err := h.Desk.Retry(c.Request().Context(), by(c), c.Param("letter"))
	return answer(c, l, err)
}

// apiDiscard is POST …/discard {"reason"}.
func (h *Handler) apiDiscard(c echo.Context) error {
	var req struct {
		Reason string `json:"reason"`
	}
	if _, err := httpserver.DecodeJSON(c, &req); err != nil {
		return err
	}
	l, err := h.Desk.Discard(c.Request().Context(), by(c), c.Param("letter"), req.Reason)
	return answer(c, l, err)
}
