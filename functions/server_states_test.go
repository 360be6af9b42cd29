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
	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/function"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// sessionSettings matches the statements that configure a new connection.
var sessionSettings = regexp.MustCompile(`^SET `)

// changes matches the statements that a read-only server or one with a full disk refuses.
var changes = regexp.MustCompile(`(?s)^\s*(INSERT|UPDATE|DELETE|REPLACE)\b`)

// serverStates has a server's response to a statement in one state of each kind that
// shared/database distinguishes; its tests cover all states.
var serverStates = map[string]struct {
	fate dbtest.Fate
	on   *regexp.Regexp // nil is every statement
}{
	"read-only":            {dbtest.Fail(1290, "HY000", "The server is running with the --read-only option"), changes},
	"disk full":            {dbtest.Fail(1021, "HY000", "Disk full; waiting for missingID to free some space"), changes},
	"too many connections": {dbtest.Fail(1040, "08004", "Too many connections"), nil},
	"hanging":              {dbtest.Hang, nil},
}

// proxiedService is a second instance of a service, which uses the same database through a
// proxy.
type proxiedService struct {
	url string

	mu   sync.Mutex
	fate dbtest.Fate
	on   *regexp.Regexp
	hit  bool
}

func (p *proxiedService) set(fate dbtest.Fate, on *regexp.Regexp) (wasHit bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	wasHit = p.hit
	p.fate, p.on, p.hit = fate, on, false
	return wasHit
}

func (p *proxiedService) decide(statement string) dbtest.Fate {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fate == nil || sessionSettings.MatchString(statement) || p.on != nil && !p.on.MatchString(statement) ||
		// The server refuses the connection at BEGIN, and never a ROLLBACK.
		statement == "ROLLBACK" {
		return dbtest.Pass
	}
	p.hit = true
	return p.fate
}

func mustServeThroughProxy(t *testing.T, s *functiontest.Server, service string, statementTimeout time.Duration) *proxiedService {
	t.Helper()
	p := &proxiedService{}
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
	runtime := function.NewRuntime(function.Options{
		Manifest: functions.Manifest(), Service: service, DB: db, Publisher: s.Published, Environment: environment(t),
		UserAuth: s.Tokens.UserAuth, PushAuth: s.Tokens.PushAuth, CheckoutTokens: s.Tokens.Checkouts,
	})
	handler, err := function.NewHandler(runtime, services[service].Build)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

// TestServerStates sends each function a valid request while the server refuses statements,
// or does not respond to them: a function that needs them responds 503 with Retry-After, and
// succeeds once the server has recovered.
func TestServerStates(t *testing.T) {
	t.Parallel()
	for _, service := range functions.Manifest().Services() {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			s := mustStart(t, service)
			p := mustServeThroughProxy(t, s, service, 10*time.Second)
			short := mustServeThroughProxy(t, s, service, 200*time.Millisecond)
			for _, f := range functions.Manifest().FunctionsOf(service) {
				if f.HTTP == "" {
					continue
				}
				t.Run(f.Name, func(t *testing.T) {
					by := mustCreateCaller(t, s, f)
					r := requestTo(t, s, f, by)
					for name, state := range serverStates {
						t.Run(name, func(t *testing.T) {
							p := p
							if state.fate == dbtest.Hang {
								p = short
							}
							p.set(state.fate, state.on)
							got := functiontest.Do(t, p.url, r)
							requireUnavailable(t, f, got, p.set(nil, nil))
						})
					}
					requireSuccess(t, functiontest.Do(t, p.url, r))
				})
			}
		})
	}
}

// requireUnavailable requires a 503 of a function if one of its statements was refused, and
// success otherwise.
func requireUnavailable(t *testing.T, f manifest.Function, got functiontest.Response, refused bool) {
	t.Helper()
	switch {
	case !refused:
		requireSuccess(t, got)
	case f.Name == "product-import" && got.Status != http.StatusServiceUnavailable: // as when its token cannot be checked
		// Its response has the result of each line; no line was imported.
		requireSuccess(t, got)
		if text := string(got.Body); !strings.Contains(text, `"stopped"`) || !strings.Contains(text, `"failed":0`) {
			t.Errorf("the import does not stop: %s", text)
		}
	default:
		got.MustBeProblem(t, http.StatusServiceUnavailable, "unavailable")
		if got.Header.Get("Retry-After") == "" {
			t.Error("the response has no Retry-After")
		}
	}
}
