package user

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/note"
)

// tags handles PUT /v1/users/{id}/tags.
//
// # Replace the tags of an account
//
// Staff and API keys see the tags of an account and find accounts by them. The owner of the account gets
// them in an export of the account's data only. A change increases the version of the account, and not
// updatedAt. GET /v1/users/{id}, which needs another permission, has the other data of the account.
func (s *service) tags(ctx context.Context, tx *database.Tx, in *note.TagsInput) (*api.Resource[accountTags], error) {
	u, err := lockListedUser(ctx, tx, in.ID)
	if errors.Is(err, database.ErrNotFound) {
		return nil, api.NotFound("user", in.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("lock user %s: %w", in.ID, err)
	}
	if err := in.Check(u.Version); err != nil {
		return nil, err
	}
	before := u.Tags
	if u.Tags = in.Body.Tags; !slices.Equal(before, u.Tags) {
		u.Version++
		if err := updateTags(ctx, tx, &u); err != nil {
			return nil, fmt.Errorf("update the tags of user %s: %w", u.ID, err)
		}
		if err := notes.ReplaceTags(ctx, tx, u.ID, before, u.Tags, s.Now()); err != nil {
			return nil, err
		}
	}
	return &api.Resource[accountTags]{ETag: api.ETag(u.Version), Body: accountTags{ID: u.ID, Tags: u.Tags, Version: u.Version}}, nil
}

// accountTags are the tags of an account, without its personal data: who may change accounts need not be
// allowed to read them.
type accountTags struct {
	ID      uuid.UUID `json:"id" format:"uuid"`
	Tags    []string  `json:"tags" nullable:"false" doc:"All tags." example:"[\"vip\",\"wholesale\"]"`
	Version int64     `json:"version" doc:"The version of the account. It is also the ETag." example:"2"`
}
