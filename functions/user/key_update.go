package user

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/apikey"
	"souk/shared/database"
)

type updateKeyInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
	api.IfMatch
	Body struct {
		Name          *string   `json:"name,omitempty" minLength:"1" maxLength:"100" doc:"What uses the key." example:"Warehouse of Potsdam"`
		Networks      *[]string `json:"networks,omitempty" nullable:"true" maxItems:"50" maxLength:"43" doc:"The networks from which the key may be used, as CIDR prefixes. null or an empty list is any network." example:"[\"203.0.113.0/24\"]"`
		RatePerMinute *int      `json:"ratePerMinute,omitempty" minimum:"1" maximum:"60000" doc:"The maximum number of requests per minute to each service." example:"1200"`
	}
}

// keyUpdate handles PATCH /v1/keys/{id}.
//
// # Update an API key
//
// Changes the fields that are sent, in all services within 5 seconds. Scopes and expiry cannot
// change: create another key instead. The caller must have all permissions of the key.
func (s *service) keyUpdate(ctx context.Context, in *updateKeyInput) (*keyResponse, error) {
	var networks []string
	if in.Body.Networks != nil {
		var errs []api.FieldError
		if networks, errs = checkNetworks(*in.Body.Networks); len(errs) > 0 {
			return nil, api.InvalidFields(errs)
		}
	}
	var k Key
	err := s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) (err error) {
		if k, err = lockHeldKey(ctx, tx, in.ID); err != nil {
			return err
		}
		if err := in.Check(k.Version); err != nil {
			return err
		}
		if !in.apply(&k, networks) {
			return nil
		}
		return s.changeKey(ctx, tx, &k, nil)
	})
	if errors.Is(err, database.ErrNotFound) {
		return nil, api.NotFound("key", in.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("update key %s: %w", in.ID, err)
	}
	return k.showAt(s.Now()), nil
}

// apply sets the fields that are sent, and reports whether one has changed.
func (in *updateKeyInput) apply(k *Key, networks []string) (changed bool) {
	before := *k
	if in.Body.Name != nil {
		k.Name = *in.Body.Name
	}
	if in.Body.Networks != nil {
		k.Networks = networks
	}
	if in.Body.RatePerMinute != nil {
		k.RatePerMinute = *in.Body.RatePerMinute
	}
	return before.Name != k.Name || !slices.Equal(before.Networks, k.Networks) || before.RatePerMinute != k.RatePerMinute
}

// lockHeldKey locks a key whose permissions the caller has.
func lockHeldKey(ctx context.Context, tx *database.Tx, id uuid.UUID) (Key, error) {
	granting, err := lockKeyRights(ctx, tx)
	if err != nil {
		return Key{}, err
	}
	k, err := lockKey(ctx, tx, id)
	if err != nil {
		return Key{}, err
	}
	return k, requireScopes(granting, k.Scopes)
}

// changeKey stores and publishes a new version of a locked key: with the secrets that replace
// returns for those that it has.
func (s *service) changeKey(ctx context.Context, tx *database.Tx, k *Key, replace func([]apikey.StoredSecret) []apikey.StoredSecret) error {
	grant, err := apikey.SelectGrant(ctx, tx, k.ID)
	if err != nil {
		return err
	}
	if replace != nil {
		grant.Secrets = replace(grant.Secrets)
	}
	before, err := lockKey(ctx, tx, k.ID)
	if err != nil {
		return err
	}
	k.Version++
	k.UpdatedAt = s.Now()
	if err := updateKeyRow(ctx, tx, *k); err != nil {
		return err
	}
	if err := recordKey(ctx, tx, k.ID, before, *k, k.UpdatedAt); err != nil {
		return err
	}
	return s.publishKey(ctx, tx, k.changed(grant.Secrets))
}
