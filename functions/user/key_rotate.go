package user

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/apikey"
	"souk/shared/database"
)

type rotateKeyInput struct {
	ID   uuid.UUID `path:"id" format:"uuid"`
	Body struct {
		OverlapSeconds *int `json:"overlapSeconds,omitempty" minimum:"0" maximum:"604800" doc:"For how long the secret so far is still accepted: 7 days at most, and a day without this field. 0 ends it now." example:"3600"`
	}
	secret apikey.Secret
}

// defaultOverlap is the overlap of a rotation that does not set one.
const defaultOverlap = 24 * time.Hour

// keyRotate handles POST /v1/keys/{id}/rotate.
//
// # Rotate an API key
//
// Creates a new secret for the key, which all services accept within 5 seconds. The secret so far is
// accepted for the overlap; one that was replaced before is no longer. The response contains the
// secret, which is not stored and not shown again: a replay of the response lacks it. The caller must
// have all permissions of the key.
func (s *service) keyRotate(ctx context.Context, tx *database.Tx, in *rotateKeyInput) (*newSecretResponse, error) {
	k, err := lockHeldKey(ctx, tx, in.ID)
	if errors.Is(err, database.ErrNotFound) {
		return nil, api.NotFound("key", in.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("rotate key %s: %w", in.ID, err)
	}
	in.secret = s.newKeySecret()
	k.Hint, k.RotatedAt, k.PreviousSecretUntil = in.secret.Hint(), s.Now(), nil
	if overlap := in.overlap(); overlap > 0 {
		until := k.RotatedAt.Add(overlap)
		k.PreviousSecretUntil = &until
	}
	err = s.changeKey(ctx, tx, &k, func(secrets []apikey.StoredSecret) []apikey.StoredSecret {
		replaced := []apikey.StoredSecret{apikey.NewStoredSecret(in.secret)}
		if k.PreviousSecretUntil != nil {
			replaced = append(replaced, apikey.StoredSecret{Hash: secrets[0].Hash, Until: k.PreviousSecretUntil})
		}
		return replaced
	})
	if err != nil {
		return nil, fmt.Errorf("rotate key %s: %w", in.ID, err)
	}
	return &newSecretResponse{ETag: k.ETag(), Location: "/v1/keys/" + k.ID.String(), Body: KeyWithSecret{Key: k}}, nil
}

// overlap returns for how long the secret so far is still accepted.
func (in *rotateKeyInput) overlap() time.Duration {
	if in.Body.OverlapSeconds == nil {
		return defaultOverlap
	}
	return time.Duration(*in.Body.OverlapSeconds) * time.Second
}

// addRotatedSecret adds the secret to the response of keyRotate, which is stored without it.
func addRotatedSecret(_ context.Context, in *rotateKeyInput, out *newSecretResponse) *newSecretResponse {
	return out.withSecret(in.secret)
}
