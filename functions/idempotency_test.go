package functions_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/function/functiontest"
	"souk/shared/idempotency"
	"souk/shared/manifest"
)

// keyed is a function that takes an Idempotency-Key, under test.
type keyed struct {
	s  *functiontest.Server
	f  manifest.Function
	by account
}

// with returns a new request that succeeds, with that key.
func (k keyed) with(t testing.TB, key string) functiontest.Request {
	t.Helper()
	return withKey(requestTo(t, k.s, k.f, k.by), key)
}

func withKey(r functiontest.Request, key string) functiontest.Request {
	r.Header = maps.Clone(r.Header)
	r.Header[idempotency.HeaderKey] = key
	return r
}

func replayed(answer functiontest.Response) bool {
	return answer.Header.Get(idempotency.HeaderReplayed) != ""
}

// TestIdempotency sends requests again, of every function that takes a key. One
// service's functions share a caller and the first key, and are tested one after
// the other: what the database holds tells what a request did.
func TestIdempotency(t *testing.T) {
	t.Parallel()
	shared := uuid.NewString()
	forEachFunction(t, func(t *testing.T, s *functiontest.Server, f manifest.Function) {
		if f.Method() != http.MethodPost {
			return
		}
		if f.IdempotencyRule() == manifest.NoKey {
			mustIgnoreKeys(t, s, f)
			return
		}
		k := keyed{s, f, mustEnterAs(t, s, f, auth.Admin)}
		mustSucceed(t, s.Do(t, k.with(t, uuid.NewString()))) // makes what a caller's first request makes
		t.Run("the first answer is replayed, and nothing done twice", func(t *testing.T) { k.testReplay(t, shared) })
		t.Run("a key is its caller's own", k.testScope)
		t.Run("what is no key is refused, and a key that must be there", k.testKeys)
		t.Run("a request that breaks a rule leaves its key free", k.testInvalid)
		t.Run("a 404 is not stored", k.testMissing)
		t.Run("many at once, some cut off, have one effect and one answer", k.testParallel)
	})
}

// mustIgnoreKeys fails when a function that takes no key looks at one.
func mustIgnoreKeys(t *testing.T, s *functiontest.Server, f manifest.Function) {
	t.Helper()
	by, key := MustEnter(t, s, f), uuid.NewString()
	for range 2 {
		answer := s.Do(t, withKey(requestTo(t, s, f, by), key))
		if mustSucceed(t, answer); replayed(answer) {
			t.Error("the answer is a replay")
		}
	}
}

func (k keyed) testReplay(t *testing.T, key string) {
	r := k.with(t, key)
	before := mustState(t, k.s)
	first := k.s.Do(t, r)
	if mustSucceed(t, first); replayed(first) {
		t.Fatalf("the key of another function is this function's: %s", first.Body)
	}
	after := mustState(t, k.s)
	if maps.Equal(before.sums, after.sums) {
		t.Fatal("the request changed nothing: this test proves nothing")
	}
	for range 3 {
		mustReplay(t, first, k.s.Do(t, r))
	}
	other := r
	other.Body = `{"other":"payload"}`
	k.s.Do(t, other).MustBeProblem(t, http.StatusUnprocessableEntity, "idempotency_key_reused")
	other = r
	other.Path += "?other=query"
	k.s.Do(t, other).MustBeProblem(t, http.StatusUnprocessableEntity, "idempotency_key_reused")
	if again := mustState(t, k.s); !maps.Equal(after.sums, again.sums) {
		t.Errorf("sends of a key that was used changed tables: %v, then %v", after.sums, again.sums)
	}
}

func (k keyed) testScope(t *testing.T) {
	r := k.with(t, uuid.NewString())
	mustSucceed(t, k.s.Do(t, r))
	other := r
	other.Token = mustEnterAs(t, k.s, k.f, auth.Admin).token
	if answer := k.s.Do(t, other); replayed(answer) || answer.Status == http.StatusUnprocessableEntity {
		t.Errorf("the key of another caller is this caller's: %d %s", answer.Status, answer.Body)
	}
}

func (k keyed) testKeys(t *testing.T) {
	r := requestTo(t, k.s, k.f, k.by)
	before := mustState(t, k.s)
	for _, key := range []string{" ", "two words", "ümlaut", "a\tb", strings.Repeat("k", idempotency.MaxKeyLength+1)} {
		answer := k.s.Do(t, withKey(r, key))
		answer.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		if !strings.Contains(string(answer.Body), `"header.Idempotency-Key"`) {
			t.Errorf("key %q: the answer does not say where: %s", key, answer.Body)
		}
	}
	if k.f.IdempotencyRule() == manifest.KeyRequired {
		k.s.Do(t, withKey(r, "")).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	}
	if after := mustState(t, k.s); !maps.Equal(before.sums, after.sums) {
		t.Error("a request that was refused changed something")
	}
	if k.f.IdempotencyRule() != manifest.KeyRequired {
		mustSucceed(t, k.s.Do(t, withKey(r, "")))
	}
}

func (k keyed) testInvalid(t *testing.T) {
	good := k.with(t, uuid.NewString())
	before := mustState(t, k.s)
	bad := good
	bad.Path += "?unexpected=1"
	k.s.Do(t, bad).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	after := mustState(t, k.s)
	if !maps.Equal(before.sums, after.sums) || before.keys != after.keys {
		t.Error("a request that was refused left something")
	}
	answer := k.s.Do(t, good)
	if mustSucceed(t, answer); replayed(answer) {
		t.Error("the answer of a request that was refused was kept")
	}
}

// testMissing sends a request for an id that there is not, twice.
func (k keyed) testMissing(t *testing.T) {
	if !strings.Contains(k.f.Path(), "{") {
		return
	}
	r := k.with(t, uuid.NewString())
	before, rest, _ := strings.Cut(k.f.Path(), "{")
	_, after, _ := strings.Cut(rest, "}")
	r.Path = before + uuid.NewString() + after
	keys := mustState(t, k.s).keys
	for range 2 {
		response := k.s.Do(t, r)
		if response.MustBe(t, http.StatusNotFound); replayed(response) {
			t.Error("the 404 was stored")
		}
	}
	if got := mustState(t, k.s).keys; got != keys {
		t.Errorf("there are %d keys more", got-keys)
	}
}

// mustReplay fails unless an answer is another's replay, to the byte.
func mustReplay(t testing.TB, first, again functiontest.Response) {
	t.Helper()
	if again.Header.Get(idempotency.HeaderReplayed) != "true" {
		t.Errorf("not a replay: %d %s", again.Status, again.Body)
	}
	if again.Status != first.Status || string(again.Body) != string(first.Body) {
		t.Errorf("replayed %d %s, want %d %s", again.Status, again.Body, first.Status, first.Body)
	}
	for _, name := range []string{"Content-Type", "Location", "Content-Length", "ETag"} {
		if again.Header.Get(name) != first.Header.Get(name) {
			t.Errorf("replayed %s: %q, want %q", name, again.Header.Get(name), first.Header.Get(name))
		}
	}
}

// state is what a database holds: a checksum and a number of rows of each table,
// and how many idempotency keys.
type state struct {
	sums map[string]string
	rows map[string]int
	keys int
}

// mustState reads the state of a service's database.
func mustState(t testing.TB, s *functiontest.Server) state {
	t.Helper()
	now := state{sums: map[string]string{}, rows: map[string]int{}}
	for _, table := range mustTables(t, s) {
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

func mustTables(t testing.TB, s *functiontest.Server) (tables []string) {
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
