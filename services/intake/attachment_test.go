// SPDX-License-Identifier: EUPL-1.2

package intake_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"mime/multipart"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/services/intake"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/event"
)

const eicar = `X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-` + `ANTIVIRUS-TEST-FILE!$H+H*`

// multipartOf is the body of an upload, with the name exactly as a hostile
// program sends it.
func multipartOf(t testing.TB, name string, content []byte, fields ...string) (kind string, body []byte) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i+1 < len(fields); i += 2 {
		if err := w.WriteField(fields[i], fields[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	h := textproto.MIMEHeader{}
	h.Set("Content-Disposition", `form-data; name="file"; filename="`+strings.NewReplacer(`"`, `\"`, `\`, `\\`).Replace(name)+`"`)
	h.Set("Content-Type", "text/html")
	p, err := w.CreatePart(h)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), b.Bytes()
}

type attached struct {
	ID, Name, SHA256 string
	Size             int64
}

func (e *env) attach(path string, as actor.Role, key, name string, content []byte) response {
	e.t.Helper()
	kind, body := multipartOf(e.t, name, content)
	return e.do(request{method: "POST", path: path + "/attachments", as: as, key: key, body: string(body), header: map[string]string{"Content-Type": kind}})
}

func (e *env) blobs() []string {
	e.t.Helper()
	var out []string
	err := filepath.WalkDir(e.dir, func(p string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasSuffix(p, ".attrs") {
			out = append(out, p)
		}
		return err
	})
	if err != nil {
		e.t.Fatal(err)
	}
	return out
}

// D20: whatever is sent as a file is stored encrypted under a name of ours and
// comes back only as an attachment in a sandbox.
func TestD20HostileFilesStayHarmless(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	c := e.submit(actor.Officer, "1", good)
	path := reportsPath + "/" + c.ID
	files := map[string]string{
		"page.html": "<script>alert(1)</script>", "bild.svg": `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`,
		"eicar.com": eicar, "../../x": "up", "..%2f..%2fx": "up", `C:\Windows\x.exe`: "MZ", "nul\x00.txt": "nul", "con": "dev", "aux.txt": "dev",
		"rechnung\u202efdp.exe": "rtl", strings.Repeat("a", 4096) + ".txt": "long", "poly.pdf": "%PDF-1.7\n<script>alert(1)</script>", "": "x",
		"/etc/passwd": "abs", "a\r\nX-Evil: 1": "crlf", `"><img src=x onerror=alert(1)>.png`: "xss", "%252e%252e%252fx": "twice",
	}
	i := 0
	for name, content := range files {
		i++
		res := e.attach(path, actor.Officer, fmt.Sprint("f", i), name, []byte(content))
		if res.StatusCode == http.StatusBadRequest && (strings.Contains(name, "\x00") || strings.Contains(name, "\r")) {
			continue // no such header can be sent
		}
		if res.StatusCode != http.StatusCreated {
			t.Errorf("%q: %d %s", name, res.StatusCode, res.body)
			continue
		}
		var a attached
		res.into(t, &a)
		if strings.ContainsAny(a.Name, "/\\\x00\r\n\u202e") || len(a.Name) > 150 || a.Name == "" || a.Name == ".." || strings.EqualFold(a.Name, "con") {
			t.Errorf("%q became %q", name, a.Name)
		}
		sum := sha256.Sum256([]byte(content))
		if a.SHA256 != hex.EncodeToString(sum[:]) || a.Size != int64(len(content)) {
			t.Errorf("%q: %+v", name, a)
		}
		down := e.do(request{path: path + "/attachments/" + a.ID, as: actor.Officer})
		h := down.Header
		if down.body != content || h.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(h.Get("Content-Disposition"), "attachment;") ||
			!strings.Contains(h.Get("Content-Security-Policy"), "sandbox") || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Evil") != "" {
			t.Errorf("%q comes back as %v", name, h)
		}
	}
	outside := filepath.Join(e.dir, "blobs")
	for _, p := range e.blobs() {
		raw, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Dir(p) != outside || !bytes.HasPrefix(raw, []byte("age-encryption.org/")) || bytes.Contains(raw, []byte("alert(1)")) || bytes.Contains(raw, []byte("EICAR")) {
			t.Errorf("%s is not an encrypted blob in its place", p)
		}
	}
	b := e.visitor("de", actor.Officer)
	hasNot(t, b.get("/melden/vorgang/"+c.Reference), "\u202e")
	if strings.Contains(b.get("/melden/vorgang/"+c.Reference).body, "<img src=x") {
		t.Error("a file name became markup")
	}
	e.invariants(nil)
}

func TestAFileIsTakenOnceWithEventAndAudit(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	c := e.submit(actor.Officer, "1", good)
	path := reportsPath + "/" + c.ID
	var first, again attached
	e.attach(path, actor.Officer, "k", "foto.jpg", []byte("bytes")).into(t, &first)
	res := e.attach(path, actor.Officer, "k", "foto.jpg", []byte("bytes"))
	res.into(t, &again)
	if first.ID == "" || first.ID != again.ID || res.Header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("%+v %+v", first, again)
	}
	if res := e.attach(path, actor.Officer, "k", "foto.jpg", []byte("other")); res.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("same key, other file: %d", res.StatusCode)
	}
	if n := len(e.blobs()); n != 1 {
		t.Errorf("%d blobs, want 1", n)
	}
	var body string
	if err := e.db.GetContext(t.Context(), &body, `SELECT body FROM outbox WHERE type = 'report.attachment.added'`); err != nil {
		t.Fatal(err)
	}
	ev, err := event.Parse([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	p, err := event.Decode[event.ReportAttachmentAdded](ev)
	if err != nil || p.Attachment != first.ID || p.Size != 5 || p.SHA256 != first.SHA256 || p.Blob == "" || p.Affected.ID != apolda {
		t.Errorf("%+v %v", p, err)
	}
	e.do(request{path: path + "/attachments/" + first.ID, as: actor.Officer})
	for action, want := range map[string]int{"attachment.add": 1, "attachment.download": 1} {
		if n := e.count(`SELECT count(*) FROM audit WHERE action = $1`, action); n != want {
			t.Errorf("%d entries of %s", n, action)
		}
	}
	for _, role := range []actor.Role{actor.Duty, actor.OrgAdmin, actor.Steering} {
		if res := e.do(request{path: path + "/attachments/" + first.ID, as: role}); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s takes a file: %d", role, res.StatusCode)
		}
	}
}

func TestAFileThatIsTooLargeIsSaidSoAndLeavesNothing(t *testing.T) {
	t.Parallel()
	e := newIntake(t, func(c *intake.Config, _ *env) { c.Site.MaxFileMB = 1 })
	c := e.submit(actor.Officer, "1", good)
	res := e.attach(reportsPath+"/"+c.ID, actor.Officer, "k", "gross.bin", make([]byte, 1<<20+1))
	if res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
	b := e.visitor("de", actor.Officer)
	kind, body := multipartOf(t, "gross.bin", make([]byte, 3<<20), "key", "k")
	res = b.send("POST", "/melden/vorgang/"+c.Reference+"/datei", kind, bytes.NewReader(body))
	if res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("page: %d", res.StatusCode)
	}
	has(t, res, "Datei nicht übernommen: größer als 1 MB")
	if n := len(e.blobs()); n != 0 {
		t.Errorf("%d blobs", n)
	}
}

// F31: an upload that breaks off leaves no visible blob; the report stays valid.
func TestF31AnAbortedUploadLeavesNothing(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	c := e.submit(actor.Officer, "1", good)
	kind, body := multipartOf(t, "halb.bin", make([]byte, 2<<20))
	conn, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", strings.TrimPrefix(e.http.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(conn, "POST %s/%s/attachments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nIdempotency-Key: k\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
		reportsPath, c.ID, token(actor.Officer), kind, len(body), body[:len(body)/2])
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	e.eventually("the server to see the end", func() bool { return len(e.blobs()) == 0 })
	if n := e.count(`SELECT count(*) FROM report_attachment`); n != 0 {
		t.Errorf("%d attachments", n)
	}
	if res := e.attach(reportsPath+"/"+c.ID, actor.Officer, "k", "halb.bin", []byte("ganz")); res.StatusCode != http.StatusCreated {
		t.Errorf("the next try: %d %s", res.StatusCode, res.body)
	}
}

func TestAPersonTakesAFileBehindAPassword(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	b := e.visitor("de", "")
	path, _ := b.fillIn()
	ref := referenceText.FindString(b.follow(path+"/absenden", nil).body)
	own := "/melden/vorgang/" + ref
	kind, body := multipartOf(t, "Erpresser.txt", []byte("pay"), "key", "k1")
	res := b.send("POST", own+"/datei", kind, bytes.NewReader(body))
	if res.StatusCode != http.StatusSeeOther {
		t.Fatalf("%d %s", res.StatusCode, errorsIn(res.body))
	}
	page := b.get(own)
	has(t, page, "Erpresser.txt", "Die Datei ist beim Lagezentrum.")
	var id string
	if err := e.db.GetContext(t.Context(), &id, `SELECT id FROM report_attachment`); err != nil {
		t.Fatal(err)
	}
	warn := b.get(own + "/datei/" + id)
	has(t, warn, "kann Schadprogramme enthalten", "Passwort des ZIP")
	if codeText.FindString(warn.body) == "" {
		t.Error("no password is shown")
	}
	down := b.post(own+"/datei/"+id, nil)
	z, err := zip.NewReader(strings.NewReader(down.body), int64(len(down.body)))
	if err != nil || z.File[0].Name != "Erpresser.txt" || z.File[0].Method != 99 {
		t.Errorf("%v", err)
	}
	if !strings.Contains(down.Header.Get("Content-Disposition"), `filename="Erpresser.txt.zip"`) || !strings.Contains(down.Header.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("%v", down.Header)
	}
	stranger := e.visitor("de", "")
	if res := stranger.post(own+"/datei/"+id, nil); res.StatusCode != http.StatusNotFound {
		t.Errorf("a stranger takes the file: %d", res.StatusCode)
	}
	chain, err := audit.Verify(t.Context(), e.db, nil)
	if err != nil || !chain.OK() {
		t.Errorf("%+v %v", chain, err)
	}
}

func TestAnUploadIsNoJSONAndNoBomb(t *testing.T) {
	t.Parallel()
	e := newIntake(t)
	c := e.submit(actor.Officer, "1", good)
	many := "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n"
	for name, tt := range map[string]struct{ kind, body string }{
		"no multipart":      {"application/json", "{}"},
		"no boundary":       {"multipart/form-data", "x"},
		"no file":           {"multipart/form-data; boundary=b", many + "--b--\r\n"},
		"very many fields":  {"multipart/form-data; boundary=b", strings.Repeat(many, 10000) + "--b--\r\n"},
		"broken off":        {"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nhalf"},
		"an endless header": {"multipart/form-data; boundary=b", "--b\r\nX: " + strings.Repeat("a", 1<<20)},
	} {
		began := time.Now()
		res := e.do(request{method: "POST", path: reportsPath + "/" + c.ID + "/attachments", as: actor.Officer, key: "k", body: tt.body, header: map[string]string{"Content-Type": tt.kind}})
		if res.StatusCode < 400 || res.StatusCode >= 500 || time.Since(began) > 5*time.Second {
			t.Errorf("%s: %d after %s", name, res.StatusCode, time.Since(began))
		}
	}
	if n := len(e.blobs()); n != 0 {
		t.Errorf("%d blobs", n)
	}
}

// sendStep posts a step as the browser does when it brings a photo.
func (b *browser) sendStep(path string, form url.Values, name string, photo []byte) response {
	b.e.t.Helper()
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	for k, values := range form {
		for _, v := range values {
			if err := w.WriteField(k, v); err != nil {
				b.e.t.Fatal(err)
			}
		}
	}
	p, err := w.CreateFormFile("photo", name)
	if err != nil {
		b.e.t.Fatal(err)
	}
	if _, err := p.Write(photo); err != nil {
		b.e.t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.e.t.Fatal(err)
	}
	return b.send("POST", path, w.FormDataContentType(), &buf)
}

func TestAPhotoComesWithTheReport(t *testing.T) {
	t.Parallel()
	e := newIntake(t, func(c *intake.Config, _ *env) { c.Site.MaxFileMB = 1 })
	b := e.visitor("de", "")
	path := b.begin("")
	b.follow(path+"/was", wasForm())
	for _, photo := range []string{"first", "second"} { // another one replaces it
		if res := b.sendStep(path+"/betroffen", betroffenForm(), "Erpresser.jpg", []byte(photo)); res.StatusCode != http.StatusSeeOther {
			t.Fatalf("%d %s", res.StatusCode, errorsIn(res.body))
		}
	}
	if res := b.sendStep(path+"/betroffen", betroffenForm(), "", nil); res.StatusCode != http.StatusSeeOther { // none chosen: the kept one stays
		t.Fatalf("%d", res.StatusCode)
	}
	large := b.sendStep(path+"/betroffen", betroffenForm(), "gross.jpg", make([]byte, 2<<20))
	if large.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a large photo: %d", large.StatusCode)
	}
	has(t, large, "Foto nicht übernommen: größer als 1 MB", `value="2026-11-22T06:40"`, "Erpresser.jpg ist gesichert")
	if n := len(e.blobs()); n != 1 {
		t.Errorf("%d blobs, want 1", n)
	}
	check := b.follow(path+"/kontakt", kontaktForm())
	has(t, check, "Erpresser.jpg, 6 Byte", "etwa 22.11.2026, 06:40 Uhr")
	ref := referenceText.FindString(b.follow(path+"/absenden", nil).body)
	b.follow(path+"/absenden", nil)
	has(t, b.get("/melden/vorgang/"+ref), "Erpresser.jpg")
	if n := e.count(`SELECT count(*) FROM outbox WHERE type = 'report.attachment.added' AND body::jsonb->'data'->>'size' = '6'`); n != 1 {
		t.Errorf("%d events of the photo", n)
	}
	if n := e.count(`SELECT count(*) FROM report_attachment`); n != 1 {
		t.Errorf("%d attachments", n)
	}
	e.invariants(nil)
}
