package functiontest

import (
	"net/http"
	"testing"

	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/function"
	"souk/shared/manifest"
)

// WithRights makes each function use a login to the database that has exactly the rights of
// the function, as on Cloud SQL. Without it all use the login of the tests, which has all
// rights.
func WithRights(s *Server) { s.rights = true }

// WithOneLogin makes all functions use a login to the database that has exactly these rights.
func WithOneLogin(rights database.Rights) Option {
	return func(s *Server) { s.login = &rights }
}

func (s *Server) openAs(t testing.TB, rights database.Rights) *database.DB {
	t.Helper()
	return dbtest.Open(t, dbtest.CreateLogin(t, s.url, rights), s.connections)
}

// serveByLogin returns a handler that passes each request to an instance of the service whose
// login has the rights of the requested function.
func (s *Server) serveByLogin(t testing.TB, m *manifest.Manifest, service string, newHandler func(*database.DB) http.Handler) http.Handler {
	t.Helper()
	instances := map[string]http.Handler{}
	for _, login := range m.Logins() {
		if login.Service == service {
			instances[login.Name] = newHandler(s.openAs(t, login.Rights))
		}
	}
	routes := http.NewServeMux()
	for _, f := range m.FunctionsOf(service) {
		routes.Handle(function.Pattern(f), instances[m.LoginOf(f)])
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if instance, pattern := routes.Handler(r); pattern != "" {
			instance.ServeHTTP(w, r)
			return
		}
		instances[service].ServeHTTP(w, r) // no route, or another method
	})
}
