package user

import (
	"net/http"
	"testing"

	"souk/shared/auth"
	"souk/shared/function/functiontest"
)

func TestUpdate(t *testing.T) {
	t.Parallel()
	s := open(t)
	ada := s.mustRegister(t, "ada@example.com")
	token := s.Token(t, auth.Principal{UserID: ada.ID, Role: auth.Customer})
	patch := func(t *testing.T, token, ifMatch string, body any) functiontest.Response {
		t.Helper()
		request := functiontest.Request{Method: http.MethodPatch, Path: "/v1/users/me", Token: token, Body: body}
		if ifMatch != "" {
			request.Header = map[string]string{"If-Match": ifMatch}
		}
		return s.Do(t, request)
	}
	t.Run("the name changes, if the version is current", func(t *testing.T) {
		t.Parallel()
		got := patch(t, token, `"1"`, object{"name": " Ada King "})
		var u User
		got.MustBe(t, http.StatusOK).Into(t, &u)
		if u.Name != "Ada King" || u.Version != 2 || u.Email != ada.Email || got.Header.Get("ETag") != `"2"` {
			t.Fatalf("got %+v, ETag %s", u, got.Header.Get("ETag"))
		}
		patch(t, token, `"1"`, object{"name": "Late"}).MustBeProblem(t, http.StatusPreconditionFailed, "version_mismatch")
	})
	t.Run("phone and VAT number are normalized, and cleared by null or an empty text", func(t *testing.T) {
		t.Parallel()
		bea := s.mustRegister(t, "bea@example.com")
		token := s.Token(t, auth.Principal{UserID: bea.ID, Role: auth.Customer})
		for _, step := range []struct {
			body             object
			phone, vatNumber string
			version          int64
		}{
			{object{"phone": "+49 (30) 1234-5678"}, "+493012345678", "", 2},
			{object{"vatNumber": " de 123.456-789 "}, "+493012345678", "DE123456789", 3},
			{object{"phone": "+493012345678", "vatNumber": "DE123456789", "name": bea.Name}, "+493012345678", "DE123456789", 3},
			{object{"phone": nil}, "", "DE123456789", 4},
			{object{"vatNumber": ""}, "", "", 5},
		} {
			var u User
			patch(t, token, "*", step.body).MustBe(t, http.StatusOK).Into(t, &u)
			if u.Phone != step.phone || u.VATNumber != step.vatNumber || u.Version != step.version || u.Name != bea.Name {
				t.Errorf("%v: got %+v", step.body, u)
			}
		}
	})
	t.Run("invalid input and missing accounts are rejected", func(t *testing.T) {
		t.Parallel()
		patch(t, token, "", object{"name": "X"}).MustBeProblem(t, http.StatusPreconditionRequired, "precondition_required")
		for _, body := range []object{{"name": ""}, {"name": " "}, {"name": "a\nb"}, {"name": nil}, {"phone": "030 1234567"},
			{"phone": "+49"}, {"vatNumber": "DE12"}, {"vatNumber": "123456789"}, {"role": "admin"}, {"email": "eve@example.com"}} {
			patch(t, token, "*", body).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		}
		patch(t, "", "*", object{"name": "X"}).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
		_, deleted := s.Tokens.Customer(t)
		patch(t, deleted, "*", object{"name": "X"}).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
	})
}
