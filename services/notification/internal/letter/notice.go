// SPDX-License-Identifier: EUPL-1.2

package letter

import (
	"fmt"
	"path"
	"strings"
	"text/template"
	"time"

	"github.com/thueringencert/leitstelle/services/notification/internal/message"
)

// readNotices reads the words of what the directory wants said. Each kind is one
// file a language, templates/<lang>/notice/<kind>.txt, that defines "subject",
// "text" and "label" (the line above the link) for the frame notice.txt. The
// frame's own words are neutral; a kind without a file gets them.
func (w *Writer) readNotices() error {
	w.notices = map[string]map[string]*template.Template{}
	for lang, set := range w.set {
		w.notices[lang] = map[string]*template.Template{}
		dir := "templates/" + lang + "/notice"
		list, err := files.ReadDir(dir)
		if err != nil {
			return fmt.Errorf("mail template: %w", err)
		}
		for _, f := range list {
			raw, err := files.ReadFile(path.Join(dir, f.Name()))
			if err != nil {
				return fmt.Errorf("mail template: %w", err)
			}
			t, err := set[message.Wanted].Clone()
			if err == nil {
				_, err = t.New(f.Name()).Parse(string(raw))
			}
			if err != nil {
				return fmt.Errorf("mail template %s: %w", f.Name(), err)
			}
			w.notices[lang][strings.TrimSuffix(f.Name(), ".txt")] = t
		}
	}
	return nil
}

// NoticeKinds lists the kinds that have words of their own in a language.
func (w *Writer) NoticeKinds(lang string) []string {
	var out []string
	for k := range w.notices[lang] {
		out = append(out, k)
	}
	return out
}

func (w *Writer) noticeWords(lang, kind string) *template.Template {
	if w.notices[lang] == nil {
		lang = "de"
	}
	if t := w.notices[lang][kind]; t != nil {
		return t
	}
	return w.set[lang][message.Wanted]
}

// noticeView is what the words of a notice see.
type noticeView struct {
	Name         string
	Organisation string
	Link         string
	Until        *time.Time
	kind         string
	words        map[string]string
}

// Word is one of the words that came with the wish, "" when it did not.
func (v noticeView) Word(name string) string { return OneLine(v.words[name]) }

// Time is a word that is an instant (RFC 3339).
func (v noticeView) Time(name string) *time.Time {
	t, err := time.Parse(time.RFC3339, v.words[name])
	if err != nil {
		return nil
	}
	return &t
}

func (w *Writer) noticeData(n message.Notice, d message.Delivery) (noticeView, error) {
	data, err := decode[message.WantedData](n)
	if err != nil {
		return noticeView{}, err
	}
	v := noticeView{Name: OneLine(d.Name), Organisation: OneLine(data.Organisation), Until: data.ExpiresAt, kind: data.Kind, words: data.Words}
	if data.Path != "" {
		v.Link = w.address(d.Language, data.Path)
	}
	return v, nil
}
