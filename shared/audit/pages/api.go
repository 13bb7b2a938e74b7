// SPDX-License-Identifier: EUPL-1.2

package pages

import (
	"encoding/hex"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/httpserver"
)

type entryShape struct {
	Seq        int64     `json:"seq"`
	At         time.Time `json:"at"`
	Actor      string    `json:"actor"`
	Name       string    `json:"name,omitempty"`
	OnBehalfOf []string  `json:"on_behalf_of"`
	Action     string    `json:"action"`
	ObjectType string    `json:"object_type"`
	ObjectID   string    `json:"object_id"`
	Result     string    `json:"result"`
	RequestID  string    `json:"request_id,omitempty"`
}

// apiList is GET …/audit.
func (h *Handler) apiList(c echo.Context) error {
	f, err := h.filter(formOf(c))
	if err != nil {
		return err
	}
	p, err := httpserver.PageOf(c)
	if err != nil {
		return err
	}
	rows, next, _, err := h.look(c, f, p, false)
	if err != nil {
		return err
	}
	out := httpserver.List[entryShape]{Items: make([]entryShape, len(rows)), Next: next}
	for i, r := range rows {
		out.Items[i] = entryShape{
			Seq: r.Seq, At: r.At, Actor: r.Actor, Name: h.line(r).Name, OnBehalfOf: r.OnBehalfOf, Action: r.Action,
			ObjectType: r.ObjectType, ObjectID: r.ObjectID, Result: r.Result, RequestID: r.RequestID,
		}
		if r.OnBehalfOf == nil {
			out.Items[i].OnBehalfOf = []string{}
		}
	}
	return c.JSON(http.StatusOK, out)
}

type checkpointShape struct {
	Seq  int64     `json:"seq"`
	Head string    `json:"head"`
	At   time.Time `json:"at"`
}

// apiChain is GET …/audit/chain: the end of the chain, the newest checkpoint and
// a check of the newest entries.
func (h *Handler) apiChain(c echo.Context) error {
	_, chain, err := h.Desk.Look(c.Request().Context(), by(c), audit.Wish{Check: true})
	if err != nil {
		return err
	}
	out := struct {
		Service    string           `json:"service"`
		Seq        int64            `json:"seq"`
		Head       string           `json:"head"`
		Checkpoint *checkpointShape `json:"checkpoint,omitempty"`
		Checked    int64            `json:"checked"`
		OK         bool             `json:"ok"`
		Bad        int64            `json:"bad,omitempty"`
		Why        string           `json:"why,omitempty"`
	}{
		Service: h.Desk.Service, Seq: chain.Head.Seq, Head: hex.EncodeToString(chain.Head.Hash),
		Checked: chain.Checked, OK: chain.Bad == 0, Bad: chain.Bad, Why: chain.Why,
	}
	if a := chain.Anchor; a != nil {
		out.Checkpoint = &checkpointShape{Seq: a.Seq, Head: a.Head, At: a.At}
	}
	return c.JSON(http.StatusOK, out)
}
