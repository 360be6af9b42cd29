package function

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/apikey"
	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/manifest"
	"souk/shared/revocation"
)

// AccessChange is the payload of the events of a function SERVICE-revocations: that of
// revocation.Topic or that of apikey.Topic.
type AccessChange struct {
	UserID        uuid.UUID  `json:"userId,omitzero"`
	SessionID     *uuid.UUID `json:"sessionId,omitempty"`
	RightsVersion int64      `json:"rightsVersion,omitempty"`

	KeyID         uuid.UUID             `json:"keyId,omitzero"`
	Version       int64                 `json:"version,omitempty"`
	Revoked       bool                  `json:"revoked,omitempty"`
	Secrets       []apikey.StoredSecret `json:"secrets,omitempty"`
	Scopes        []manifest.Permission `json:"scopes,omitempty"`
	ExpiresAt     *time.Time            `json:"expiresAt,omitempty"`
	Networks      []string              `json:"networks,omitempty"`
	RatePerMinute int                   `json:"ratePerMinute,omitempty"`
}

// StoreAccessChange is the handler of a function SERVICE-revocations: it stores what tokens are
// revoked, and the state of API keys. Duplicate, late and reordered events are harmless: the highest
// version applies.
func (rt *Runtime) StoreAccessChange(ctx context.Context, tx *database.Tx, e event.Event, c AccessChange) error {
	switch e.Type {
	case revocation.Topic.Name():
		return rt.Revocations.Store(ctx, tx, revocation.Revoked{UserID: c.UserID, SessionID: c.SessionID, RightsVersion: c.RightsVersion})
	case apikey.Topic.Name():
		return rt.APIKeys.Store(ctx, tx, apikey.Changed{KeyID: c.KeyID, Version: c.Version, Revoked: c.Revoked, Grant: apikey.Grant{
			Secrets: c.Secrets, Scopes: c.Scopes, ExpiresAt: c.ExpiresAt, Networks: c.Networks, RatePerMinute: c.RatePerMinute,
		}})
	}
	return fmt.Errorf("event %s is a %s, which changes no access", e.ID, e.Type)
}
