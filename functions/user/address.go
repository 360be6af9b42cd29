package user

import (
	"net/http"
	"time"

	"github.com/google/uuid"

	"souk/shared/address"
	"souk/shared/api"
)

// maxAddresses is the maximum number of addresses of an account.
const maxAddresses = 50

// Address is an entry of an account's address book. Orders contain copies of addresses,
// so that a change of an address changes no order.
type Address struct {
	ID uuid.UUID `json:"id" format:"uuid"`
	address.PostalAddress
	Version   int64     `json:"version" doc:"The number of the address's current version. It is also the ETag." example:"1"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// addressResponse is the response that shows one address.
type addressResponse = api.Resource[Address]

func newAddressResponse(a Address) *addressResponse {
	return &addressResponse{ETag: api.ETag(a.Version), Body: a}
}

func tooManyAddresses() error {
	return api.NewProblem(http.StatusConflict, "too_many_addresses", "An account has at most %d addresses. Delete an address first.", maxAddresses)
}
