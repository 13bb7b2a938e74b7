// SPDX-License-Identifier: EUPL-1.2

package secret

import (
	"fmt"
	"image/color"
	"net/url"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// QR is a QR code as the path of an SVG: squares of one unit in a field of Size.
type QR struct {
	Size int
	Path string
}

// EnrolmentURL is what an authenticator app reads from the QR code.
func EnrolmentURL(issuer, account, totp string) string {
	label := url.PathEscape(issuer) + ":" + url.PathEscape(account)
	return "otpauth://totp/" + label + "?" + url.Values{"secret": {totp}, "issuer": {issuer}}.Encode()
}

// quiet is the empty border that scanners need, in squares.
const quiet = 4

// NewQR draws a text.
func NewQR(text string) (QR, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return QR{}, fmt.Errorf("draw a QR code: %w", err)
	}
	n := code.Bounds().Dx()
	var path strings.Builder
	for y := range n {
		for x := 0; x < n; x++ {
			run := 0
			for x+run < n && code.At(x+run, y) == color.Black {
				run++
			}
			if run > 0 {
				_, _ = fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", x+quiet, y+quiet, run, run)
				x += run
			}
		}
	}
	return QR{Size: n + 2*quiet, Path: path.String()}, nil
}
