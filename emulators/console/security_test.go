package console

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestActionsAreProtected sends every action of every page without the cookie, from another
// origin and to another host name.
func TestActionsAreProtected(t *testing.T) {
	t.Parallel()
	c, base := newConsole(t, nil)
	refused := map[string]call{
		"without the cookie is forbidden":                    {},
		"with another token is forbidden":                    {header: http.Header{"Cookie": {tokenCookie + "80=guess"}}},
		"from a page of another origin is forbidden":         {trusted: true, header: http.Header{"Origin": {"http://evil.test"}}},
		"from another port of this machine is forbidden":     {trusted: true, header: http.Header{"Origin": {"http://127.0.0.1:1"}}},
		"from an origin without a name is forbidden":         {trusted: true, header: http.Header{"Origin": {"null"}}},
		"from another site without an origin is forbidden":   {trusted: true, header: http.Header{"Sec-Fetch-Site": {"cross-site"}}},
		"to the host name of a web page is misdirected":      {trusted: true, host: "evil.test"},
		"to the host name of a page and a port, is the same": {trusted: true, host: "evil.test:8090"},
	}
	actions := 0
	for _, p := range c.pages {
		for name := range p.actions {
			actions++
			for title, a := range refused {
				t.Run(p.name+" "+name+" "+title, func(t *testing.T) {
					t.Parallel()
					want := http.StatusForbidden
					if a.host != "" {
						want = http.StatusMisdirectedRequest
					}
					a.method, a.path = http.MethodPost, actionPath(p, name)
					if got := a.send(t, base); got != want {
						t.Errorf("status %d, want %d", got, want)
					}
				})
			}
			t.Run(p.name+" "+name+" with the cookie is performed", func(t *testing.T) {
				t.Parallel()
				a := call{method: http.MethodPost, path: actionPath(p, name), trusted: true}
				if got := a.send(t, base); got == http.StatusForbidden || got == http.StatusNotFound {
					t.Errorf("status %d", got)
				}
				a.method = http.MethodGet
				if got := a.send(t, base); got != http.StatusMethodNotAllowed {
					t.Errorf("GET: status %d, want 405", got)
				}
			})
		}
	}
	if actions == 0 {
		t.Error("the console has no actions")
	}
}

// TestPagesAreProtected requests every page and its events from other origins and hosts.
func TestPagesAreProtected(t *testing.T) {
	t.Parallel()
	c, base := newConsole(t, nil)
	paths := []string{"/", "/asset/console.css"}
	for _, p := range c.pages {
		paths = append(paths, "/"+p.name)
		if p.events != nil {
			paths = append(paths, "/"+p.name+"/events")
		}
	}
	for _, path := range paths {
		t.Run(path+" is refused to other origins and hosts", func(t *testing.T) {
			t.Parallel()
			got := map[string]int{
				"host":   call{path: path, host: "evil.test"}.send(t, base),
				"origin": call{path: path, header: http.Header{"Origin": {"https://evil.test"}}}.send(t, base),
				"image":  call{path: path, header: http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"no-cors"}}}.send(t, base),
			}
			want := map[string]int{"host": http.StatusMisdirectedRequest, "origin": http.StatusForbidden, "image": http.StatusForbidden}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("statuses (-want +got):\n%s", diff)
			}
		})
	}
	link := call{path: "/", header: http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"navigate"}}}
	if got := link.send(t, base); got != http.StatusOK {
		t.Errorf("a link on another site: status %d, want 200", got)
	}
}

// TestPrivateConsole requires that a private console responds to nothing without the token.
func TestPrivateConsole(t *testing.T) {
	t.Parallel()
	c, base := newConsole(t, func(o *Options) { o.Private = true })
	paths := []string{"/", "/asset/console.css"}
	for _, p := range c.pages {
		paths = append(paths, "/"+p.name)
		if p.events != nil {
			paths = append(paths, "/"+p.name+"/events")
		}
		for pattern := range p.routes {
			paths = append(paths, strings.TrimPrefix(pattern, "GET "))
		}
	}
	for _, path := range paths {
		t.Run(path+" needs the token", func(t *testing.T) {
			t.Parallel()
			for _, query := range []string{"", "?token", "?token=another"} {
				if got := (call{path: path + query}).send(t, base); got != http.StatusForbidden {
					t.Errorf("%s: status %d, want 403", path+query, got)
				}
			}
		})
	}
	if got := (call{path: "/?token=" + testToken}).send(t, base); got != http.StatusSeeOther {
		t.Errorf("the link: status %d, want 303", got)
	}
	for _, p := range c.pages {
		if got := (call{path: "/" + p.name, trusted: true}).send(t, base); got != http.StatusOK {
			t.Errorf("%s with the cookie: status %d, want 200", p.name, got)
		}
	}
}

// TestEntryLink requires that the link sets the cookie and removes the token from the URL.
func TestEntryLink(t *testing.T) {
	t.Parallel()
	c, base := newConsole(t, nil)
	respond := func(target string) *http.Response {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, http.NoBody)
		recorder := httptest.NewRecorder()
		c.ServeHTTP(recorder, request)
		return recorder.Result()
	}
	response := respond(EntryLink(base, testToken))
	if response.StatusCode != http.StatusSeeOther || response.Header.Get("Location") != "/" {
		t.Errorf("status %d to %q, want 303 to /", response.StatusCode, response.Header.Get("Location"))
	}
	if len(response.Cookies()) != 1 {
		t.Fatalf("cookies: %v, want one", response.Cookies())
	}
	cookie := response.Cookies()[0]
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Value != testToken {
		t.Errorf("cookie %v, want an HttpOnly, SameSite=Strict cookie with the token", cookie)
	}
	if port := base[strings.LastIndexByte(base, ':')+1:]; cookie.Name != tokenCookie+port {
		t.Errorf("cookie %s, want that of port %s", cookie.Name, port)
	}
	response = respond(EntryLink(base, "another"))
	if response.StatusCode != http.StatusForbidden || len(response.Cookies()) != 0 {
		t.Errorf("another token: status %d and cookies %v, want 403 and none", response.StatusCode, response.Cookies())
	}
	for _, name := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Cross-Origin-Resource-Policy"} {
		if response.Header.Get(name) == "" {
			t.Errorf("the response has no header %s", name)
		}
	}
}

// TestTokenIsRequired requires that a console without a token does not start.
func TestTokenIsRequired(t *testing.T) {
	t.Parallel()
	if _, err := New(Options{}); err == nil {
		t.Error("New without a token: no error")
	}
}
