package user

import (
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"souk/shared/api"
)

// maxAddresses is how many addresses an account may have.
const maxAddresses = 50

// Address is one that an account keeps, to send orders to. An order has a copy of
// its own, so that a change here changes no order.
type Address struct {
	ID uuid.UUID `json:"id" format:"uuid"`
	AddressLines
	Version   int64     `json:"version" doc:"Counts the changes." example:"1"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// AddressLines are what is written on a parcel.
type AddressLines struct {
	Name       string `json:"name" minLength:"1" maxLength:"200" example:"Amira Haddad"`
	Line1      string `json:"line1" minLength:"1" maxLength:"200" example:"12 Market Street"`
	Line2      string `json:"line2,omitempty" maxLength:"200" example:"Third floor"`
	PostalCode string `json:"postalCode" minLength:"1" maxLength:"20" example:"10115"`
	City       string `json:"city" minLength:"1" maxLength:"100" example:"Berlin"`
	Country    string `json:"country" pattern:"^[A-Z]{2}$" doc:"ISO 3166-1 alpha-2 code." example:"DE"`
}

type addressAnswer = api.Resource[Address]

func showAddress(a Address) *addressAnswer {
	return &addressAnswer{ETag: api.ETag(a.Version), Body: a}
}

// line is one line of an address as a caller sends it: nil when it is not sent.
type line struct {
	location string
	text     *string
}

// lineFaults says what the schema cannot: lines are visible, and each is one.
func lineFaults(lines ...line) []error {
	var faults []error
	for _, l := range lines {
		if l.text == nil || *l.text == "" { // "" is the schema's to refuse
			continue
		}
		if strings.TrimSpace(*l.text) == "" || strings.ContainsFunc(*l.text, unicode.IsControl) {
			faults = append(faults, &huma.ErrorDetail{Location: l.location, Message: "expected one line of visible text"})
		}
	}
	return faults
}

func tooManyAddresses() error {
	return api.NewProblem(http.StatusConflict, "too_many_addresses", "An account has at most %d addresses. Delete one first.", maxAddresses)
}
