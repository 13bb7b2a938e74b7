// SPDX-License-Identifier: EUPL-1.2

package standalone

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
)

func (r *road) draft(ctx context.Context) error {
	in := map[string]any{
		"title": "Erpressungssoftware über VPN-Gateway", "summary": "Mehrere Verwaltungen sind betroffen.",
		"text":     "Bitte prüfen Sie Ihr VPN-Gateway auf fremde Anmeldungen und spielen Sie die Aktualisierung ein.",
		"severity": "high", "warning_level": 3, "tlp": "GREEN", "category": "IT-Sicherheitshinweis", "case_id": r.caseID,
		"audience": map[string]any{"levels": []string{"gemeinde", "kreis", "kreisfrei"}},
		"poll":     map[string]any{"question": "Sind Sie betroffen?"},
	}
	return until(ctx, func() (bool, error) {
		// Notification's copy of the case may still be on its way: 422 until then.
		_, err := r.as[actor.Editor].Do(ctx, http.MethodPost, "/api/notification/v1/alerts", http.StatusCreated, in, &r.alert)
		if err != nil && strings.Contains(err.Error(), "got 422") {
			return false, nil
		}
		return err == nil, err
	})
}

func (r *road) release(ctx context.Context) error {
	path := "/api/notification/v1/alerts/" + r.alert.ID
	h, err := r.as[actor.Editor].Do(ctx, http.MethodGet, path, http.StatusOK, nil, nil)
	if err != nil {
		return err
	}
	if _, err := r.as[actor.Editor].Do(ctx, http.MethodPost, path+"/release", http.StatusNotFound, map[string]any{}, nil, "If-Match", h.Get("ETag")); err != nil {
		return fmt.Errorf("release by the author: %w", err)
	}
	_, err = r.as[actor.Approver].Do(ctx, http.MethodPost, path+"/release", http.StatusOK, map[string]any{}, nil, "If-Match", h.Get("ETag"))
	return err
}

var answerLink = regexp.MustCompile(`https?://\S+/warnungen/\S+\?e=\S+`)

func (r *road) delivered(ctx context.Context) error {
	var audience struct{ Recipients []struct{ Email string } }
	if _, err := r.as[actor.Editor].Do(ctx, http.MethodGet, "/api/notification/v1/alerts/"+r.alert.ID+"/audience",
		http.StatusOK, nil, &audience); err != nil {
		return err
	}
	text, err := r.mail(ctx, r.people[actor.Officer].Email, r.alert.Reference)
	if err != nil {
		return err
	}
	if r.link = answerLink.FindString(text); r.link == "" {
		return fmt.Errorf("the warning has no answer link:\n%s", text)
	}
	return until(ctx, func() (bool, error) {
		var list struct{ Items []struct{ State string } }
		_, err := r.as[actor.Editor].Do(ctx, http.MethodGet, "/api/notification/v1/alerts/"+r.alert.ID+"/deliveries?limit=200", http.StatusOK, nil, &list)
		sent := 0
		for _, d := range list.Items {
			if d.State == "sent" {
				sent++
			}
		}
		return len(list.Items) == len(audience.Recipients) && sent == len(list.Items), err
	})
}

// answers are the counts of the alert's board.
func (r *road) answers(ctx context.Context) (map[string]int, error) {
	var board struct{ By map[string]int }
	_, err := r.as[actor.Editor].Do(ctx, http.MethodGet, "/api/notification/v1/alerts/"+r.alert.ID+"/answers?limit=1", http.StatusOK, nil, &board)
	for answer, n := range board.By {
		if answer == "" || n == 0 {
			delete(board.By, answer)
		}
	}
	return board.By, err
}

func (r *road) answer(ctx context.Context) error {
	link, err := url.Parse(r.link)
	if err != nil {
		return err
	}
	get, err := http.NewRequestWithContext(ctx, http.MethodGet, r.link, nil)
	if err != nil {
		return err
	}
	if _, err := (Client{}).send(get, http.StatusOK, nil); err != nil {
		return err
	}
	if n, err := r.answers(ctx); err != nil || len(n) != 0 {
		return fmt.Errorf("answers after only opening the link: %v, %w", n, err)
	}
	form := url.Values{"answer": {"not_affected"}, "e": {link.Query().Get("e")}}
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, r.demo.URL+link.Path+"/antwort", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	post.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	post.Header.Set("Origin", r.demo.URL)
	stay := &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	_, err = (Client{HTTP: stay}).send(post, http.StatusSeeOther, nil)
	return err
}

func (r *road) board(ctx context.Context) error {
	return until(ctx, func() (bool, error) {
		n, err := r.answers(ctx)
		return n["not_affected"] == 1, err
	})
}
