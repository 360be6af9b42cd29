package user

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
)

type readInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}

// accountDetails is an account, as staff sees it.
type accountDetails struct {
	User
	Tags      []string  `json:"tags,omitempty" doc:"The tags of staff. They are absent if there are none." example:"[\"vip\",\"wholesale\"]"`
	Addresses []Address `json:"addresses" nullable:"false" doc:"The address book, newest first."`
}

// read handles GET /v1/users/{id}.
//
// # Get an account
//
// The account with its addresses and tags. GET /v1/orders?customer={id} has its orders and, in orderCount, their
// number.
func (s *service) read(ctx context.Context, in *readInput) (*api.Resource[accountDetails], error) {
	u, err := selectListedUser(ctx, s.DB, in.ID)
	if errors.Is(err, database.ErrNotFound) {
		return nil, api.NotFound("user", in.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("get user %s: %w", in.ID, err)
	}
	return newDetailsResponse(ctx, s.DB, u)
}

// newDetailsResponse returns the response with an account and its addresses.
func newDetailsResponse(ctx context.Context, q database.Queryer, u listedUser) (*api.Resource[accountDetails], error) {
	addresses, err := selectAddresses(ctx, q, u.ID, uuid.Max, maxAddresses)
	if err != nil {
		return nil, fmt.Errorf("read addresses of user %s: %w", u.ID, err)
	}
	details := accountDetails{User: u.User, Tags: u.Tags, Addresses: addresses}
	tag, err := details.etag()
	if err != nil {
		return nil, fmt.Errorf("get user %s: %w", u.ID, err)
	}
	return &api.Resource[accountDetails]{ETag: tag, Body: details}, nil
}

// etag returns the entity tag of the details. Its first part is the version, as If-Match compares it; the
// second depends on the addresses, which do not change the version of the account.
func (d *accountDetails) etag() (string, error) {
	text, err := json.Marshal(d.Addresses)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return fmt.Sprintf(`"%d.%s"`, d.Version, base64.RawURLEncoding.EncodeToString(sum[:9])), nil
}
