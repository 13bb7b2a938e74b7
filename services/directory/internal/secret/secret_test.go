// SPDX-License-Identifier: EUPL-1.2

package secret_test

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/secret"
	"github.com/thueringencert/leitstelle/shared/fault"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

const totpSecret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"

func code(t *testing.T, step int64) string {
	t.Helper()
	c, err := secret.Code(totpSecret, step)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCheckCode(t *testing.T) {
	t.Parallel()
	now := secret.Step(noon)
	for name, tt := range map[string]struct {
		code string
		last int64
		want int64
	}{
		"the present one":             {code(t, now), 0, now},
		"with a blank in the middle":  {code(t, now)[:3] + " " + code(t, now)[3:], 0, now},
		"the one before":              {code(t, now-1), 0, now - 1},
		"the one after":               {code(t, now+1), 0, now + 1},
		"not two steps old":           {code(t, now-2), 0, 0},
		"not two steps ahead":         {code(t, now+2), 0, 0},
		"once only":                   {code(t, now), now, 0},
		"nothing older than the last": {code(t, now-1), now, 0},
		"the next one after the last": {code(t, now+1), now, now + 1},
		"no empty code":               {"", 0, 0},
		"no code of another length":   {code(t, now)[:5], 0, 0},
		"a wrong one":                 {"000000", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := secret.CheckCode(totpSecret, tt.code, noon, tt.last); got != tt.want {
				t.Errorf("CheckCode(%q, last %d) = %d, want %d", tt.code, tt.last, got, tt.want)
			}
		})
	}
}

func TestAnOfferedSecretIsOpenedForItsPurposeAndForAnHourOnly(t *testing.T) {
	t.Parallel()
	k, err := secret.NewKeys(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	totp, box := k.OfferTOTP("invitation a", noon)
	second, _ := k.OfferTOTP("invitation a", noon)
	if totp == second || !secret.ValidTOTP(totp) || strings.Contains(box, totp) {
		t.Errorf("offered %q and %q in %q, want two random secrets, sealed", totp, second, box)
	}
	other := "A"
	if strings.HasPrefix(box, other) {
		other = "B"
	}
	for name, tt := range map[string]struct {
		box, what string
		at        time.Time
		want      string
	}{
		"as it was offered":  {box, "invitation a", noon.Add(59 * time.Minute), totp},
		"for something else": {box, "invitation b", noon, ""},
		"after an hour":      {box, "invitation a", noon.Add(time.Hour), ""},
		"changed on the way": {other + box[1:], "invitation a", noon, ""},
		"nonsense":           {"no/box", "invitation a", noon, ""},
		"nothing":            {"", "invitation a", noon, ""},
	} {
		if got := k.OfferedTOTP(tt.box, tt.what, tt.at); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestNewTOTPIsAccepted(t *testing.T) {
	t.Parallel()
	a, b := secret.NewTOTP(), secret.NewTOTP()
	if a == b || !secret.ValidTOTP(a) || len(a) != 32 {
		t.Errorf("secrets %q and %q: want two different ones of 32 letters", a, b)
	}
	for _, bad := range []string{"", "short", "not base 32!!!!!!!!!"} {
		if secret.ValidTOTP(bad) {
			t.Errorf("ValidTOTP(%q), want not", bad)
		}
	}
}

func TestPasswordsMatch(t *testing.T) {
	t.Parallel()
	p, err := secret.NewPasswords()
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	hash, err := p.Hash(ctx, "correct horse")
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("Hash = %q, %v; want argon2id with m=19456,t=2,p=1", hash, err)
	}
	for name, tt := range map[string]struct {
		password, hash string
		want           bool
	}{
		"the right one":                {"correct horse", hash, true},
		"a wrong one":                  {"correct horsf", hash, false},
		"nobody's":                     {"correct horse", "", false},
		"empty without an account too": {"", "", false},
	} {
		if got, err := p.Match(ctx, tt.password, tt.hash); got != tt.want || err != nil {
			t.Errorf("%s: Match = %v, %v; want %v", name, got, err, tt.want)
		}
	}
}

func TestAWaitingPasswordCheckEndsWithItsRequest(t *testing.T) {
	t.Parallel()
	p, err := secret.NewPasswords()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for range 8 { // more than two run at once: the others wait
		wg.Go(func() { _, _ = p.Match(context.Background(), "x", "") })
	}
	cancel()
	for range 4 {
		if _, err := p.Match(ctx, "x", ""); err != nil && fault.KindOf(err) != fault.Unavailable {
			t.Errorf("cancelled: %v, want Unavailable", err)
		}
	}
	wg.Wait()
}

func TestKeys(t *testing.T) {
	t.Parallel()
	if _, err := secret.NewKeys(make([]byte, 16)); err == nil {
		t.Error("a key of 16 bytes was accepted")
	}
	k, err := secret.NewKeys(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	sealed := k.Seal(totpSecret, "person-1")
	if got, err := k.Open(sealed, "person-1"); err != nil || got != totpSecret {
		t.Errorf("Open = %q, %v; want the secret", got, err)
	}
	if _, err := k.Open(sealed, "person-2"); err == nil {
		t.Error("a sealed secret opened for another person")
	}
	if _, err := k.Open(sealed[:5], "person-1"); err == nil {
		t.Error("a cut sealed secret opened")
	}
	if bytes.Contains(sealed, []byte(totpSecret)) {
		t.Error("the sealed secret shows the plain one")
	}
	if a, b := k.Token("1"), k.Token("2"); a == b || !strings.HasPrefix(a, "lst_") || a != k.Token("1") {
		t.Errorf("tokens %q and %q: want lst_…, different per id and the same again", a, b)
	}
	if a, b := k.NewSession(), k.NewSession(); a == b || len(a) != 43 {
		t.Error("sessions must be 32 random bytes")
	}
}
