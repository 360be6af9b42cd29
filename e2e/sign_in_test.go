package e2e_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/pquerna/otp/totp"

	"souk/emulators/browsertest"
	"souk/functions/fixtures"
	"souk/shared/auth"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// factorRole is a role of staff that must have a second factor, in shops with pages.
const factorRole = "cashier-desk"

const signedOut = `location.pathname === "/account" && document.querySelector("input[name=newEmail]")`

// signIn enters the password of an account.
func (f storefront) signIn(email string) {
	f.open("/account")
	f.Wait(signedOut)
	f.fill(map[string]string{"email": email, "password": fixtures.Password})
	f.press("Sign in")
}

func (f storefront) signOut() {
	f.open("/account")
	f.press("Sign out")
	f.Wait(signedOut)
}

// signInWithPasskey signs in with the passkey of the tab's authenticator.
func (f storefront) signInWithPasskey(name string) {
	f.press("Sign in with a passkey")
	f.Wait(fmt.Sprintf(`document.body.textContent.includes("Hello %s")`, name))
}

// addPasskey registers a passkey on the page of the account's security.
func (f storefront) addPasskey(name string) {
	f.fill(map[string]string{"name": name})
	f.press("Add a passkey")
}

// awaitFactors waits until the page lists a number of factors.
func (f storefront) awaitFactors(n int) {
	f.Wait(fmt.Sprintf(`location.pathname === "/security" && document.querySelector("h1").textContent === "Sign-in and security" && document.querySelectorAll(".list li").length === %d`, n))
}

// storeRecoveryCodes returns the codes that the page shows, and leaves it.
func (f storefront) storeRecoveryCodes() []string {
	f.Wait(`document.querySelectorAll(".codes li").length === 10`)
	f.Check("security-codes", f.width, f.scheme)
	codes := browsertest.Value[[]string](f.Tab, `[...document.querySelectorAll(".codes code")].map((code) => code.textContent)`)
	f.press("I have stored them")
	return codes
}

// enterCode enters the second factor after the password.
func (f storefront) enterCode(code string) {
	f.Wait(`location.pathname === "/sign-in/code" && document.querySelector("input[name=code]")?.value === ""`)
	f.fill(map[string]string{"code": code})
	f.press("Sign in")
}

// accessToken returns the token of the page's session.
func (f storefront) accessToken() string {
	return browsertest.Value[string](f.Tab, `JSON.parse(localStorage.getItem("souk.tokens")).accessToken`)
}

// mustCode returns the code of an authenticator app at a time.
func mustCode(t *testing.T, secret string, at time.Time) string {
	t.Helper()
	code, err := totp.GenerateCode(secret, at)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// mustHireCashier returns the address of an account with the role that must have a second factor.
func (s *system) mustHireCashier(t *testing.T) (email string) {
	t.Helper()
	admin := s.admin(t)
	body := map[string]any{"name": factorRole, "permissions": []any{manifest.CustomersRead}}
	if created := s.do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/roles", Token: admin, Body: body}); created.Status != http.StatusCreated {
		created.MustBeProblem(t, http.StatusConflict, "role_exists") // by an earlier run
	}
	email = "staff-" + uuid.NewString() + "@example.com"
	account := s.mustRegister(t, email, fixtures.Password, "Basim")
	s.do(t, putRole(admin, account.ID, auth.Role(factorRole))).MustBe(t, http.StatusOK)
	return email
}

// TestSignInInBrowser has a member of staff and a customer enrol and sign in by passkeys and codes, on
// the pages of the example in Chromium with its authenticators.
func TestSignInInBrowser(t *testing.T) {
	parallel(t)
	browser := browsertest.Start(t)
	s, pages := openStorefront(t)
	t.Run("staff must enrol, in a wide window", func(t *testing.T) {
		f := storefront{browsertest.NewTab(browser, t), pages.origin(), "light", 1600}
		f.AddAuthenticator(false)
		s.staffSignsIn(t, f, s.mustHireCashier(t))
	})
	t.Run("a customer with a synchronized passkey, in a narrow window of an old browser", func(t *testing.T) {
		f := storefront{browsertest.NewTab(browser, t), pages.origin(), "dark", 400}
		f.AddAuthenticator(true)
		f.RunFirst(`delete PublicKeyCredential.parseCreationOptionsFromJSON; delete PublicKeyCredential.parseRequestOptionsFromJSON; delete PublicKeyCredential.prototype.toJSON`)
		email := "amira-" + uuid.NewString() + "@example.com"
		s.mustRegister(t, email, fixtures.Password, "Amira")
		f.signIn(email)
		f.Wait(`document.body.textContent.includes("Hello Amira")`)
		f.press("Sign-in and security")
		f.awaitFactors(0)
		f.addPasskey("Amira's phone")
		f.storeRecoveryCodes()
		f.awaitFactors(1)
		f.addPasskey("Amira's phone again")
		f.Wait(`document.body.textContent.includes("This device has a passkey of your account already.")`)
		f.Check("security", f.width, f.scheme)
		f.signOut()
		f.signInWithPasskey("Amira")
		f.signOut()
		f.signInWithPasskey("Amira") // the counters of such passkeys do not grow
	})
}

// staffSignsIn has an account that must enrol add and use all factors.
func (s *system) staffSignsIn(t *testing.T, f storefront, email string) {
	t.Helper()
	staffRead := getRequest("", "/v1/users?pageSize=1")
	f.signIn(email)
	f.awaitFactors(0)
	f.Wait(`document.querySelector(".notice").textContent.includes("needs a second factor")`)
	staffRead.Token = f.accessToken()
	s.do(t, staffRead).MustBe(t, http.StatusForbidden)
	f.addPasskey("Basim's laptop")
	codes := f.storeRecoveryCodes()
	f.awaitFactors(1)
	staffRead.Token = f.accessToken()
	s.do(t, staffRead).MustBe(t, http.StatusOK)
	secret := f.addApp(t)
	f.Check("security", f.width, f.scheme)

	f.signOut()
	f.Check("security-sign-in", f.width, f.scheme)
	f.signInWithPasskey("Basim")
	f.signOut()
	f.signIn(email)
	f.enterCode("000000")
	f.Wait(`document.body.textContent.includes("The code is wrong, or was used already.")`)
	f.Check("security-code", f.width, f.scheme)
	f.enterCode(mustCode(t, secret, time.Now().Add(30*time.Second))) // that of now was used
	f.Wait(`document.body.textContent.includes("Hello Basim")`)
	f.signOut()
	f.signIn(email)
	f.enterCode(codes[0])
	f.Wait(`document.body.textContent.includes("Hello Basim")`)

	f.press("Sign-in and security")
	f.awaitFactors(2)
	f.Wait(`document.body.textContent.includes("9 of 10 are left")`)
	s.mustExec(t, "user", `UPDATE session SET created_at = created_at - INTERVAL 6 MINUTE WHERE user_id = (SELECT id FROM user WHERE email = '`+email+`')`)
	f.addPasskey("Basim's phone")
	f.Wait(`location.pathname === "/sign-in" && document.body.textContent.includes("sign in again")`)
	f.press("Sign in with a passkey")
	f.awaitFactors(2)
	browsertest.Value[bool](f.Tab, `(window.confirm = () => true)()`)
	f.press("Remove") // the oldest one
	f.awaitFactors(1)
	f.signOut()
	f.press("Sign in with a passkey")
	f.Wait(`document.body.textContent.includes("The shop does not know this passkey.")`)
}

// addApp adds an authenticator app, and returns its secret.
func (f storefront) addApp(t *testing.T) (secret string) {
	t.Helper()
	f.press("Set up an app")
	f.Wait(`document.querySelector("#secret") && document.activeElement.name === "code"`)
	f.Check("security-app", f.width, f.scheme)
	secret = browsertest.Value[string](f.Tab, `document.querySelector("#secret").textContent.replaceAll(" ", "")`)
	f.Type(mustCode(t, secret, time.Now()))
	f.press("Confirm")
	f.awaitFactors(2)
	return secret
}
