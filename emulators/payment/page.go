package payment

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"sync"

	"souk/emulators/hostcheck"
	"souk/shared/api"
)

//go:embed page
var pageFiles embed.FS

const (
	// pagePath is followed by the page token of a payment.
	pagePath  = "/pay/"
	stylePath = "/asset/payment.css"
)

// hostedPage is where customers pay.
type hostedPage struct {
	provider *Provider
	sheets   map[string]*template.Template
	style    []byte
	styleURL string
}

// sheet is the data of a template.
type sheet struct {
	Payment Payment
	Style   string
	// Return is the URL of the shop.
	Return string
	Form   form
	Cards  []TestCard
	// Title and Text describe the state of a payment that cannot be paid.
	Title, Text string
	// Totals and Latest are on the home page, which is wide.
	Totals []total
	Latest []Payment
	Wide   bool
}

func newHostedPage(p *Provider) (*hostedPage, error) {
	sheets, err := parseSheets()
	if err != nil {
		return nil, err
	}
	page := &hostedPage{provider: p, sheets: sheets}
	if page.style, err = pageFiles.ReadFile("page/payment.css"); err != nil {
		return nil, err
	}
	hash := sha256.Sum256(page.style)
	page.styleURL = stylePath + "?v=" + hex.EncodeToString(hash[:6])
	return page, nil
}

// parseSheets returns the templates by name, which all providers of a process share.
var parseSheets = sync.OnceValues(func() (map[string]*template.Template, error) {
	layout, err := template.ParseFS(pageFiles, "page/layout.html")
	if err != nil {
		return nil, err
	}
	sheets := map[string]*template.Template{}
	for _, name := range []string{"form", "challenge", "result", "home"} {
		copied, err := layout.Clone()
		if err != nil {
			return nil, err
		}
		if sheets[name], err = copied.ParseFS(pageFiles, "page/"+name+".html"); err != nil {
			return nil, err
		}
	}
	return sheets, nil
})

// route adds the routes of the page. The unguessable token in the path authorizes requests, so
// that pages of others cannot send them.
func (h *hostedPage) route(router *api.Router) {
	router.Handle("GET /{$}", http.HandlerFunc(h.home))
	router.Handle("GET "+pagePath+"{token}", h.withPayment(h.show))
	router.Handle("POST "+pagePath+"{token}", h.withFaults(h.pay))
	router.Handle("GET "+pagePath+"{token}/challenge", h.withPayment(h.showChallenge))
	router.Handle("POST "+pagePath+"{token}/challenge", h.withFaults(h.endChallenge))
	router.Handle("GET "+stylePath, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		w.Header().Set("Cache-Control", "max-age=31536000, immutable")
		h.write(w, h.style)
	}))
}

// withPayment returns a handler that calls next with the payment of the path's token.
func (h *hostedPage) withPayment(next func(http.ResponseWriter, *http.Request, *entry)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := h.find(r.PathValue("token"))
		setPageHeaders(w.Header(), e)
		if hostcheck.IsForeign(r) {
			h.provider.refuse(w, r, api.NewProblem(http.StatusForbidden, api.CodeForbidden, "Requests of other origins are not allowed."))
			return
		}
		if e == nil {
			h.render(w, http.StatusNotFound, "result", nil, sheet{Title: "No such payment", Text: "Check the link, or return to the shop and start again."})
			return
		}
		next(w, r, e)
	})
}

// withFaults is withPayment for a form, with the faults of OperationPay.
func (h *hostedPage) withFaults(submit func(http.ResponseWriter, *http.Request, *entry) (respond func())) http.Handler {
	return h.withPayment(func(w http.ResponseWriter, r *http.Request, e *entry) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if err := r.ParseForm(); err != nil {
			h.provider.refuse(w, r, api.UnreadableBody(err))
			return
		}
		h.provider.withFaults(OperationPay, w, r, func() func() { return submit(w, r, e) })
	})
}

// find returns the payment of a page token, or nil.
func (h *hostedPage) find(token string) *entry {
	h.provider.mu.Lock()
	defer h.provider.mu.Unlock()
	h.provider.advance()
	if i, found := h.provider.tokens[token]; found {
		return h.provider.payments[i]
	}
	return nil
}

// setPageHeaders sets the policies of a page. Scripts are not allowed, and forms may be sent to
// the provider only. Browsers apply form-action to the redirect after a form too, so the shop's
// origin is in it. The token in the URL is not sent to the shop as a referrer.
func setPageHeaders(header http.Header, e *entry) {
	target := "'self'"
	if e != nil {
		if origin, err := returnOrigin(e.ReturnURL); err == nil {
			target += " " + origin
		}
	}
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'; form-action "+target)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
}

// render writes a page.
func (h *hostedPage) render(w http.ResponseWriter, status int, name string, e *entry, s sheet) {
	s.Style = h.styleURL
	if e != nil {
		s.Payment, s.Return = e.Payment, returnURL(e)
	}
	var body bytes.Buffer
	if err := h.sheets[name].ExecuteTemplate(&body, "layout.html", s); err != nil {
		h.provider.options.Logger.Error("render the payment page", "page", name, "error", err)
		http.Error(w, fmt.Sprintf("render the page %s", name), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	h.write(w, body.Bytes())
}

// write writes a body. It fails only if the client has disconnected.
func (h *hostedPage) write(w http.ResponseWriter, body []byte) {
	if _, err := w.Write(body); err != nil {
		h.provider.options.Logger.Debug("write the payment page", "error", err)
	}
}

// returnURL returns the URL of the shop, with the payment's id.
func returnURL(e *entry) string {
	u, err := url.Parse(e.ReturnURL)
	if err != nil {
		return e.ReturnURL // It was valid when the payment was created.
	}
	query := u.Query()
	query.Set("payment", e.ID)
	u.RawQuery = query.Encode()
	return u.String()
}
