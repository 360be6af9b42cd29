package e2e_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
)

// site serves the pages of the example in clients/typescript, at an origin of its own. The zero value
// is no site.
type site struct {
	server *httptest.Server
	folder *atomic.Value
}

// openSite starts a server, which has no pages before show.
func openSite() site {
	s := site{folder: &atomic.Value{}}
	s.server = httptest.NewServer(http.HandlerFunc(s.serve))
	return s
}

func (s site) serve(w http.ResponseWriter, r *http.Request) {
	folder, _ := s.folder.Load().(string)
	switch r.URL.Path {
	case "/main.js", "/style.css":
		http.ServeFile(w, r, filepath.Join(folder, r.URL.Path))
	default: // The application reads the address itself.
		http.ServeFile(w, r, filepath.Join(folder, "index.html"))
	}
}

// show serves the pages in a folder.
func (s site) show(folder string) { s.folder.Store(folder) }

// environment returns the settings with which a shop serves the pages.
func (s site) environment() []string {
	if s.server == nil {
		return nil
	}
	return []string{
		"CORS_ORIGINS=" + s.origin(), "USER_PAGES_URL=" + s.origin(), "PAYMENT_RETURN_URL=" + s.origin() + "/return",
		"USER_PASSKEY_ORIGINS=" + s.origin(), "USER_SECOND_FACTOR_ROLES=" + factorRole,
	}
}

// origin returns the origin of the pages. It has a name, since browsers have no passkeys for an address.
func (s site) origin() string { return strings.Replace(s.server.URL, "127.0.0.1", "localhost", 1) }

// returnOrigin returns the origin to which payments of a system lead back.
func returnOrigin(s *system) string {
	if containers != nil {
		return containers.pages.origin()
	}
	return strings.TrimSuffix(s.Gateway, "/")
}
