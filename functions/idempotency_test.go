package functions_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/function/functiontest"
	"souk/shared/idempotency"
	"souk/shared/manifest"
)

// keyedFunction is a function under test that accepts an Idempotency-Key.
type keyedFunction struct {
	s  *functiontest.Server
	f  manifest.Function
	by account
}

// newRequest returns a new request with the key that succeeds.
func (k keyedFunction) newRequest(t testing.TB, key string) functiontest.Request {
	t.Helper()
	return withKey(requestTo(t, k.s, k.f, k.by), key)
}

func withKey(r functiontest.Request, key string) functiontest.Request {
	r.Header = maps.Clone(r.Header)
	r.Header[idempotency.HeaderKey] = key
	return r
}

func replayed(response functiontest.Response) bool {
	return response.Header.Get(idempotency.HeaderReplayed) != ""
}

// TestIdempotency repeats requests to every function that accepts a key. The functions of
// a service share a caller and the first key, and are tested one after the other: the
// tests compare the content of the database before and after a request.
func TestIdempotency(t *testing.T) {
	t.Parallel()
	shared := uuid.NewString()
	forEachFunction(t, func(t *testing.T, s *functiontest.Server, f manifest.Function) {
		if f.Method() != http.MethodPost {
			return
		}
		if f.IdempotencyRule() == manifest.NoKey {
			requireKeysIgnored(t, s, f)
			return
		}
		k := keyedFunction{s, f, mustCreateCallerAs(t, s, f, auth.Owner)}
		requireSuccess(t, s.Do(t, k.newRequest(t, uuid.NewString()))) // creates what a caller's first request creates
		t.Run("the first response is replayed without a second effect", func(t *testing.T) { k.testReplay(t, shared) })
		t.Run("a key belongs to its caller", k.testScope)
		t.Run("an invalid key is refused, and a required key that is missing", k.testKeys)
		t.Run("an invalid request does not use its key", k.testInvalid)
		t.Run("a 404 is not stored", k.testMissing)
		t.Run("parallel sends, some of them disconnected, have one effect and one response", k.testParallel)
	})
}

// requireKeysIgnored requires that a function that does not accept keys ignores them.
func requireKeysIgnored(t *testing.T, s *functiontest.Server, f manifest.Function) {
	t.Helper()
	by, key := mustCreateCaller(t, s, f), uuid.NewString()
	for range 2 {
		response := s.Do(t, withKey(requestTo(t, s, f, by), key))
		if requireSuccess(t, response); replayed(response) {
			t.Error("the response is a replay")
		}
	}
}

func (k keyedFunction) testReplay(t *testing.T, key string) {
	r := k.newRequest(t, key)
	before := mustReadState(t, k.s)
	first := k.s.Do(t, r)
	if requireSuccess(t, first); replayed(first) {
		t.Fatalf("the response is that of another function with the same key: %s", first.Body)
	}
	after := mustReadState(t, k.s)
	if maps.Equal(before.sums, after.sums) {
		t.Fatal("the request changed nothing, so this test checks nothing")
	}
	for range 3 {
		again := k.s.Do(t, r)
		if onlyFirst.Match(again.Body) {
			t.Error("the replay has the secret")
		}
		requireReplay(t, first, again)
	}
	other := r
	other.Body = `{"other":"payload"}`
	k.s.Do(t, other).MustBeProblem(t, http.StatusUnprocessableEntity, "idempotency_key_reused")
	other = r
	other.Path += "?other=query"
	k.s.Do(t, other).MustBeProblem(t, http.StatusUnprocessableEntity, "idempotency_key_reused")
	if diff := cmp.Diff(after.sums, mustReadState(t, k.s).sums); diff != "" {
		t.Errorf("requests with a used key changed tables (-before +after):\n%s", diff)
	}
}

func (k keyedFunction) testScope(t *testing.T) {
	r := k.newRequest(t, uuid.NewString())
	requireSuccess(t, k.s.Do(t, r))
	other := r
	other.Token = mustCreateCallerAs(t, k.s, k.f, auth.Owner).token
	if response := k.s.Do(t, other); replayed(response) || response.Status == http.StatusUnprocessableEntity {
		t.Errorf("the key of another caller affects this caller: %d %s", response.Status, response.Body)
	}
}

func (k keyedFunction) testKeys(t *testing.T) {
	r := requestTo(t, k.s, k.f, k.by)
	before := mustReadState(t, k.s)
	for _, key := range []string{" ", "two words", "ümlaut", "a\tb", strings.Repeat("k", idempotency.MaxKeyLength+1)} {
		response := k.s.Do(t, withKey(r, key))
		response.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		if !strings.Contains(string(response.Body), `"header.Idempotency-Key"`) {
			t.Errorf("key %q: the response has no location of the error: %s", key, response.Body)
		}
	}
	if k.f.IdempotencyRule() == manifest.KeyRequired {
		k.s.Do(t, withKey(r, "")).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	}
	if diff := cmp.Diff(before.sums, mustReadState(t, k.s).sums); diff != "" {
		t.Errorf("a refused request changed tables (-before +after):\n%s", diff)
	}
	if k.f.IdempotencyRule() != manifest.KeyRequired {
		requireSuccess(t, k.s.Do(t, withKey(r, "")))
	}
}

func (k keyedFunction) testInvalid(t *testing.T) {
	valid := k.newRequest(t, uuid.NewString())
	before := mustReadState(t, k.s)
	bad := valid
	bad.Path += "?unexpected=1"
	k.s.Do(t, bad).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	after := mustReadState(t, k.s)
	if !maps.Equal(before.sums, after.sums) || before.keys != after.keys {
		t.Error("a refused request changed rows")
	}
	response := k.s.Do(t, valid)
	if requireSuccess(t, response); replayed(response) {
		t.Error("the response to a refused request was stored")
	}
}

// testMissing sends a request for a missing id twice.
func (k keyedFunction) testMissing(t *testing.T) {
	if !strings.Contains(k.f.Path(), "{") {
		return
	}
	r := k.newRequest(t, uuid.NewString())
	r.Path = strings.Replace(r.Path, pathID(t, k.f, r.Path), uuid.NewString(), 1)
	keys := mustReadState(t, k.s).keys
	for range 2 {
		response := k.s.Do(t, r)
		if response.MustBe(t, http.StatusNotFound); replayed(response) {
			t.Error("the 404 was stored")
		}
	}
	if got := mustReadState(t, k.s).keys; got != keys {
		t.Errorf("%d more keys are stored", got-keys)
	}
}

// requireReplay requires that a response is a replay of another, byte for byte, except a secret.
func requireReplay(t testing.TB, first, again functiontest.Response) {
	t.Helper()
	if again.Header.Get(idempotency.HeaderReplayed) != "true" {
		t.Errorf("not a replay: %d %s", again.Status, again.Body)
	}
	first, again = withoutSecret(t, first), withoutSecret(t, again)
	if again.Status != first.Status || string(again.Body) != string(first.Body) {
		t.Errorf("replayed %d %s, want %d %s", again.Status, again.Body, first.Status, first.Body)
	}
	for _, name := range []string{"Content-Type", "Location", "Content-Length", "ETag"} {
		if again.Header.Get(name) != first.Header.Get(name) {
			t.Errorf("replayed %s: %q, want %q", name, again.Header.Get(name), first.Header.Get(name))
		}
	}
}

// withoutSecret returns a response without the secret that only a first response has.
func withoutSecret(t testing.TB, r functiontest.Response) functiontest.Response {
	t.Helper()
	secret := onlyFirst.Find(r.Body)
	if secret == nil {
		return r
	}
	r.Body = bytes.Replace(r.Body, secret, nil, 1)
	r.Header = r.Header.Clone()
	r.Header.Set("Content-Length", strconv.Itoa(len(r.Body)))
	return r
}

// onlyFirst matches the member of a body that is not stored for a replay: a secret of an endpoint or key.
var onlyFirst = regexp.MustCompile(`,"secret":"[^"]*"`)

// state describes the content of a database: the checksum and number of rows of each
// table, and the number of idempotency keys.
type state struct {
	sums map[string]string
	rows map[string]int
	keys int
}

// mustReadState reads the state of a service's database.
func mustReadState(t testing.TB, s *functiontest.Server) state {
	t.Helper()
	now := state{sums: map[string]string{}, rows: map[string]int{}}
	for _, table := range mustListTables(t, s) {
		var rows int
		if err := s.DB.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM `"+table+"`").Scan(&rows); err != nil {
			t.Fatal(err)
		}
		if table == "idempotency_key" {
			now.keys = rows
			continue
		}
		var name, sum string
		if err := s.DB.QueryRowContext(t.Context(), "CHECKSUM TABLE `"+table+"`").Scan(&name, &sum); err != nil {
			t.Fatal(err)
		}
		now.rows[table], now.sums[table] = rows, fmt.Sprint(rows, " rows, sum ", sum)
	}
	return now
}

func mustListTables(t testing.TB, s *functiontest.Server) (tables []string) {
	t.Helper()
	rows, err := s.DB.QueryContext(t.Context(), `
		SELECT table_name FROM information_schema.tables
		WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var table string
		if err := rows.Scan(&table); err != nil {
			t.Fatal(err)
		}
		tables = append(tables, table)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return tables
}
