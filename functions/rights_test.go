package functions_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alexedwards/argon2id"
	"github.com/google/uuid"

	"souk/functions"
	"souk/functions/fixtures"
	"souk/shared/apikey"
	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/event"
	"souk/shared/function"
	"souk/shared/function/functiontest"
	"souk/shared/mail/mailtest"
	"souk/shared/manifest"
	"souk/shared/testsample"
)

// secretColumn matches the names of columns that hold secrets of accounts.
var secretColumn = regexp.MustCompile(`(hash|token|secret|password)`)

// unrestrictedColumns match secretColumn, but reveal nothing.
var unrestrictedColumns = []string{"user user.password_version", "user login_network.password_version", "user sign_in_challenge.password_version"}

// TestRestrictedColumns requires that functions.yaml lists exactly the columns that exist and
// hold hashes of passwords and tokens.
func TestRestrictedColumns(t *testing.T) {
	t.Parallel()
	var listed []string
	for _, r := range functions.Manifest().RestrictedColumns {
		listed = append(listed, r.Service+" "+r.Table+"."+r.Column)
	}
	var found []string
	for name, service := range services {
		db := dbtest.New(t, append(function.Migrations(), service.Migrations)...)
		columns, err := database.Collect(t.Context(), db, database.ScanColumn[string], `
			SELECT CONCAT(table_name, '.', column_name)
			FROM information_schema.columns
			WHERE table_schema = DATABASE()`)
		if err != nil {
			t.Fatal(err)
		}
		for _, column := range columns {
			if _, column, _ := strings.Cut(column, "."); !secretColumn.MatchString(column) {
				continue
			}
			if !slices.Contains(unrestrictedColumns, name+" "+column) {
				found = append(found, name+" "+column)
			}
		}
	}
	slices.Sort(listed)
	slices.Sort(found)
	if !slices.Equal(listed, found) {
		t.Errorf("restrictedColumns of functions.yaml are %q, want %q", listed, found)
	}
}

// TestLoginsHaveTheirRights requires that the server refuses each login of functions.yaml the
// columns that it must not read or write.
func TestLoginsHaveTheirRights(t *testing.T) {
	t.Parallel()
	for name, service := range services {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := dbtest.Create(t, append(function.Migrations(), service.Migrations)...)
			admin := dbtest.Open(t, url, 1)
			for _, login := range functions.Manifest().Logins() {
				if login.Service != name {
					continue
				}
				if err := database.CheckLogin(t.Context(), admin, database.Config{URL: dbtest.CreateLogin(t, url, login.Rights)}, login.Rights); err != nil {
					t.Errorf("%s: %v", login.Name, err)
				}
			}
		})
	}
}

// triggers are the functions that publish the events of functions in restrictedColumns.
var triggers = map[string]string{
	"registration-mail": "user-register", "password-reset-mail": "password-reset-request",
	"email-change-mail": "email-change", "password-changed-mail": "email-confirm",
}

// otherRequest is a request that needs a right which the example of its function does not.
type otherRequest struct {
	body   func(testing.TB, *functiontest.Server, account) object
	status int
}

// otherRequests has the other requests by the name of the right.
var otherRequests = map[string]otherRequest{
	"session-confirm needs to read recovery_code.code_hash":      {recoveryBody, http.StatusCreated},
	"session-create needs to write sign_in_challenge.token_hash": {enrolledLoginBody, http.StatusUnauthorized},
}

// TestRightsAreNeeded requires of each function in restrictedColumns that it fails without one
// of its rights, and works with them.
func TestRightsAreNeeded(t *testing.T) {
	t.Parallel()
	running := map[string]*functiontest.Server{}
	for _, c := range functions.Manifest().RestrictedColumns {
		if running[c.Service] == nil {
			running[c.Service] = mustStart(t, c.Service)
		}
	}
	mails := mailtest.Start(t)
	settings := environment(t)
	settings["SMTP_URL"] = mails.URL
	call := func(t *testing.T, right restrictedRight, rights database.Rights) functiontest.Response {
		t.Helper()
		f := right.function
		all := running[f.Service]
		s := functiontest.Start(t, functions.Manifest(), f.Service, services[f.Service].Build, services[f.Service].Migrations, settings,
			functiontest.WithSameDatabase(all), functiontest.WithOneLogin(rights))
		if f.HTTP != "" {
			request := requestTo(t, all, f, mustCreateCaller(t, all, f))
			if other, found := otherRequests[right.String()]; found {
				request.Body = other.body(t, all, account{})
			} else if f.Name == "session-create" {
				mustOutdateHashes(t, all) // only then it writes one
			}
			return s.Do(t, request)
		}
		if slices.Contains(f.Events, apikey.Topic.Name()) {
			return s.Deliver(t, f.Name, functiontest.NewEvent(t, apikey.Topic.Name(), apikey.Changed{KeyID: uuid.New(), Version: 1, Revoked: true}))
		}
		publisher, _ := functions.Manifest().Function(triggers[f.Name])
		requireSuccess(t, all.Do(t, requestTo(t, all, publisher, mustCreateCaller(t, all, publisher))))
		return s.Deliver(t, f.Name, mustFindLastEvent(t, all, f.Events[0]))
	}
	for _, right := range testsample.Of(t, restrictedRights(), 12) {
		t.Run(right.String(), func(t *testing.T) { // one at a time, for their events
			response := call(t, right, right.all)
			if other, found := otherRequests[right.String()]; found {
				response.MustBe(t, other.status)
			} else {
				requireSuccess(t, response)
			}
			if response := call(t, right, right.without); response.Status != http.StatusInternalServerError {
				t.Errorf("without this right the response is %d %s, want 500", response.Status, response.Body)
			}
		})
	}
}

// mustOutdateHashes replaces the password hashes of all accounts by those of another cost,
// which a login updates.
func mustOutdateHashes(t *testing.T, s *functiontest.Server) {
	t.Helper()
	hash, err := argon2id.CreateHash(fixtures.Password, &argon2id.Params{Memory: 8, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.DB.ExecContext(t.Context(), `UPDATE user SET password_hash = ?`, hash); err != nil {
		t.Fatal(err)
	}
}

// restrictedRight is one right of a function to a restricted column.
type restrictedRight struct {
	function manifest.Function
	verb     string
	column   manifest.RestrictedColumn
	// all are the function's rights, and without are all but this one.
	all, without database.Rights
}

func (r restrictedRight) String() string {
	return r.function.Name + " needs to " + r.verb + " " + r.column.Table + "." + r.column.Column
}

func restrictedRights() []restrictedRight {
	list := functions.Manifest()
	var rights []restrictedRight
	for _, column := range list.RestrictedColumns {
		name := database.Column{Table: column.Table, Name: column.Column}
		add := func(function, verb string, without func(*database.Rights)) {
			f, _ := list.Function(function)
			r := restrictedRight{f, verb, column, list.Rights(f.Service, f.Name), list.Rights(f.Service, f.Name)}
			without(&r.without)
			rights = append(rights, r)
		}
		for _, function := range column.Read {
			add(function, "read", func(r *database.Rights) { r.NoRead = append(r.NoRead, name) })
		}
		for _, function := range column.Write {
			add(function, "write", func(r *database.Rights) { r.NoWrite = append(r.NoWrite, name) })
		}
	}
	return rights
}

// mustFindLastEvent returns the last event of a topic that a service has published.
func mustFindLastEvent(t *testing.T, s *functiontest.Server, topic string) event.Event {
	t.Helper()
	published := s.Published.Events(topic)
	if len(published) == 0 {
		t.Fatalf("no event %s was published", topic)
	}
	return published[len(published)-1]
}
