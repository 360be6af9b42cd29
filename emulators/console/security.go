package console

import (
	"crypto/subtle"
	"net"
	"net/http"
	"net/url"
	"time"

	"souk/emulators/hostcheck"
)

// pagePolicy lets pages load files of the console only, and send data to it only (CSP
// Level 3). Inline scripts and styles are rejected.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

const (
	// tokenParameter is the query parameter of the link that allows actions.
	tokenParameter = "token"
	// tokenCookie is followed by the port: cookies do not distinguish ports, and several
	// systems may run at the same time.
	tokenCookie = "souk_console_" //nolint:gosec // G101: a name
	// cookieAge is how long a browser stores the cookie.
	cookieAge = 30 * 24 * time.Hour
)

// EntryLink returns the link that allows a browser to perform actions.
func EntryLink(console, token string) string {
	return console + "/?" + url.Values{tokenParameter: {token}}.Encode()
}

// protect returns next behind the checks of all requests: the host name must be of this
// machine, against DNS rebinding, and scripts of other origins may neither read nor write.
func (c *Console) protect(next http.Handler) http.Handler {
	return c.options.Hosts.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", pagePolicy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cache-Control", "no-store")
		if hostcheck.IsForeign(r) {
			http.Error(w, "requests of other origins are not allowed", http.StatusForbidden)
			return
		}
		if c.options.Private && !c.trusted(r) && !c.valid(r.URL.Query().Get(tokenParameter)) {
			http.Error(w, "This console needs its link, which has a token: souk console", http.StatusForbidden)
			return
		}
		if err := extend(w, c.options.sendTimeout); err != nil {
			c.log.Debug("set the time in which a response must be read", "error", err)
		}
		next.ServeHTTP(w, r)
	}))
}

// enter handles the link with the token: it sets the cookie and redirects to the page
// without the token. It reports whether it has responded.
func (c *Console) enter(w http.ResponseWriter, r *http.Request) bool {
	query := r.URL.Query()
	if !query.Has(tokenParameter) {
		return false
	}
	if !c.valid(query.Get(tokenParameter)) {
		http.Error(w, "The token is not valid. The current link is in the output of: souk console", http.StatusForbidden)
		return true
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // no HTTPS on 127.0.0.1
		Name: cookieName(r), Value: c.options.Token, Path: "/", MaxAge: int(cookieAge.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
	query.Del(tokenParameter)
	target := url.URL{Path: r.URL.Path, RawQuery: query.Encode()}
	http.Redirect(w, r, target.String(), http.StatusSeeOther)
	return true
}

func (c *Console) valid(token string) bool {
	return subtle.ConstantTimeCompare([]byte(token), []byte(c.options.Token)) == 1
}

// trusted reports whether a request has the cookie of the link.
func (c *Console) trusted(r *http.Request) bool {
	cookie, err := r.Cookie(cookieName(r))
	return err == nil && c.valid(cookie.Value)
}

func cookieName(r *http.Request) string { return tokenCookie + port(r) }

// port returns the port in the Host header of a request.
func port(r *http.Request) string {
	_, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		return "80"
	}
	return port
}
