package user

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/apikey"
	"souk/shared/database"
	"souk/shared/manifest"
)

type createKeyInput struct {
	Body struct {
		Name          string                `json:"name" minLength:"1" maxLength:"100" doc:"What uses the key." example:"Warehouse of Potsdam"`
		Scopes        []manifest.Permission `json:"scopes" minItems:"1" maxItems:"100" maxLength:"64" doc:"The permissions of the key, each of which the caller must have. A key has neither keys.write nor staff.write." example:"[\"orders.read\", \"stock.write\"]"`
		ExpiresAt     *time.Time            `json:"expiresAt,omitempty" doc:"When the key expires. Without it the key does not expire." example:"2099-01-01T00:00:00Z"`
		Networks      []string              `json:"networks,omitempty" maxItems:"50" maxLength:"43" doc:"The networks from which the key may be used, as CIDR prefixes. Without them it may be used from any." example:"[\"0.0.0.0/0\", \"::/0\"]"`
		RatePerMinute int                   `json:"ratePerMinute,omitempty" minimum:"1" maximum:"60000" default:"600" doc:"The maximum number of requests per minute to each service." example:"600"`
	}
	secret apikey.Secret
}

// keyCreate handles POST /v1/keys.
//
// # Create an API key
//
// Creates a key for a program. The response contains its secret, which is not stored and not shown
// again: a replay of the response by Idempotency-Key lacks it. If the response was lost, rotate the
// key. All services accept the secret within 5 seconds, as Authorization: Bearer SECRET. A shop has
// at most 100 keys.
func (s *service) keyCreate(ctx context.Context, tx *database.Tx, in *createKeyInput) (*newSecretResponse, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	now := s.Now()
	k, err := in.key(now)
	if err != nil {
		return nil, err
	}
	granting, err := lockKeyRights(ctx, tx)
	if err != nil {
		return nil, err
	}
	if err := requireScopes(granting, k.Scopes); err != nil {
		return nil, err
	}
	if caller.UserID != uuid.Nil {
		k.CreatedBy = &caller.UserID
	}
	if err := requireFewKeys(ctx, tx); err != nil {
		return nil, err
	}
	in.secret = s.newKeySecret()
	k.Hint = in.secret.Hint()
	if err := insertKey(ctx, tx, k); err != nil {
		return nil, fmt.Errorf("create an API key: %w", err)
	}
	if err := recordKey(ctx, tx, k.ID, nil, k, now); err != nil {
		return nil, err
	}
	if err := s.publishKey(ctx, tx, k.changed([]apikey.StoredSecret{apikey.NewStoredSecret(in.secret)})); err != nil {
		return nil, err
	}
	return &newSecretResponse{ETag: k.ETag(), Location: "/v1/keys/" + k.ID.String(), Body: KeyWithSecret{Key: k}}, nil
}

// key returns the key of a request, or a problem.
func (in *createKeyInput) key(now time.Time) (Key, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return Key{}, fmt.Errorf("create a key id: %w", err)
	}
	b := in.Body
	networks, errs := checkNetworks(b.Networks)
	errs = append(errs, checkScopes(b.Scopes)...)
	if b.ExpiresAt != nil {
		at := b.ExpiresAt.UTC().Truncate(time.Microsecond)
		if b.ExpiresAt = &at; !at.After(now) {
			errs = append(errs, api.FieldError{Location: "body.expiresAt", Code: api.FieldRange, Message: "must be in the future"})
		}
	}
	if len(errs) > 0 {
		return Key{}, api.InvalidFields(errs)
	}
	if b.RatePerMinute == 0 {
		b.RatePerMinute = defaultKeyRate
	}
	return Key{
		ID: id, Name: b.Name, Scopes: b.Scopes, Networks: networks, RatePerMinute: b.RatePerMinute, ExpiresAt: b.ExpiresAt,
		RotatedAt: now, Version: 1, CreatedAt: now, UpdatedAt: now,
	}, nil
}

// requireFewKeys returns a problem if the shop has apikey.MaxKeys. Until tx ends, no other key is
// created.
func requireFewKeys(ctx context.Context, tx *database.Tx) error {
	count, err := lockAndCountKeys(ctx, tx)
	if err != nil {
		return fmt.Errorf("count the API keys: %w", err)
	}
	if count >= apikey.MaxKeys {
		return api.NewProblem(http.StatusConflict, "too_many_keys", "The shop has %d keys, which is the limit. Revoke one that is not used.", apikey.MaxKeys)
	}
	return nil
}

// addCreatedSecret adds the secret to the response of keyCreate, which is stored without it.
func addCreatedSecret(_ context.Context, in *createKeyInput, out *newSecretResponse) *newSecretResponse {
	return out.withSecret(in.secret)
}

// withSecret returns a copy of the response with the secret.
func (r *newSecretResponse) withSecret(secret apikey.Secret) *newSecretResponse {
	shown := *r
	shown.Body.Secret = secret.Reveal()
	return &shown
}
