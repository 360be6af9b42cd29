package functions_test

import (
	"crypto/rand"
	"crypto/sha256"
	"math"
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/user"
	"souk/shared/auth"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// mustCreateCaller creates an account with the role that the function requires.
func mustCreateCaller(t testing.TB, s *functiontest.Server, f manifest.Function) account {
	t.Helper()
	if f.Access == manifest.Admin {
		return mustCreateCallerAs(t, s, f, auth.Admin)
	}
	return mustCreateCallerAs(t, s, f, auth.Customer)
}

// mustSignIn creates an account and returns it with the token of a login.
func mustSignIn(t testing.TB, s *functiontest.Server) account {
	t.Helper()
	id, email := mustSeedAccount(t, s)
	var tokens struct{ AccessToken string }
	response := s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/sessions", Body: fixtures.Login(email, fixtures.Password)})
	requireSuccess(t, response)
	mustDecode(t, response.Body, &tokens)
	return account{id: id, role: auth.Customer, token: tokens.AccessToken}
}

// mustCreateCallerAs creates an account with a role, and a token that the function accepts.
func mustCreateCallerAs(t testing.TB, s *functiontest.Server, f manifest.Function, role auth.Role) account {
	t.Helper()
	a := account{role: role}
	if role == auth.Admin && f.Service == "user" {
		var err error
		if a.id, err = user.Seed(t.Context(), s.DB, uuid.NewString()+"@example.com", fixtures.Password, role); err != nil {
			t.Fatal(err)
		}
	} else {
		a.id = mustCallerID(t, s, f)
	}
	if examples[f.Name].signedIn && role == auth.Customer {
		return mustSignIn(t, s)
	}
	// No revocation covers the token, so it remains valid after a request that ends rights.
	a.token = s.Token(t, auth.Principal{UserID: a.id, Role: role, RightsVersion: math.MaxInt64})
	return a
}

// mustPost sends a request that creates a resource, and returns its id.
func mustPost(t testing.TB, s *functiontest.Server, path, token string, body any) uuid.UUID {
	t.Helper()
	response := s.Do(t, functiontest.Request{Method: http.MethodPost, Path: path, Token: token, Body: body})
	requireSuccess(t, response)
	var created struct {
		ID uuid.UUID `json:"id"`
	}
	mustDecode(t, response.Body, &created)
	return created.ID
}

// markOptional adds a question mark to the names of optional fields.
func markOptional(body object, names ...string) object {
	for _, name := range names {
		body[name+"?"] = body[name]
		delete(body, name)
	}
	return body
}

// fixedBody returns a function that returns the same body each time.
func fixedBody(body object) func(testing.TB, *functiontest.Server, account) object {
	return func(testing.TB, *functiontest.Server, account) object { return body }
}

// productBody returns the documented example of product-create, with a SKU of its own.
func productBody(t testing.TB, s *functiontest.Server, by account) object {
	t.Helper()
	body := deriveExample(t, mustFindFunction(t, "product-create")).body(t, s, by)
	body["sku"] = "SKU-" + uuid.NewString()
	return body
}

func createProduct(t testing.TB, s *functiontest.Server, by account) uuid.UUID {
	t.Helper()
	return mustPost(t, s, "/v1/products", s.Tokens.Admin(t), expand(productBody(t, s, by), true))
}

// orderBody returns an order of a product that is in the service's copy of the catalogue.
func orderBody(t testing.TB, s *functiontest.Server, _ account) object {
	t.Helper()
	product := uuid.New()
	s.Deliver(t, "catalog-sync", functiontest.NewEvent(t, "product-changed", fixtures.ProductChanged(product, 1, "Assam", fixtures.Price(1299)))).MustBe(t, http.StatusNoContent)
	return object{"items": []any{fixtures.Item(product, 2)}, "shippingAddress?": postalAddress()}
}

// createOrder returns a function that places an order and advances it by steps: an event
// that the service receives, or the last segment of an admin's request.
func createOrder(steps ...string) func(testing.TB, *functiontest.Server, account) uuid.UUID {
	return func(t testing.TB, s *functiontest.Server, owner account) uuid.UUID {
		t.Helper()
		id := mustPost(t, s, "/v1/orders", owner.token, expand(orderBody(t, s, owner), true))
		for _, step := range steps {
			if step[0] == '/' {
				mustPost(t, s, "/v1/orders/"+id.String()+step, s.Tokens.Admin(t), nil)
				continue
			}
			s.Deliver(t, "order-confirm", functiontest.NewEvent(t, step, object{"orderId": id})).MustBe(t, http.StatusNoContent)
		}
		return id
	}
}

func registrationBody(testing.TB, *functiontest.Server, account) object {
	return fixtures.Registration(uuid.NewString() + "@example.com")
}

func createAccount(t testing.TB, s *functiontest.Server, _ account) uuid.UUID {
	t.Helper()
	id, _ := mustSeedAccount(t, s)
	return id
}

func addressBody(testing.TB, *functiontest.Server, account) object {
	return postalAddress()
}

func postalAddress() object {
	return markOptional(fixtures.Address(), "company", "line2", "postalCode", "region", "phone")
}

func createAddress(t testing.TB, s *functiontest.Server, owner account) uuid.UUID {
	t.Helper()
	return mustPost(t, s, "/v1/users/me/addresses", owner.token, expand(addressBody(t, s, owner), true))
}

func loginBody(t testing.TB, s *functiontest.Server, _ account) object {
	t.Helper()
	_, email := mustSeedAccount(t, s)
	return fixtures.Login(email, fixtures.Password)
}

func refreshBody(t testing.TB, s *functiontest.Server, by account) object {
	t.Helper()
	response := s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/sessions", Body: loginBody(t, s, by)})
	requireSuccess(t, response)
	var tokens struct{ RefreshToken string }
	mustDecode(t, response.Body, &tokens)
	return object{"refreshToken": tokens.RefreshToken}
}

// mustStoreMailToken stores the hash of a token in one row of the user service, as if the
// token had been mailed, and returns the token. The statement's first argument is the hash.
func mustStoreMailToken(t testing.TB, s *functiontest.Server, statement string, args ...any) string {
	t.Helper()
	token := rand.Text()
	hash := sha256.Sum256([]byte(token))
	result, err := s.DB.ExecContext(t.Context(), statement, append([]any{hash[:]}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		t.Fatalf("%d rows got the token, want 1: %v", n, err)
	}
	return token
}

func verificationBody(t testing.TB, s *functiontest.Server, by account) object {
	t.Helper()
	id := mustPost(t, s, "/v1/users", "", registrationBody(t, s, by))
	token := mustStoreMailToken(t, s, `
		INSERT INTO email_confirmation (token_hash, email_key, expires_at)
		SELECT ?, email_key, expires_at
		FROM registration
		WHERE id = ?`, id[:])
	return object{"token": token, "password": fixtures.Password}
}

func resetRequestBody(t testing.TB, s *functiontest.Server, _ account) object {
	t.Helper()
	_, email := mustSeedAccount(t, s)
	return object{"email": email}
}

func resetBody(t testing.TB, s *functiontest.Server, by account) object {
	t.Helper()
	request := resetRequestBody(t, s, by)
	requireSuccess(t, s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/password-resets", Body: request}))
	token := mustStoreMailToken(t, s, `UPDATE password_reset SET token_hash = ? WHERE email_key = ?`, request["email"])
	return fixtures.PasswordReset(token, fixtures.NewPassword)
}
