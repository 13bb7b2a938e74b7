// SPDX-License-Identifier: EUPL-1.2

// Package page writes the HTML of all services: layouts, words, forms, assets
// and the pages every installation has. It knows no business rule and no
// service; pages are server-rendered and complete without JavaScript.
//
// # How to add a page
//
//  1. Write web/templates/report.html. The file's name is the page's name; it
//     defines "content" and, for a second column, "aside":
//
//     {{define "content"}}
//     {{template "errors" .}}
//     <form method="post" action="{{link .Action}}" novalidate>
//     <h1 class="h1">{{t "intake.contact.title"}}</h1>
//     <div class="fields">
//     {{template "field" (field . "phone" "intake.phone" .Phone "type" "tel" "autocomplete" "tel" "hint" "intake.phone.hint")}}
//     {{template "field" (field . "impact" "intake.impact" .Impact "type" "radios" "options" (options "impact"))}}
//     </div>
//     {{template "submit" "intake.next"}}
//     </form>
//     {{end}}
//     {{define "aside"}}{{template "phone-card"}}{{end}}
//
//  2. Write the texts into web/messages/de.json and en.json (a larger topic
//     into its own <topic>.de.json and <topic>.en.json), flat:
//     {"intake.phone": "Telefon", "intake.files": {"one": "{{.Count}} Datei", "other": "{{.Count}} Dateien"}}
//
//  3. Write the view and the handler:
//
//     type reportView struct {
//     page.Base
//     Action, Phone, Impact string
//     }
//
//     v := &reportView{Base: page.Base{Title: h.pages.T(c, "intake.contact.title")}}
//     return h.pages.Render(c, http.StatusOK, "report", v)
//
//     A POST that fails keeps what was typed: if v.Fail(err) { return
//     h.pages.Render(c, http.StatusUnprocessableEntity, "report", v) }, and one
//     that succeeds redirects: page.Flash(c, "success", "intake.saved") and
//     page.Redirect(c, "/melden/…").
//
//  4. Add the view to the golden test (pagetest.Golden) and let
//     pagetest.CheckMessages look for missing texts.
//
// Partials: errors, field, submit, back "/path", steps (steps 1 4), summary
// []Row, facts []Row, more "href", empty Empty, phone-card, live-new "href".
// The functions are listed at funcs.
package page
