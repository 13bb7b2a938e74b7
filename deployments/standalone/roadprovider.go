// SPDX-License-Identifier: EUPL-1.2

package standalone

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// visitor is a browser as far as signing in needs one: it keeps cookies, also
// those that say Secure, as browsers do on the own machine.
type visitor struct {
	cookies map[string]string
	http    *http.Client
}

func newVisitor() *visitor {
	return &visitor{map[string]string{}, &http.Client{
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// get opens an address and returns where it leads and what it says.
func (v *visitor) get(ctx context.Context, address string) (to, text string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", "", err
	}
	for name, value := range v.cookies {
		req.AddCookie(&http.Cookie{Name: name, Value: value}) //nolint:gosec // a request's cookie
	}
	req.Header.Set("Accept", "text/html")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	res, err := ask(v.http, req)
	if err != nil {
		return "", "", err
	}
	for _, c := range res.cookies {
		v.cookies[c.Name] = c.Value
	}
	return res.header.Get("Location"), string(res.body), nil
}

// signInAtProvider goes to the demonstration's provider as somebody there and
// returns where the browser ends.
func (v *visitor) signInAtProvider(ctx context.Context, d Demo, who string) (string, error) {
	to, _, err := v.get(ctx, d.URL+"/konto/oidc/"+d.Provider.Name)
	if err != nil {
		return "", err
	}
	if !strings.HasPrefix(to, d.Provider.Issuer) {
		return "", fmt.Errorf("the sign-in leads to %q, not to %s", to, d.Provider.Issuer)
	}
	_, text, err := v.get(ctx, to)
	if err != nil {
		return "", err
	}
	link := regexp.MustCompile(`href="(/oidc/authorize\?[^"]*wer=` + regexp.QuoteMeta(who) + `)"`).FindStringSubmatch(text)
	if link == nil {
		return "", fmt.Errorf("the provider does not offer %q: %.400s", who, text)
	}
	back, _, err := v.get(ctx, strings.TrimSuffix(d.Provider.URL, "/")+html.UnescapeString(link[1]))
	if err != nil {
		return "", err
	}
	end, _, err := v.get(ctx, back)
	return end, err
}

// atProvider signs somebody in at the OpenID provider, when there is one.
func (r *road) atProvider(ctx context.Context) error {
	if r.demo.Provider == nil {
		return nil
	}
	v := newVisitor()
	for _, a := range r.demo.Provider.People {
		if a.Person == "" || !a.Strong {
			continue
		}
		end, err := v.signInAtProvider(ctx, r.demo, a.ID)
		if err != nil {
			return err
		}
		if end != "/konto/start" {
			return fmt.Errorf("%s ends at %q, not signed in", a.Name, end)
		}
		_, page, err := v.get(ctx, r.demo.URL+"/konto")
		if err == nil && !strings.Contains(page, html.EscapeString(a.Person)) {
			err = fmt.Errorf("not signed in as %s: %.400s", a.Person, page)
		}
		return err
	}
	return errors.New("the provider has nobody to sign in")
}
