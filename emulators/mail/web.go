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

// maxWait is the longest time that a request waits for mail.
const maxWait = 30 * time.Second

const (
	// pagePolicy lets the page load its own files and show a mail in a frame.
	pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	// mailPolicy lets a mail apply its styles only. It may not run scripts or load
	// resources, which would reveal to the sender that it was read.
	mailPolicy = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)

// handler serves the page and its API:
//
//	GET    /api/messages?to=&subject=&after=&wait=  newest first; wait: seconds to wait for one
//	GET    /api/messages/{id}                       with text and HTML
//	GET    /api/messages/{id}/html                  HTML for a frame
//	GET    /api/messages/{id}/source                as received by SMTP
//	GET    /api/latest?to=&subject=&wait=           text of the newest, 404 if none matches
//	DELETE /api/messages                            delete all
func handler(b *box) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/messages", func(w http.ResponseWriter, r *http.Request) {
		found, err := listMessages(b, r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		writeJSON(w, map[string]any{"items": found})
	})
	mux.HandleFunc("GET /api/latest", func(w http.ResponseWriter, r *http.Request) {
		found, err := listMessages(b, r)
		switch {
		case err != nil:
			http.Error(w, err.Error(), http.StatusBadRequest)
		case len(found) == 0:
			http.Error(w, "mail not found", http.StatusNotFound)
		default:
			write(w, "text/plain; charset=utf-8", found[0].letter.Text)
		}
	})
	mux.HandleFunc("DELETE /api/messages", func(w http.ResponseWriter, _ *http.Request) {
		b.clear()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /api/messages/{id}", withMessage(b, func(w http.ResponseWriter, m message) {
		writeJSON(w, struct {
			message
			Text string `json:"text"`
			HTML string `json:"html"`
		}{m, m.letter.Text, m.letter.HTML})
	}))
	mux.HandleFunc("GET /api/messages/{id}/html", withMessage(b, func(w http.ResponseWriter, m message) {
		w.Header().Set("Content-Security-Policy", mailPolicy)
		// Links open in a new tab, not in the frame.
		write(w, "text/html; charset=utf-8", `<base target="_blank">`+m.letter.HTML)
	}))
	mux.HandleFunc("GET /api/messages/{id}/source", withMessage(b, func(w http.ResponseWriter, m message) {
		write(w, "text/plain; charset=utf-8", string(m.letter.Source))
	}))
	files, err := fs.Sub(page, "page")
	if err != nil {
		panic(err) // fails only for an invalid name
	}
	mux.Handle("GET /", http.FileServerFS(files))
	return withSecurityHeaders(mux)
}

// withSecurityHeaders prevents pages of other origins from reading mail, which may
// contain links to reset passwords.
func withSecurityHeaders(next http.Handler) http.Handler {
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

// listMessages returns the messages selected by the query of a request.
func listMessages(b *box, r *http.Request) ([]message, error) {
	query := r.URL.Query()
	f := filter{to: query.Get("to"), subject: query.Get("subject")}
	wait := 0
	for _, parameter := range []struct {
		name string
		set  func(int)
	}{
		{"after", func(n int) { f.after = int64(n) }}, {"wait", func(n int) { wait = n }},
	} {
		if text := query.Get(parameter.name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 0 {
				return nil, fmt.Errorf("%s must be an integer of at least 0", parameter.name)
			}
			parameter.set(n)
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), min(time.Duration(min(wait, 3600))*time.Second, maxWait))
	defer cancel()
	return b.list(ctx, f), nil
}

// withMessage returns a handler that calls show with the message of the path's id.
func withMessage(b *box, show func(http.ResponseWriter, message)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
		m, found := b.get(id)
		if err != nil || !found {
			http.Error(w, "mail not found", http.StatusNotFound)
			return
		}
		show(w, m)
	}
}

func writeJSON(w http.ResponseWriter, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		http.Error(w, "encode the mail", http.StatusInternalServerError)
		return
	}
	write(w, "application/json", string(text)+"\n")
}

func write(w http.ResponseWriter, contentType, text string) {
	w.Header().Set("Content-Type", contentType)
	// It fails only if the client has disconnected. The HTML of a mail is sent unchanged
	// and restricted by mailPolicy.
	_, _ = io.WriteString(w, text) //nolint:gosec // G705: see above
}
