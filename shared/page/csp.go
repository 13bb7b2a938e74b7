// SPDX-License-Identifier: EUPL-1.2

package page

import "github.com/labstack/echo/v4"

// PortalCSP and DeskCSP are the Content-Security-Policy of the two layouts: no
// inline script or style anywhere; "data:" only for KERN's icons. The desk adds
// Trusted Types with the one policy of fragment.js.
const (
	PortalCSP = "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self' data:; script-src 'self'; " +
		"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	DeskCSP = PortalCSP + "; require-trusted-types-for 'script'; trusted-types cert-fragment"
)

func setHeaders(c echo.Context, b *Base) {
	h := c.Response().Header()
	csp := PortalCSP
	if b.Layout == Desk {
		csp = DeskCSP
	}
	h.Set(echo.HeaderContentSecurityPolicy, csp)
	h.Set("Content-Language", b.Lang)
	h.Set(echo.HeaderReferrerPolicy, "same-origin")
	if h.Get(echo.HeaderCacheControl) == "" {
		h.Set(echo.HeaderCacheControl, "private, no-store")
	}
	h.Add(echo.HeaderVary, "HX-Request")
}
