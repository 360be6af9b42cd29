package user

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/api"
)

type listInput struct {
	api.PageQuery
}

type listOutput struct {
	Body api.Page[User]
}

// list handles GET /v1/users.
//
// # List accounts
//
// Newest first.
func (s *service) list(ctx context.Context, in *listInput) (*listOutput, error) {
	before := uuid.Max
	if err := in.Cursor(&before); err != nil {
		return nil, err
	}
	users, err := selectUsers(ctx, s.DB, before, in.Limit())
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	page, err := api.NewPage(in.PageQuery, users, func(u User) any { return u.ID })
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	return &listOutput{Body: page}, nil
}
