package user

import (
	"net/http"
	"time"

	"github.com/google/uuid"

	"souk/shared/address"
	"souk/shared/api"
)

// maxAddresses is how many addresses an account may have.
const maxAddresses = 50

// Address is an entry of an account's address book, to send orders to. An order has a
// copy of its own, so that a change here changes no order.
type Address struct {
	ID uuid.UUID `json:"id" format:"uuid"`
	address.PostalAddress
	Version   int64     `json:"version" doc:"Counts the changes." example:"1"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

type addressAnswer = api.Resource[Address]

func showAddress(a Address) *addressAnswer {
	return &addressAnswer{ETag: api.ETag(a.Version), Body: a}
}

func tooManyAddresses() error {
	return api.NewProblem(http.StatusConflict, "too_many_addresses", "An account has at most %d addresses. Delete one first.", maxAddresses)
}
