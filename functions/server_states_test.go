package functions_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"souk/functions"
	"souk/shared/clock"
	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/function"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// sessionSettings are the statements of a new connection.
var sessionSettings = regexp.MustCompile(`^SET `)

// changes are the statements that a read-only server or one with a full disk refuses.
var changes = regexp.MustCompile(`(?s)^\s*(INSERT|UPDATE|DELETE|REPLACE)\b`)

// serverStates are what a server does with a statement: one of each kind in the list of
// shared/database, whose tests have all.
var serverStates = map[string]struct {
	fate dbtest.Fate
	on   *regexp.Regexp // nil is every statement
}{
	"read-only":            {dbtest.Fail(1290, "HY000", "The server is running with the --read-only option"), changes},
	"disk full":            {dbtest.Fail(1021, "HY000", "Disk full; waiting for someone to free some space"), changes},
	"too many connections": {dbtest.Fail(1040, "08004", "Too many connections"), nil},
	"hanging":              {dbtest.Hang, nil},
}

// throughProxy serves a service a second time, on the same database, by way of a proxy.
type throughProxy struct {
	url string

	mu   sync.Mutex
	fate dbtest.Fate
	on   *regexp.Regexp
	hit  bool
}

func (p *throughProxy) set(fate dbtest.Fate, on *regexp.Regexp) (wasHit bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	wasHit = p.hit
	p.fate, p.on, p.hit = fate, on, false
	return wasHit
}

func (p *throughProxy) decide(statement string) dbtest.Fate {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fate == nil || sessionSettings.MatchString(statement) || p.on != nil && !p.on.MatchString(statement) ||
		// The connection is refused at its begin, and not for giving up.
		statement == "ROLLBACK" {
		return dbtest.Pass
	}
	p.hit = true
	return p.fate
}

func mustServeThrough(t *testing.T, s *functiontest.Server, service string, statementTimeout time.Duration) *throughProxy {
	t.Helper()
	p := &throughProxy{}
	cfg, err := database.ParseURL(string(dbtest.URL(t)))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.DB.QueryRowContext(t.Context(), `SELECT DATABASE()`).Scan(&cfg.DBName); err != nil {
		t.Fatal(err)
	}
	proxy := dbtest.NewProxy(t, database.FormatURL(cfg), p.decide)
	db, err := database.Open(database.Config{URL: proxy.URL, StatementTimeout: statementTimeout})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	runtime := function.NewRuntime(db, s.Topics, clock.System, environment(t), s.Tokens.Users, s.Tokens.Pushes)
	handler, err := function.NewHandler(runtime, functions.Manifest(), service, services[service].build)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

// TestServerStates sends each function a good request while the server refuses
// statements, or does not respond to them: a function that cannot do without them
// responds 503 with Retry-After, and does its work once the server is well.
func TestServerStates(t *testing.T) {
	t.Parallel()
	for _, service := range functions.Manifest().Services() {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			s := MustStart(t, service)
			p := mustServeThrough(t, s, service, 10*time.Second)
			short := mustServeThrough(t, s, service, 200*time.Millisecond)
			for _, f := range functions.Manifest().Of(service) {
				if f.HTTP == "" {
					continue
				}
				t.Run(f.Name, func(t *testing.T) {
					by := MustEnter(t, s, f)
					r := requestTo(t, s, f, by)
					for name, state := range serverStates {
						t.Run(name, func(t *testing.T) {
							p := p
							if state.fate == dbtest.Hang {
								p = short
							}
							p.set(state.fate, state.on)
							got := functiontest.Do(t, p.url, r)
							mustBeUnavailable(t, f, got, p.set(nil, nil))
						})
					}
					mustSucceed(t, functiontest.Do(t, p.url, r))
				})
			}
		})
	}
}

// mustBeUnavailable checks the response of a function one of whose statements was
// refused, or none.
func mustBeUnavailable(t *testing.T, f manifest.Function, got functiontest.Response, refused bool) {
	t.Helper()
	switch {
	case !refused:
		mustSucceed(t, got)
	case f.Name == "product-import" && got.Status != http.StatusServiceUnavailable: // as when its token cannot be checked
		// Its response reports on each line; nothing was done.
		mustSucceed(t, got)
		if text := string(got.Body); !strings.Contains(text, `"stopped"`) || !strings.Contains(text, `"failed":0`) {
			t.Errorf("the import does not stop: %s", text)
		}
	default:
		got.MustBeProblem(t, http.StatusServiceUnavailable, "unavailable")
		if got.Header.Get("Retry-After") == "" {
			t.Error("it does not say when to try again")
		}
	}
}
