package functions_test

import (
	"crypto/rand"
	"crypto/sha256"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

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
	if f.Access.IsStaff() {
		return mustCreateCallerAs(t, s, f, auth.Owner)
	}
	return mustCreateCallerAs(t, s, f, auth.Customer)
}

// mustSignIn creates an account with a role and returns it with the token of a login.
func mustSignIn(t testing.TB, s *functiontest.Server, role auth.Role) account {
	t.Helper()
	email := uuid.NewString() + "@example.com"
	id, err := user.Seed(t.Context(), s.DB, email, fixtures.Password, role)
	if err != nil {
		t.Fatal(err)
	}
	requireSuccess(t, s.Do(t, fixtures.LogIn(email, fixtures.Password)))
	var session uuid.UUID
	if err := s.DB.QueryRowContext(t.Context(), `SELECT id FROM session WHERE user_id = ?`, id[:]).Scan(&session); err != nil {
		t.Fatal(err)
	}
	// No revocation covers the token, so it remains valid after a request that ends rights.
	token := s.Token(t, auth.Principal{UserID: id, Role: role, SessionID: session, RightsVersion: math.MaxInt64})
	return account{id: id, role: role, token: token}
}

// mustCreateCallerAs creates an account with a role, and a token that the function accepts.
func mustCreateCallerAs(t testing.TB, s *functiontest.Server, f manifest.Function, role auth.Role) account {
	t.Helper()
	if examples[f.Name].signedIn {
		return mustSignIn(t, s, role)
	}
	a := account{role: role}
	if role == auth.Owner && f.Service == "user" {
		var err error
		if a.id, err = user.Seed(t.Context(), s.DB, uuid.NewString()+"@example.com", fixtures.Password, role); err != nil {
			t.Fatal(err)
		}
	} else {
		a.id = mustCallerID(t, s, f)
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
	// One word, so that every product has as many beginnings of words.
	body["sku"] = "SKU" + strings.ReplaceAll(uuid.NewString(), "-", "")
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

// checkoutBody returns the content of a checkout with every field.
func checkoutBody(t testing.TB, s *functiontest.Server, by account) object {
	t.Helper()
	return object{
		"items": orderBody(t, s, by)["items"], "email?": "amira@example.com", "name?": "Amira Haddad", "shippingAddress?": postalAddress(),
		"billingAddress?": postalAddress(), "shippingMethod?": "standard", "discountCodes?": []any{"WELCOME10"},
	}
}

// checkoutChange returns a change of every field of a checkout. Addresses are merged, so that all of
// their fields are optional.
func checkoutChange(t testing.TB, s *functiontest.Server, by account) object {
	t.Helper()
	body := markOptional(checkoutBody(t, s, by), "items")
	for _, name := range []string{"shippingAddress?", "billingAddress?"} {
		body[name] = markOptional(fixtures.Address(), slices.Collect(maps.Keys(fixtures.Address()))...)
	}
	return body
}

// createCheckout creates a checkout that can be completed.
func createCheckout(t testing.TB, s *functiontest.Server, owner account) uuid.UUID {
	t.Helper()
	body := checkoutBody(t, s, owner)
	delete(body, "discountCodes?")
	return mustPost(t, s, "/v1/checkouts", owner.token, expand(body, true))
}

// createOrder returns a function that places an order and advances it by steps: an event
// that the service receives, or the last segment of an admin's request.
func createOrder(steps ...string) func(testing.TB, *functiontest.Server, account) uuid.UUID {
	return func(t testing.TB, s *functiontest.Server, owner account) uuid.UUID {
		t.Helper()
		return advanceOrder(t, s, placeOrder(t, s, owner, expand(orderBody(t, s, owner), true)), steps)
	}
}

// placeOrder places an order of an account, or with a checkout of a guest if the account has no token.
func placeOrder(t testing.TB, s *functiontest.Server, owner account, body any) uuid.UUID {
	t.Helper()
	if owner.token != "" {
		return mustPost(t, s, "/v1/orders", owner.token, body)
	}
	var content object
	mustDecode(t, []byte(mustJSON(t, body)), &content)
	content["email"], content["name"], content["billingAddress"] = "guest@example.com", "Gaia Guest", fixtures.Address()
	response := s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/checkouts", Body: content})
	requireSuccess(t, response)
	var checkout struct {
		ID      uuid.UUID `json:"id"`
		Token   string    `json:"token"`
		Version int       `json:"version"`
		Total   any       `json:"total"`
	}
	mustDecode(t, response.Body, &checkout)
	return mustPost(t, s, "/v1/checkouts/"+checkout.ID.String()+"/complete", checkout.Token, object{"version": checkout.Version, "total": checkout.Total})
}

// advanceOrder advances an order by steps and returns its id: see createOrder.
func advanceOrder(t testing.TB, s *functiontest.Server, id uuid.UUID, steps []string) uuid.UUID {
	t.Helper()
	for _, step := range steps {
		if step[0] == '/' {
			mustPost(t, s, "/v1/orders/"+id.String()+step, s.Tokens.Admin(t), nil)
			continue
		}
		s.Deliver(t, "order-confirm", functiontest.NewEvent(t, step, object{"orderId": id})).MustBe(t, http.StatusNoContent)
	}
	return id
}

// createOrderNote adds a note to an order.
func createOrderNote(t testing.TB, s *functiontest.Server, order uuid.UUID) uuid.UUID {
	t.Helper()
	return mustPost(t, s, "/v1/orders/"+order.String()+"/notes", s.Tokens.Admin(t), object{"text": "Asked for delivery after 5 p.m."})
}

// createUserNote adds a note to an account.
func createUserNote(t testing.TB, s *functiontest.Server, account uuid.UUID) uuid.UUID {
	t.Helper()
	return mustPost(t, s, "/v1/users/"+account.String()+"/notes", s.Tokens.Admin(t), object{"text": "Asked for delivery after 5 p.m."})
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

// shopSettings returns settings that do not change the prices of other tests' orders, except for
// their tax: no zone has shipping.
func shopSettings() object {
	return object{
		"currency?": "EUR", "pricesIncludeTax?": true, "zones?": []any{},
		"taxRates?": []any{object{"country": "AQ", "region?": "Nowhere", "class?": "reduced", "rate": 70_000}},
	}
}

// discountTerms returns the fields of a discount that can change.
func discountTerms() object {
	return object{
		"name?": "Tea time", "rate?": 150_000, "minimumTotal?": fixtures.Price(2000), "productIds?": []any{uuid.NewString()}, "categories?": []any{"tea"},
		"from?": "2026-01-01T00:00:00Z", "until?": "2027-01-01T00:00:00Z", "maxUses?": 10, "maxUsesPerCustomer?": 1, "exclusive?": true,
	}
}

// discountBody returns a discount with a code of its own. It sets the currency of the shop.
func discountBody(t testing.TB, s *functiontest.Server, _ account) object {
	t.Helper()
	requireSuccess(t, s.Do(t, functiontest.Request{
		Method: http.MethodPatch, Path: "/v1/settings", Token: s.Tokens.Admin(t), Header: map[string]string{"If-Match": "*"}, Body: object{"currency": "EUR"},
	}))
	body := discountTerms()
	delete(body, "name?")
	delete(body, "rate?")
	body["name"], body["kind"], body["rate"], body["code"] = "Tea time", "percentage", 100_000, "CODE-"+uuid.NewString()
	return body
}

func createDiscount(t testing.TB, s *functiontest.Server, owner account) uuid.UUID {
	t.Helper()
	return mustPost(t, s, "/v1/discounts", s.Tokens.Admin(t), expand(discountBody(t, s, owner), true))
}

// roleBody returns a role with a name of its own.
func roleBody(testing.TB, *functiontest.Server, account) object {
	return object{"name": "r-" + uuid.NewString()[:18], "permissions": []any{"orders.read", "orders.write"}}
}

func createRole(t testing.TB, s *functiontest.Server, by account) uuid.UUID {
	t.Helper()
	return mustPost(t, s, "/v1/roles", mustIssueStaffToken(t, s), expand(roleBody(t, s, by), true))
}

// mustIssueStaffToken returns the token of an owner who has an account.
func mustIssueStaffToken(t testing.TB, s *functiontest.Server) string {
	t.Helper()
	id, err := user.Seed(t.Context(), s.DB, uuid.NewString()+"@example.com", fixtures.Password, auth.Owner)
	if err != nil {
		t.Fatal(err)
	}
	return s.Token(t, auth.Principal{UserID: id, Role: auth.Owner})
}

func createKey(t testing.TB, s *functiontest.Server, owner account) uuid.UUID {
	t.Helper()
	return mustPost(t, s, "/v1/keys", mustIssueStaffToken(t, s), expand(deriveExample(t, mustFindFunction(t, "key-create")).body(t, s, owner), true))
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

func emailChangeBody(testing.TB, *functiontest.Server, account) object {
	return object{"email": uuid.NewString() + "@example.com"}
}

// emailConfirmBody returns the token of a new change of the caller's address.
func emailConfirmBody(t testing.TB, s *functiontest.Server, by account) object {
	t.Helper()
	return object{"token": mustStoreEmailChange(t, s, by.id, "token_hash", nil)}
}

// emailRevertBody returns the token of a confirmed change of the address of a new account.
func emailRevertBody(t testing.TB, s *functiontest.Server, _ account) object {
	t.Helper()
	id, _ := mustSeedAccount(t, s)
	return object{"token": mustStoreEmailChange(t, s, id, "revert_hash", time.Now().UTC())}
}

// mustStoreEmailChange stores a change of an account's address with the hash of a token in
// a column, and returns the token.
func mustStoreEmailChange(t testing.TB, s *functiontest.Server, user uuid.UUID, column string, confirmedAt any) string {
	t.Helper()
	change := uuid.New()
	now := time.Now().UTC()
	return mustStoreMailToken(t, s, `
		INSERT INTO email_change (`+column+`, id, user_id, old_email, new_email, created_at, confirmed_at, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, change[:], user[:], uuid.NewString()+"@example.com", uuid.NewString()+"@example.com", now, confirmedAt, now.Add(time.Hour))
}
