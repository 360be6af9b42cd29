package user

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"souk/shared/apikey"
	"souk/shared/auth"
	"souk/shared/config"
	"souk/shared/function/functiontest"
	"souk/shared/idempotency"
	"souk/shared/manifest"
)

func TestCreateKey(t *testing.T) {
	t.Parallel()
	s := open(t)
	owner, token := s.mustAdmin(t)

	t.Run("the key is stored without its secret, which works at once", func(t *testing.T) {
		t.Parallel()
		got := s.key(t, token, http.MethodPost, "", "", keyBody()).MustBe(t, http.StatusCreated)
		var k KeyWithSecret
		var stored Key
		got.Into(t, &k)
		if !regexp.MustCompile(`^souk_live_[0-9A-Za-z]{49}$`).MatchString(k.Secret) || k.Secret[:apikey.HintLength] != k.Hint {
			t.Fatalf("the secret is %q, the hint %q", k.Secret, k.Hint)
		}
		s.Do(t, functiontest.Request{Method: http.MethodGet, Path: got.Header.Get("Location"), Token: token}).MustBe(t, http.StatusOK).Into(t, &stored)
		want := Key{
			ID: k.ID, Name: "Warehouse", Scopes: []manifest.Permission{"orders.read", "keys.read"}, Networks: []string{"127.0.0.0/8", "::1/128"},
			RatePerMinute: 60, Hint: k.Hint, CreatedBy: &owner.ID, RotatedAt: k.CreatedAt, Version: 1, CreatedAt: k.CreatedAt, UpdatedAt: k.CreatedAt,
		}
		if diff := cmp.Diff(want, stored); diff != "" {
			t.Errorf("(-want +stored):\n%s", diff)
		}
		if diff := cmp.Diff(stored, k.Key); diff != "" {
			t.Errorf("(-stored +response):\n%s", diff)
		}
		s.requireKey(t, k.Secret, true)
	})
	t.Run("the key of a local system is recognizable", func(t *testing.T) {
		t.Parallel()
		local := openWith(t, config.Environment{"SOUK_EMULATOR": "1"})
		_, admin := local.mustAdmin(t)
		if k := local.mustCreateKey(t, admin); !strings.HasPrefix(k.Secret, "souk_test_") {
			t.Errorf("the secret is %s", k.Secret)
		}
	})
	t.Run("a key without optional fields has their defaults", func(t *testing.T) {
		t.Parallel()
		var k KeyWithSecret
		s.key(t, token, http.MethodPost, "", "", object{"name": "ERP", "scopes": []string{"orders.read"}}).MustBe(t, http.StatusCreated).Into(t, &k)
		if k.RatePerMinute != defaultKeyRate || k.ExpiresAt != nil || len(k.Networks) != 0 {
			t.Errorf("got %+v", k.Key)
		}
	})

	future := time.Now().Add(time.Hour)
	for name, test := range map[string]struct {
		change   object
		location string
	}{
		"no name":                    {object{"name": ""}, "body.name"},
		"a name of two lines":        {object{"name": "a\nb"}, "body.name"},
		"no scope":                   {object{"scopes": []string{}}, "body.scopes"},
		"an unknown scope":           {object{"scopes": []string{"orders.read", "orders.delete"}}, "body.scopes[1]"},
		"a scope twice":              {object{"scopes": []string{"orders.read", "orders.read"}}, "body.scopes[1]"},
		"the right to create keys":   {object{"scopes": []string{"keys.write"}}, "body.scopes[0]"},
		"the right to appoint staff": {object{"scopes": []string{"orders.read", "staff.write"}}, "body.scopes[1]"},
		"a time that has passed":     {object{"expiresAt": future.Add(-2 * time.Hour)}, "body.expiresAt"},
		"an address as network":      {object{"networks": []string{"203.0.113.7"}}, "body.networks[0]"},
		"an address in a network":    {object{"networks": []string{"203.0.113.7/24"}}, "body.networks[0]"},
		"a network twice":            {object{"networks": []string{"2001:db8::/32", "2001:DB8::/32"}}, "body.networks[1]"},
		"IPv4 in IPv6":               {object{"networks": []string{"::ffff:203.0.113.0/120"}}, "body.networks[0]"},
		"a rate of 0":                {object{"ratePerMinute": 0}, "body.ratePerMinute"},
		"a high rate":                {object{"ratePerMinute": apikey.MaxRate + 1}, "body.ratePerMinute"},
		"an own secret":              {object{"secret": apikey.NewSecret(apikey.Live).Reveal()}, "body.secret"},
	} {
		t.Run(name+" is rejected", func(t *testing.T) {
			t.Parallel()
			body := keyBody()
			maps.Copy(body, test.change)
			got := s.key(t, token, http.MethodPost, "", "", body)
			got.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
			if locations := errorLocations(t, got); !slices.Equal(locations, []string{test.location}) {
				t.Errorf("got errors at %v, want %s", locations, test.location)
			}
		})
	}
	t.Run("scopes that the caller lacks are refused", func(t *testing.T) {
		t.Parallel()
		got := s.key(t, s.limited(t), http.MethodPost, "", "", keyBody())
		got.MustBeProblem(t, http.StatusForbidden, "scope_exceeds_role")
		if !strings.Contains(string(got.Body), "orders.read") || strings.Contains(string(got.Body), "keys.read") {
			t.Errorf("the problem does not name the permission: %s", got.Body)
		}
	})
}

// TestKeysAfterRoleChange changes the role of an account, whose token is not revoked: it neither
// creates a key, which would remain, nor changes one.
func TestKeysAfterRoleChange(t *testing.T) {
	t.Parallel()
	s := open(t)
	former, token := s.mustAdmin(t)
	k := s.mustCreateKey(t, token)
	s.mustPutRole(t, former.ID, auth.Manager)
	path := "/" + k.ID.String()
	s.key(t, token, http.MethodPost, "", "", keyBody()).MustBeProblem(t, http.StatusForbidden, "forbidden")
	s.key(t, token, http.MethodPost, path+"/rotate", "", object{}).MustBeProblem(t, http.StatusForbidden, "forbidden")
	s.key(t, token, http.MethodPatch, path, "*", object{"networks": nil}).MustBeProblem(t, http.StatusForbidden, "forbidden")
	s.key(t, token, http.MethodDelete, path, "*", nil).MustBeProblem(t, http.StatusForbidden, "forbidden")
	keeper, stale := s.mustHold(t, s.mustCreateRole(t, manifest.AllPermissions().List()...))
	s.mustPutRole(t, keeper.ID, s.mustCreateRole(t, manifest.KeysWrite, manifest.KeysRead).Name)
	s.key(t, stale, http.MethodPost, "", "", keyBody()).MustBeProblem(t, http.StatusForbidden, "scope_exceeds_role")
	if n := s.mustCount(t, `SELECT COUNT(*) FROM api_key`); n != 1 {
		t.Errorf("the shop has %d keys, want 1", n)
	}
	s.requireKey(t, k.Secret, true)
}

// TestSecretsAreShownOnce requires that neither the database nor the log has a secret, and that a
// replay of the response lacks it.
func TestSecretsAreShownOnce(t *testing.T) {
	t.Parallel()
	s := open(t)
	_, token := s.mustAdmin(t)
	send := func(path string, body object) (first, second KeyWithSecret) {
		t.Helper()
		r := functiontest.Request{
			Method: http.MethodPost, Path: keysPath + path, Token: token, Body: body, Header: map[string]string{idempotency.HeaderKey: uuid.NewString()},
		}
		response := s.Do(t, r)
		response.Into(t, &first)
		replay := s.Do(t, r).MustBe(t, response.Status)
		replay.Into(t, &second)
		if replay.Header.Get(idempotency.HeaderReplayed) != "true" || second.Secret != "" || first.Secret == "" {
			t.Errorf("the replay of a response with a secret has the secret %q, headers %v", second.Secret, replay.Header)
		}
		if diff := cmp.Diff(first.Key, second.Key); diff != "" {
			t.Errorf("(-first +replay):\n%s", diff)
		}
		return first, second
	}
	created, _ := send("", keyBody())
	rotated, _ := send("/"+created.ID.String()+"/rotate", object{})
	if created.Secret == rotated.Secret {
		t.Error("the rotation did not change the secret")
	}
	for _, secret := range []string{created.Secret, rotated.Secret} {
		s.requireKey(t, secret, true)
		s.requireKey(t, secret[:len(secret)-1]+"!", false)
		if secret = secret[apikey.HintLength:]; logs.Contains(secret) {
			t.Error("the log contains a secret")
		}
		for _, column := range s.mustFindText(t, secret) {
			t.Errorf("the column %s contains a secret", column)
		}
	}
	if found := s.mustFindText(t, created.Hint[:len("souk_live_")]); len(found) == 0 {
		t.Error("the search of the database finds nothing")
	}
}

// mustFindText returns the columns of the database that contain a text.
func (s server) mustFindText(t *testing.T, text string) (columns []string) {
	t.Helper()
	rows, err := s.DB.QueryContext(t.Context(), `SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = DATABASE()`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var names [][2]string
	for rows.Next() {
		var name [2]string
		if err := rows.Scan(&name[0], &name[1]); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if s.mustCount(t, "SELECT COUNT(*) FROM `"+n[0]+"` WHERE INSTR(CAST(`"+n[1]+"` AS BINARY), ?) > 0", text) > 0 {
			columns = append(columns, n[0]+"."+n[1])
		}
	}
	return columns
}

func TestCreateKeyLimitIsConcurrencySafe(t *testing.T) {
	t.Parallel()
	s := open(t)
	_, token := s.mustAdmin(t)
	for range apikey.MaxKeys - 3 {
		s.mustCreateKey(t, token)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if got := s.key(t, token, http.MethodPost, "", "", keyBody()); got.Status != http.StatusCreated {
				got.MustBeProblem(t, http.StatusConflict, "too_many_keys")
			}
		})
	}
	wg.Wait()
	if n := s.mustCount(t, `SELECT COUNT(*) FROM api_key`); n != apikey.MaxKeys {
		t.Fatalf("the shop has %d keys, want %d", n, apikey.MaxKeys)
	}
}
