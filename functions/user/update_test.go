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
	t.Run("invalid input and missing accounts are rejected", func(t *testing.T) {
		t.Parallel()
		patch(t, token, "", object{"name": "X"}).MustBeProblem(t, http.StatusPreconditionRequired, "precondition_required")
		for _, body := range []object{{"name": ""}, {"name": " "}, {"name": "a\nb"}, {"role": "admin"}, {"email": "eve@example.com"}} {
			patch(t, token, "*", body).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		}
		patch(t, "", "*", object{"name": "X"}).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
		_, deleted := s.Tokens.Customer(t)
		patch(t, deleted, "*", object{"name": "X"}).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
	})
}
