// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/thueringencert/leitstelle/shared/actor"
)

// Import measures how long a new state of the whole register takes: a GV100AD
// file of Thuringia in which every body has changed is read, compared and
// applied, with an event and an audit entry for each, in one transaction.
func Import(ctx context.Context, p Plan, dir string) (f Figures, err error) {
	s, err := startSystem(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	db, err := sqlx.ConnectContext(ctx, "postgres", s.demo.Database("directory"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }()
	tokens, err := s.tokens(actor.Constituency)
	if err != nil {
		return nil, err
	}
	var took []float64
	for round := range max(p.Rounds, 1) {
		bodies, err := registered(ctx, db)
		if err != nil {
			return nil, err
		}
		d, changed, err := s.importFile(ctx, tokens[0], gv100ad(bodies, round+1))
		if err != nil {
			return nil, err
		}
		if changed != len(bodies) {
			return nil, fmt.Errorf("%d of %d bodies changed", changed, len(bodies))
		}
		_, _ = fmt.Fprintf(p.Out, "  import of %d bodies: %.0f ms\n", changed, ms(d))
		took = append(took, d.Seconds())
	}
	f.Add("import.gv100ad", medianOf(took, func(v float64) float64 { return v }), "s")
	return f, nil
}

// body is one record of the register.
type body struct {
	AGS        string `db:"ags"`
	ARS        string `db:"ars"`
	Level      string `db:"level"`
	Kind       string `db:"kind"`
	Name       string `db:"official_name"`
	Population int    `db:"population"`
	Postcode   string `db:"postcode"`
	Seat       string `db:"seat"`
	Fulfils    bool   `db:"fulfils"` // erfüllende Gemeinde
}

func registered(ctx context.Context, db *sqlx.DB) ([]body, error) {
	var out []body
	err := db.SelectContext(ctx, &out, `
		SELECT coalesce(o.ags, '') AS ags, o.ars, o.level, o.kind, o.official_name, o.population, o.postcode, o.seat,
			o.level = 'gemeinde' AND EXISTS (SELECT 1 FROM organisation m WHERE m.administration = o.id) AS fulfils
		FROM organisation o
		WHERE o.gone_at IS NULL AND o.level IN ('kreis', 'kreisfrei', 'gemeinde', 'vg') ORDER BY o.ars`)
	if err != nil {
		return nil, fmt.Errorf("read the register: %w", err)
	}
	return out, nil
}

// gv100ad writes the register as a file of Destatis (fixed columns), with more
// inhabitants in each municipality.
func gv100ad(bodies []body, more int) string {
	var kreise, verbaende, gemeinden []string
	seen := map[string]bool{}
	record := func(kind, key, name, seat, mark, rest string) string {
		return fmt.Sprintf("%s20251231%-12s%s%s%s%s", kind, key, pad(name, 50), pad(seat, 50), pad(mark, 17), rest)
	}
	slices.SortStableFunc(bodies, func(a, b body) int { return cmp.Compare(rank(b), rank(a)) }) // whoever fulfils names the Verband
	for _, b := range bodies {
		verband := b.ARS[:9]
		switch b.Level {
		case "kreis":
			kreise = append(kreise, record("40", b.ARS[:5], b.Name, b.Seat, "43", ""))
			continue
		case "kreisfrei":
			kreise = append(kreise, record("40", b.ARS[:5], b.Name, b.Seat, "41", ""))
		}
		if !seen[verband] {
			seen[verband] = true
			mark := "50"
			switch {
			case b.Level == "vg":
				mark = "54"
			case b.Fulfils:
				mark = "58"
			}
			verbaende = append(verbaende, record("50", verband[:5]+"   "+verband[5:], b.Name, b.Seat, mark, ""))
		}
		if b.AGS == "" {
			continue
		}
		mark := map[string]string{"Kreisfreie Stadt": "61", "Stadt": "63", "Markt": "60", "Große Kreisstadt": "67"}[b.Kind]
		gemeinden = append(gemeinden, record("60", b.AGS+verband[5:], b.Name, "", cmp.Or(mark, "64"),
			fmt.Sprintf("%011d%15s%s", b.Population+more, "", b.Postcode)))
	}
	return strings.Join(slices.Concat(kreise, verbaende, gemeinden), "\n") + "\n"
}

func rank(b body) int {
	switch {
	case b.Level == "vg":
		return 2
	case b.Fulfils:
		return 1
	}
	return 0
}

// pad fills up to a number of characters.
func pad(s string, n int) string { return s + strings.Repeat(" ", max(n-len([]rune(s)), 0)) }

// importFile compares and applies a file and returns the time of both.
func (s *system) importFile(ctx context.Context, token, file string) (took time.Duration, changed int, err error) {
	const path = "/api/directory/v1/register/"
	var diff struct {
		ID      string            `json:"id"`
		Hash    string            `json:"hash"`
		Added   []json.RawMessage `json:"added"`
		Changed []json.RawMessage `json:"changed"`
		Gone    []json.RawMessage `json:"gone"`
	}
	start := time.Now()
	if err := s.post(ctx, path+"diff", token, "text/plain", []byte(file), &diff); err != nil {
		return 0, 0, err
	}
	confirm, err := json.Marshal(map[string]string{"id": diff.ID, "hash": diff.Hash})
	if err != nil {
		return 0, 0, err
	}
	if err := s.post(ctx, path+"apply", token, "application/json", confirm, &diff); err != nil {
		return 0, 0, err
	}
	took = time.Since(start)
	if len(diff.Added)+len(diff.Gone) != 0 {
		return 0, 0, fmt.Errorf("%d bodies added and %d gone, want changes only", len(diff.Added), len(diff.Gone))
	}
	return took, len(diff.Changed), nil
}

func (s *system) post(ctx context.Context, path, token, kind string, body []byte, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.demo.URL+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("post %s: %w", path, err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return errors.Join(fmt.Errorf("post %s: %d %.500s", path, res.StatusCode, b), err)
	}
	return json.Unmarshal(b, into)
}
