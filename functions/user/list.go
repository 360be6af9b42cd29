package user

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/note"
	"souk/shared/words"
)

type listInput struct {
	api.PageQuery
	Q   string `query:"q" maxLength:"254" doc:"Return only accounts whose e-mail address begins with this text, in the order of the addresses, and then those whose name has all of its words (only the first eight are used), newest first. Case, and in names accents, are ignored. Words of names are found only if they are complete." example:"amira"`
	Tag string `query:"tag" format:"label" maxLength:"40" doc:"Return only accounts with this tag, whatever its case, newest first. It cannot be sent with q." example:"vip"`
}

// Resolve implements huma.Resolver. It refuses two searches at the same time: an address finds accounts in
// another order than a tag.
func (in *listInput) Resolve(huma.Context) []error {
	if in.Tag != "" && strings.TrimSpace(in.Q) != "" {
		return []error{api.FieldError{Location: "query.tag", Code: api.FieldValue, Message: "cannot be sent with q: send one of them"}}
	}
	return nil
}

type listOutput struct {
	Body api.Page[listedUser]
}

// listedUser is an account in a list for staff.
type listedUser struct {
	User
	Tags []string `json:"tags,omitempty" doc:"The tags of staff. They are absent if there are none." example:"[\"vip\",\"wholesale\"]"`
}

// list handles GET /v1/users.
//
// # List accounts
//
// Newest first, or by q, or those with a tag. A page may have fewer accounts than pageSize, even none, and a nextPageToken: a
// search for rare accounts among many continues with the next page.
func (s *service) list(ctx context.Context, in *listInput) (*listOutput, error) {
	var page api.Page[listedUser]
	var err error
	switch q := strings.TrimSpace(in.Q); {
	case q != "":
		page, err = s.search(ctx, q, in.PageQuery)
	case in.Tag != "":
		page, err = s.listTagged(ctx, in.Tag, in.PageQuery)
	default:
		page, err = s.listAll(ctx, in.PageQuery)
	}
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	return &listOutput{Body: page}, nil
}

// listAll returns a page of all accounts, newest first.
func (s *service) listAll(ctx context.Context, in api.PageQuery) (page api.Page[listedUser], err error) {
	before := uuid.Max
	if err := in.Cursor(&before); err != nil {
		return page, err
	}
	users, err := selectUsers(ctx, s.DB, before, in.Limit())
	if err != nil {
		return page, err
	}
	return api.NewPage(in, users, func(u listedUser) any { return u.ID })
}

// taggedPosition is the end of a page of accounts with a tag.
type taggedPosition struct {
	Tag    string    `json:"t"` // as it is stored in user_tag
	Before uuid.UUID `json:"b"`
}

// listTagged returns a page of the accounts with a tag, newest first.
func (s *service) listTagged(ctx context.Context, tag string, in api.PageQuery) (page api.Page[listedUser], err error) {
	folded := note.FoldTag(tag)
	after := taggedPosition{folded, uuid.Max}
	if err := in.Cursor(&after); err != nil {
		return page, err
	}
	if after.Tag != folded {
		return page, api.Invalid("query.pageToken", api.FieldValue, "belongs to another tag: send the same tag as for the previous page")
	}
	users, err := selectUsersByTag(ctx, s.DB, folded, after.Before, in.Limit())
	if err != nil {
		return page, err
	}
	return api.NewPage(in, users, func(u listedUser) any { return taggedPosition{folded, u.ID} })
}

// searchPosition is the end of a page of a search: the address of its last account or, after all accounts
// that are found by their addresses, its id.
type searchPosition struct {
	Search  string    `json:"s"` // a hash of the text
	Address string    `json:"a,omitempty"`
	Before  uuid.UUID `json:"b"` // uuid.Max among the addresses
}

// search returns a page of the accounts that a text finds.
func (s *service) search(ctx context.Context, text string, in api.PageQuery) (page api.Page[listedUser], err error) {
	sum := sha256.Sum256([]byte(text))
	start := searchPosition{Search: base64.RawURLEncoding.EncodeToString(sum[:9]), Before: uuid.Max}
	after := start
	if err := in.Cursor(&after); err != nil {
		return page, err
	}
	if after.Search != start.Search {
		return page, api.Invalid("query.pageToken", api.FieldValue, "belongs to another search: send the same q as for the previous page")
	}
	prefix := emailKey(text)
	var users []listedUser
	if after.Before == uuid.Max && !strings.ContainsAny(prefix, " \t\u00a0") {
		if users, err = selectUsersByAddress(ctx, s.DB, prefix, after.Address, in.Limit()); err != nil {
			return page, err
		}
	}
	byAddress := len(users)
	position := func(u listedUser) any {
		p := start
		if p.Before = u.ID; strings.HasPrefix(emailKey(u.Email), prefix) {
			p.Before, p.Address = uuid.Max, emailKey(u.Email)
		}
		return p
	}
	var end uuid.UUID
	if all := words.Search(text); byAddress < in.Limit() && len(all) > 0 && !strings.Contains(text, "@") {
		named, continues, err := selectUsersByName(ctx, s.DB, nameSearch{words: all, address: prefix, before: after.Before}, in.Limit()-byAddress)
		if err != nil {
			return page, err
		}
		users, end = append(users, named...), continues
	}
	page, err = api.NewPage(in, users, position)
	if err == nil && end != uuid.Nil {
		next := start
		next.Before = end
		page, err = page.ContinueAfter(next)
	}
	return page, err
}
