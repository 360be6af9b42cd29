package mail

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"time"
)

//go:embed page
var page embed.FS

// maxWait is the longest that a request may wait for mail.
const maxWait = 30 * time.Second

const (
	// pagePolicy lets the page load what is its own, and show a mail in a frame.
	pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	// mailPolicy lets a mail do nothing but look as it is written: no script, and
	// nothing loaded from anywhere, which would tell somebody that it was read.
	mailPolicy = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)

// handler serves the page and its API:
//
//	GET    /api/messages?to=&subject=&after=&wait=  newest first; wait: seconds to wait for one
//	GET    /api/messages/{id}                       with text and HTML
//	GET    /api/messages/{id}/html                  to be shown in a frame
//	GET    /api/messages/{id}/source                as it came over the wire
//	GET    /api/latest?to=&subject=&wait=           the text of the newest, 404 without one
//	DELETE /api/messages                            forgets all
func handler(b *box) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/messages", func(w http.ResponseWriter, r *http.Request) {
		found, err := ask(b, r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		writeJSON(w, map[string]any{"items": found})
	})
	mux.HandleFunc("GET /api/latest", func(w http.ResponseWriter, r *http.Request) {
		found, err := ask(b, r)
		switch {
		case err != nil:
			http.Error(w, err.Error(), http.StatusBadRequest)
		case len(found) == 0:
			http.Error(w, "there is no such mail", http.StatusNotFound)
		default:
			write(w, "text/plain; charset=utf-8", found[0].letter.Text)
		}
	})
	mux.HandleFunc("DELETE /api/messages", func(w http.ResponseWriter, _ *http.Request) {
		b.clear()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /api/messages/{id}", one(b, func(w http.ResponseWriter, m message) {
		writeJSON(w, struct {
			message
			Text string `json:"text"`
			HTML string `json:"html"`
		}{m, m.letter.Text, m.letter.HTML})
	}))
	mux.HandleFunc("GET /api/messages/{id}/html", one(b, func(w http.ResponseWriter, m message) {
		w.Header().Set("Content-Security-Policy", mailPolicy)
		// Links open beside the page, not in the frame.
		write(w, "text/html; charset=utf-8", `<base target="_blank">`+m.letter.HTML)
	}))
	mux.HandleFunc("GET /api/messages/{id}/source", one(b, func(w http.ResponseWriter, m message) {
		write(w, "text/plain; charset=utf-8", string(m.letter.Source))
	}))
	files, err := fs.Sub(page, "page")
	if err != nil {
		panic(err) // only a name that is none has it fail
	}
	mux.Handle("GET /", http.FileServerFS(files))
	return guarded(mux)
}

// guarded keeps pages of others from reading mail: there are passwords to be
// reset in it.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// ask lists what a request asks for.
func ask(b *box, r *http.Request) ([]message, error) {
	query := r.URL.Query()
	f := filter{to: query.Get("to"), subject: query.Get("subject")}
	wait := 0
	for name, into := range map[string]func(int){
		"after": func(n int) { f.after = int64(n) }, "wait": func(n int) { wait = n },
	} {
		if text := query.Get(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 0 {
				return nil, fmt.Errorf("%s must be a whole number", name)
			}
			into(n)
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), min(time.Duration(min(wait, 3600))*time.Second, maxWait))
	defer cancel()
	return b.list(ctx, f), nil
}

func one(b *box, show func(http.ResponseWriter, message)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
		m, found := b.get(id)
		if err != nil || !found {
			http.Error(w, "there is no such mail", http.StatusNotFound)
			return
		}
		show(w, m)
	}
}

func writeJSON(w http.ResponseWriter, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		http.Error(w, "the mail cannot be shown", http.StatusInternalServerError)
		return
	}
	write(w, "application/json", string(text)+"\n")
}

func write(w http.ResponseWriter, contentType, text string) {
	w.Header().Set("Content-Type", contentType)
	// It fails for a reader who left. A mail's own HTML is shown as it came: what
	// it could do is mailPolicy's to forbid.
	_, _ = io.WriteString(w, text) //nolint:gosec // G705: see above
}
