// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
)

// The two sizes of the archive that are compared.
const (
	smallArchive = 1000
	largeArchive = 20000
	listAsks     = 250
)

// archive makes closed cases up to a number: what years of work leave behind.
// Ids and times run together, so that cursors find their place.
const archive = `
INSERT INTO cases (id, reference, version, state, severity, severity_rank, tlp, class, suggested, disposition, title, what,
	org_id, org_ags, org_name, org_level, org_kreis, verified, exercise, assignee_id, assignee_name, clocks, flags,
	before_merge, received_at, opened_at, changed_at, closed_at, active, words)
SELECT gen_random_uuid(), 'V-2020-' || lpad(n::text, 6, '0'), 3, 'closed', 'medium', 3, 'AMBER', '', '', 'confirmed',
	'Schadsoftware auf einem Arbeitsplatz, Vorgang ' || n, 'malware',
	$3, '16071043', 'Klettbach', 'gemeinde', '16071', true, false, '', '', '[]', '{}',
	'', at, at, at, at + interval '1 day', false, 'Ein Anhang wurde geöffnet, danach meldete der Virenscanner einen Fund.'
FROM generate_series($1::int, $2::int) AS n
CROSS JOIN LATERAL (SELECT timestamptz '2020-01-01' + n * interval '1 hour') AS t(at)`

// measureLists compares the lists of cases over a small and a large archive: the
// first page of the queue, the first page of the archive, and one deep in it.
// None may cost more because the archive is larger.
func (s *system) measureLists(ctx context.Context, p Plan, f *Figures) error {
	tokens, err := s.tokens(actor.Analyst)
	if err != nil {
		return err
	}
	var took [2]map[string]time.Duration
	have := 0
	for i, size := range []int{smallArchive, largeArchive} {
		if err := s.fillArchive(ctx, have+1, size); err != nil {
			return err
		}
		have = size
		if took[i], err = s.askLists(ctx, tokens[0], size); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(p.Out, "  lists over %5d archived cases: queue %.2f ms, archive %.2f ms, deep in it %.2f ms\n",
			size, ms(took[i]["queue"]), ms(took[i]["archive"]), ms(took[i]["deep"]))
	}
	for _, name := range []string{"queue", "archive", "deep"} {
		f.Add("list."+name+".ms", ms(took[1][name]), "ms")
		f.Add("list."+name+".ratio", float64(took[1][name])/float64(took[0][name]), "x")
	}
	return s.measureSearch(ctx, p, f, took[0], took[1])
}

func (s *system) fillArchive(ctx context.Context, from, to int) error {
	if _, err := s.triage.ExecContext(ctx, archive, from, to, "0190a000-0000-7000-8000-000000000001"); err != nil {
		return fmt.Errorf("fill the archive: %w", err)
	}
	// What autovacuum does sooner or later: statistics, and the visibility map.
	_, err := s.triage.ExecContext(ctx, `VACUUM ANALYZE cases`)
	return err
}

// askLists returns the median time of each list. The lists take turns.
func (s *system) askLists(ctx context.Context, token string, size int) (map[string]time.Duration, error) {
	deep, err := s.deepCursor(ctx, token, size)
	if err != nil {
		return nil, err
	}
	paths := map[string]string{"queue": casesPath, "archive": casesPath + "?state=closed", "deep": casesPath + "?state=closed&after=" + deep}
	maps.Copy(paths, searches)
	took, err := s.askAll(ctx, token, paths)
	if err != nil {
		return nil, err
	}
	out := map[string]time.Duration{}
	for name, list := range took {
		slices.Sort(list)
		out[name] = percentile(list, 0.5)
	}
	return out, nil
}

// askAll returns how long each path took, many times. The paths take turns.
func (s *system) askAll(ctx context.Context, token string, paths map[string]string) (map[string][]time.Duration, error) {
	clients := map[string]*client{}
	for name, path := range paths {
		c, err := dial(ctx, s.addr, getRequest(path, token), -1, http.StatusOK)
		if err != nil {
			return nil, err
		}
		defer func() { _ = c.conn.Close() }()
		clients[name] = c
	}
	took := map[string][]time.Duration{}
	for range listAsks {
		for name, c := range clients {
			start := time.Now()
			b, err := c.get()
			if err != nil {
				return nil, fmt.Errorf("list %s: %w", name, err)
			}
			took[name] = append(took[name], time.Since(start))
			if n := bytes.Count(b, []byte(`"reference"`)); n == 0 {
				return nil, fmt.Errorf("list %s is empty", name)
			}
		}
	}
	return took, nil
}

const casesPath = "/api/triage/v1/cases"

// deepCursor pages to where four fifths of the archive are behind.
func (s *system) deepCursor(ctx context.Context, token string, size int) (string, error) {
	after := ""
	for seen := 0; seen < size*8/10; {
		path := casesPath + "?state=closed&limit=200"
		if after != "" {
			path += "&after=" + after
		}
		c, err := dial(ctx, s.addr, getRequest(path, token), -1, http.StatusOK)
		if err != nil {
			return "", err
		}
		b, err := c.get()
		if err = errors.Join(err, c.conn.Close()); err != nil {
			return "", fmt.Errorf("page through the archive: %w", err)
		}
		var list struct {
			Items []json.RawMessage `json:"items"`
			Next  string            `json:"next"`
		}
		if err := json.Unmarshal(b, &list); err != nil {
			return "", err
		}
		if len(list.Items) == 0 || list.Next == "" {
			return "", fmt.Errorf("the archive ends after %d of %d", seen+len(list.Items), size)
		}
		seen, after = seen+len(list.Items), list.Next
	}
	return after, nil
}

func getRequest(path, token string) []byte {
	return []byte("GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\nAuthorization: Bearer " +
		token + "\r\n\r\n")
}
