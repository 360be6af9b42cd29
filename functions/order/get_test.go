package order_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/shared/function/functiontest"
)

func TestGet(t *testing.T) {
	t.Parallel()
	d := open(t)
	owner, other := d.customer(t), d.customer(t)
	o := d.mustPlace(t, owner, line(d.mustKnow(t, "Cup", 500), 1))
	path := "/v1/orders/" + o.ID.String()

	t.Run("shows it to its owner and to an admin", func(t *testing.T) {
		t.Parallel()
		for _, token := range []string{owner.token, d.Tokens.Admin(t)} {
			if got := d.mustGet(t, token, o.ID); got.ID != o.ID {
				t.Errorf("got order %s", got.ID)
			}
		}
	})

	t.Run("to all others it does not exist", func(t *testing.T) {
		t.Parallel()
		hidden := d.Do(t, functiontest.Request{Method: http.MethodGet, Path: path, Token: other.token})
		hidden.MustBeProblem(t, http.StatusNotFound, "order_not_found")
		d.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/orders/" + uuid.NewString(), Token: other.token}).
			MustBeProblem(t, http.StatusNotFound, "order_not_found")
		d.Do(t, functiontest.Request{Method: http.MethodGet, Path: path}).
			MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
	})

	t.Run("answers 304 until it moves", func(t *testing.T) {
		t.Parallel()
		moving := d.mustPlace(t, owner, line(d.mustKnow(t, "Pot", 900), 1))
		ask := functiontest.Request{Method: http.MethodGet, Path: "/v1/orders/" + moving.ID.String(), Token: owner.token,
			Header: map[string]string{"If-None-Match": `"1"`}}
		d.Do(t, ask).MustBe(t, http.StatusNotModified)
		d.mustHear(t, "stock-reserved", moving.ID, "")
		if got := d.Do(t, ask).MustBe(t, http.StatusOK).Header.Get("ETag"); got != `"2"` {
			t.Errorf(`ETag is %s, want "2"`, got)
		}
	})
}
