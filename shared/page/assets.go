// SPDX-License-Identifier: EUPL-1.2

package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strings"
	"sync"
)

//go:embed assets
var assetFiles embed.FS

// asset is one file as it is served.
type asset struct {
	body, gzip []byte
	kind, hash string
}

// bundle is the address of the one stylesheet: all of assets/css in the order
// of their names, so that a page needs one request.
const bundle = "css/leitstelle.css"

// assets reads, links and compresses everything once, at the first use.
var assets = sync.OnceValue(func() map[string]asset {
	l := &linker{src: map[string][]byte{}, out: map[string]asset{}}
	err := fs.WalkDir(assetFiles, "assets", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := assetFiles.ReadFile(name)
		if err != nil {
			return fmt.Errorf("read asset: %w", err)
		}
		short := strings.TrimPrefix(name, "assets/")
		if path.Ext(short) == ".css" {
			l.src[bundle] = append(append(l.src[bundle], raw...), '\n')
			return nil
		}
		l.src[short] = raw
		return nil
	})
	if err != nil {
		panic("page: embedded assets: " + err.Error()) // the files are part of the program
	}
	for name := range l.src {
		l.add(name)
	}
	return l.out
})

// linker puts the fingerprint of every asset into those that name it.
type linker struct {
	src map[string][]byte
	out map[string]asset
}

var reference = regexp.MustCompile(`(url\(["']|from ["'])(\.{1,2}/[^"'?]+)(["'])`)

func (l *linker) add(name string) asset {
	if a, ok := l.out[name]; ok {
		return a
	}
	body := reference.ReplaceAllFunc(l.src[name], func(m []byte) []byte {
		p := reference.FindSubmatch(m)
		target := path.Join(path.Dir(name), string(p[2]))
		if _, ok := l.src[target]; !ok {
			return m
		}
		return fmt.Appendf(nil, `%s%s?v=%s%s`, p[1], p[2], l.add(target).hash, p[3])
	})
	sum := sha256.Sum256(body)
	a := asset{body: body, hash: hex.EncodeToString(sum[:6]), kind: mime.TypeByExtension(path.Ext(name))}
	switch path.Ext(name) {
	case ".woff2":
		a.kind = "font/woff2"
	case ".md", ".txt":
		a.kind = "text/plain; charset=utf-8"
	case ".js":
		a.kind = "text/javascript; charset=utf-8"
	}
	if path.Ext(name) != ".woff2" {
		a.gzip = compress(body)
	}
	l.out[name] = a
	return a
}

func compress(body []byte) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil
	}
	if _, err := w.Write(body); err != nil || w.Close() != nil || b.Len() >= len(body) {
		return nil
	}
	return b.Bytes()
}

// AssetURL returns the address of an asset with its fingerprint, such as
// "/assets/js/desk.js?v=0123456789ab". An unknown name is an error: New fails.
func AssetURL(name string) (string, error) {
	a, ok := assets()[name]
	if !ok {
		return "", fmt.Errorf("no asset %q", name)
	}
	return "/assets/" + name + "?v=" + a.hash, nil
}

// Assets serves /assets/. What is asked with the right fingerprint never
// changes and may be kept for a year; during a rollout another version's
// fingerprint still gets the file, but only for a minute.
func Assets() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
			return
		}
		a, ok := assets()[strings.TrimPrefix(r.URL.Path, "/assets/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		a.serve(w, r)
	})
}

func (a asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Vary", "Accept-Encoding")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	switch r.URL.Query().Get("v") {
	case a.hash:
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	default:
		h.Set("Cache-Control", "public, max-age=60")
	}
	body, tag := a.body, `"`+a.hash+`"`
	if a.gzip != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		body, tag = a.gzip, `"`+a.hash+`-gz"`
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("ETag", tag)
	if match := r.Header.Get("If-None-Match"); match == tag || match == "*" {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(body) // the client went away
}
