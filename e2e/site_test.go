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
	return []string{"CORS_ORIGINS=" + s.server.URL, "USER_PAGES_URL=" + s.server.URL, "PAYMENT_RETURN_URL=" + s.server.URL + "/return"}
}

// returnOrigin returns the origin to which payments of a system lead back.
func returnOrigin(s *system) string {
	if containers != nil {
		return containers.pages.server.URL
	}
	return strings.TrimSuffix(s.Gateway, "/")
}
