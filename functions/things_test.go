package functions_test

import (
	"crypto/rand"
	"crypto/sha256"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/functions/user"
	"souk/shared/auth"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// MustEnter returns an account of the role that the function needs.
func MustEnter(t testing.TB, s *functiontest.Server, f manifest.Function) account {
	t.Helper()
	if f.Access == manifest.Admin {
		return mustEnterAs(t, s, f, auth.Admin)
	}
	return mustEnterAs(t, s, f, auth.Customer)
}

// mustSignIn returns a new account with the token of a login.
func mustSignIn(t testing.TB, s *functiontest.Server) account {
	t.Helper()
	id, email := mustRegister(t, s)
	var tokens struct{ AccessToken string }
	answer := s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/sessions", Body: object{"email": email, "password": password}})
	mustSucceed(t, answer)
	mustDecode(t, answer.Body, &tokens)
	return account{id: id, role: auth.Customer, token: tokens.AccessToken}
}

func mustEnterAs(t testing.TB, s *functiontest.Server, f manifest.Function, role auth.Role) account {
	t.Helper()
	a := account{role: role}
	if role == auth.Admin && f.Service == "user" {
		var err error
		if a.id, err = user.Seed(t.Context(), s.DB, uuid.NewString()+"@example.com", password, role); err != nil {
			t.Fatal(err)
		}
	} else {
		a.id = mustAccount(t, s, f)
	}
	if examples[f.Name].signedIn && role == auth.Customer {
		return mustSignIn(t, s)
	}
	// No revocation covers the token: it works after a request that ends its rights.
	a.token = s.Token(t, auth.Principal{UserID: a.id, Role: role, RightsVersion: math.MaxInt64})
	return a
}

// mustPost sends a request that makes something and returns its id.
func mustPost(t testing.TB, s *functiontest.Server, path, token string, body any) uuid.UUID {
	t.Helper()
	answer := s.Do(t, functiontest.Request{Method: http.MethodPost, Path: path, Token: token, Body: body})
	mustSucceed(t, answer)
	var made struct {
		ID uuid.UUID `json:"id"`
	}
	mustDecode(t, answer.Body, &made)
	return made.ID
}

// fixed returns a body that is always the same.
func fixed(body object) func(testing.TB, *functiontest.Server, account) object {
	return func(testing.TB, *functiontest.Server, account) object { return body }
}

func aProduct(testing.TB, *functiontest.Server, account) object {
	return object{
		"sku": "SKU-" + uuid.NewString(), "name": "Assam", "description?": "Black tea.", "category?": "tea",
		"price": object{"amount": 1299, "currency?": "EUR"}, "stock?": 50,
		"images?": []any{"https://images.example.com/assam.webp"}, "attributes?": object{"origin?": "Assam", "weightGrams?": 250, "organic?": true},
	}
}

func productChange(t testing.TB, s *functiontest.Server, by account) object {
	t.Helper()
	change := object{}
	for name, value := range aProduct(t, s, by) {
		switch name {
		case "sku", "stock?":
		case "name", "price":
			change[name+"?"] = value
		default:
			change[name] = value
		}
	}
	return change
}

func onProduct(t testing.TB, s *functiontest.Server, by account) uuid.UUID {
	t.Helper()
	return mustPost(t, s, "/v1/products", s.Tokens.Admin(t), named(aProduct(t, s, by), true))
}

// anOrder returns an order of a product that the service has heard of.
func anOrder(t testing.TB, s *functiontest.Server, _ account) object {
	t.Helper()
	product := uuid.New()
	s.Deliver(t, "catalog-sync", functiontest.NewEvent(t, "product-changed", object{
		"productId": product, "sku": "SKU", "name": "Assam", "price": object{"amount": 1299, "currency": "EUR"}, "status": "active", "version": 1,
	})).MustBe(t, http.StatusNoContent)
	return object{
		"items":            []any{object{"productId": product.String(), "quantity": 2}},
		"shippingAddress?": aPostalAddress(),
	}
}

// onOrder returns what places an order and takes it so many steps: events that it
// hears of, or what an admin does with it.
func onOrder(steps ...string) func(testing.TB, *functiontest.Server, account) uuid.UUID {
	return func(t testing.TB, s *functiontest.Server, owner account) uuid.UUID {
		t.Helper()
		id := mustPost(t, s, "/v1/orders", owner.token, named(anOrder(t, s, owner), true))
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

func anAccount(testing.TB, *functiontest.Server, account) object {
	return object{"email": uuid.NewString() + "@example.com", "password": password, "name": "Ada Lovelace"}
}

func onAccount(t testing.TB, s *functiontest.Server, _ account) uuid.UUID {
	t.Helper()
	id, _ := mustRegister(t, s)
	return id
}

func anAddress(testing.TB, *functiontest.Server, account) object {
	return aPostalAddress()
}

func aPostalAddress() object {
	return object{
		"name": "Amira Haddad", "company?": "Haddad Trading", "line1": "12 Market Street", "line2?": "2nd floor",
		"postalCode?": "14467", "city": "Potsdam", "region?": "Brandenburg", "country": "DE", "phone?": "+493311234567",
	}
}

func addressChange(testing.TB, *functiontest.Server, account) object {
	change := object{}
	for name, value := range aPostalAddress() {
		change[strings.TrimSuffix(name, "?")+"?"] = value
	}
	return change
}

func onAddress(t testing.TB, s *functiontest.Server, owner account) uuid.UUID {
	t.Helper()
	return mustPost(t, s, "/v1/users/me/addresses", owner.token, named(anAddress(t, s, owner), true))
}

func aLogin(t testing.TB, s *functiontest.Server, _ account) object {
	t.Helper()
	_, email := mustRegister(t, s)
	return object{"email": email, "password": password}
}

func aRefresh(t testing.TB, s *functiontest.Server, by account) object {
	t.Helper()
	answer := s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/sessions", Body: aLogin(t, s, by)})
	mustSucceed(t, answer)
	var tokens struct{ RefreshToken string }
	mustDecode(t, answer.Body, &tokens)
	return object{"refreshToken": tokens.RefreshToken}
}

// mustMail stores the hash of a token for one row of the user service, as if the token
// had been mailed, and returns the token. The statement's first argument is the hash.
func mustMail(t testing.TB, s *functiontest.Server, statement string, args ...any) string {
	t.Helper()
	token := rand.Text()
	hash := sha256.Sum256([]byte(token))
	result, err := s.DB.ExecContext(t.Context(), statement, append([]any{hash[:]}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		t.Fatalf("%d rows have the token: %v", n, err)
	}
	return token
}

func aVerification(t testing.TB, s *functiontest.Server, by account) object {
	t.Helper()
	id := mustPost(t, s, "/v1/users", "", anAccount(t, s, by))
	token := mustMail(t, s, `
		INSERT INTO email_confirmation (token_hash, email_key, expires_at)
		SELECT ?, email_key, expires_at
		FROM registration
		WHERE id = ?`, id[:])
	return object{"token": token, "password": password}
}

func aResetRequest(t testing.TB, s *functiontest.Server, _ account) object {
	t.Helper()
	_, email := mustRegister(t, s)
	return object{"email": email}
}

func aReset(t testing.TB, s *functiontest.Server, by account) object {
	t.Helper()
	wish := aResetRequest(t, s, by)
	mustSucceed(t, s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/password-resets", Body: wish}))
	token := mustMail(t, s, `UPDATE password_reset SET token_hash = ? WHERE email_key = ?`, wish["email"])
	return object{"token": token, "newPassword": "nine blue umbrellas"}
}
