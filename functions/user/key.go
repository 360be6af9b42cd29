package user

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/apikey"
	"souk/shared/database"
	"souk/shared/function"
	"souk/shared/manifest"
)

// defaultKeyRate is the number of requests per minute of a key that is created without one.
const defaultKeyRate = 600

// keyFunctions returns the functions for API keys.
func (s *service) keyFunctions() []function.Function {
	exceedsRole := function.DocumentErrors(http.StatusForbidden, "scope_exceeds_role")
	return []function.Function{
		function.Command("key-create", s.keyCreate, function.Created, function.AfterCommit(addCreatedSecret), exceedsRole,
			function.DocumentErrors(http.StatusConflict, "too_many_keys")),
		function.HTTP("key-list", s.keyList),
		function.HTTP("key-get", s.keyGet, function.DocumentNotFound("key")),
		function.HTTP("key-update", s.keyUpdate, function.DocumentNotFound("key"), exceedsRole),
		function.Command("key-rotate", s.keyRotate, function.AfterCommit(addRotatedSecret), function.DocumentNotFound("key"), exceedsRole),
		function.HTTP("key-revoke", s.keyRevoke, function.DocumentNotFound("key")),
		function.Event("key-used", s.keyUsed),
	}
}

// Key is an API key of the shop. It belongs to the shop and not to the account that created it.
type Key struct {
	ID                  uuid.UUID             `json:"id" format:"uuid"`
	Name                string                `json:"name" doc:"What uses the key." example:"Warehouse of Potsdam" trail:"value"`
	Scopes              []manifest.Permission `json:"scopes" doc:"The permissions of the key." example:"[\"orders.read\", \"stock.write\"]" trail:"value"`
	Networks            []string              `json:"networks,omitempty" doc:"The networks from which the key may be used, as CIDR prefixes. Without them it may be used from any." example:"[\"203.0.113.0/24\"]" trail:"value"`
	RatePerMinute       int                   `json:"ratePerMinute" doc:"The maximum number of requests per minute to each service." example:"600" trail:"value"`
	Hint                string                `json:"hint" doc:"The beginning of the current secret." example:"souk_live_3kTM" trail:"value"`
	ExpiresAt           *time.Time            `json:"expiresAt,omitempty" doc:"When the key expires. Without it the key does not expire." trail:"value"`
	PreviousSecretUntil *time.Time            `json:"previousSecretUntil,omitempty" doc:"Until when the secret before the last rotation is accepted. Absent if it is no longer accepted." trail:"value"`
	CreatedBy           *uuid.UUID            `json:"createdBy,omitempty" format:"uuid" doc:"The account that created the key. Absent if the account was deleted."`
	LastUsedAt          *time.Time            `json:"lastUsedAt,omitempty" doc:"The beginning of the last hour in which the key was used. It is some minutes late."`
	RotatedAt           time.Time             `json:"rotatedAt" doc:"When the current secret was created."`
	Version             int64                 `json:"version" doc:"The number of the key's current version. It is also the ETag." example:"1"`
	CreatedAt           time.Time             `json:"createdAt"`
	UpdatedAt           time.Time             `json:"updatedAt"`
}

// ETag is the entity tag of the key with its last use.
func (k *Key) ETag() string {
	if k.LastUsedAt == nil {
		return api.ETag(k.Version)
	}
	return api.ETag(k.Version, k.LastUsedAt.Unix())
}

// keyResponse is the response that shows one key.
type keyResponse = api.Resource[Key]

// KeyWithSecret is a key with its new secret.
type KeyWithSecret struct {
	Key
	Secret string `json:"secret,omitempty" doc:"The secret, to send as bearer token. It is in this response only, and not in a replay of it." example:"souk_live_3kTMd0x8aQ2ZfVb6YpLw1NcRgEuHs7JiKo9BzXtCqAmD5v3rF8"`
}

// newSecretResponse is the response that shows a key, and its new secret once.
type newSecretResponse struct {
	ETag     string `header:"ETag" doc:"The version. Send it as If-Match to change the key." example:"\"1\""`
	Location string `header:"Location" doc:"The path of the new key." example:"/v1/keys/0199c0de-0000-7000-8000-000000000001"`
	Body     KeyWithSecret
}

// showAt returns the response that shows the key at a time.
func (k Key) showAt(now time.Time) *keyResponse {
	k.hideEnded(now)
	return &keyResponse{ETag: k.ETag(), Body: k}
}

// hideEnded removes that the previous secret was accepted until a time that has passed.
func (k *Key) hideEnded(now time.Time) {
	if k.PreviousSecretUntil != nil && !now.Before(*k.PreviousSecretUntil) {
		k.PreviousSecretUntil = nil
	}
}

// newSecret returns a new secret of the kind of this shop.
func (s *service) newKeySecret() apikey.Secret {
	if s.isLocal {
		return apikey.NewSecret(apikey.Test)
	}
	return apikey.NewSecret(apikey.Live)
}

// publishKey stores the state of a key for this service, and publishes it to the others.
func (s *service) publishKey(ctx context.Context, tx *database.Tx, changed apikey.Changed) error {
	if err := s.APIKeys.Store(ctx, tx, changed); err != nil {
		return err
	}
	return apikey.Topic.Add(ctx, tx, s.Outbox, changed.KeyID, changed)
}

// changed returns the event of the key's version.
func (k *Key) changed(secrets []apikey.StoredSecret) apikey.Changed {
	return apikey.Changed{KeyID: k.ID, Version: k.Version, Grant: apikey.Grant{
		Secrets: secrets, Scopes: k.Scopes, ExpiresAt: k.ExpiresAt, Networks: k.Networks, RatePerMinute: k.RatePerMinute,
	}}
}

// heldByPeople are permissions that no key has: with a stolen key that has one of them, a thief could
// create other keys or accounts, which remain when the key is revoked.
var heldByPeople = []manifest.Permission{manifest.KeysWrite, manifest.StaffWrite}

// checkScopes returns an error for each invalid scope.
func checkScopes(scopes []manifest.Permission) (errs []api.FieldError) {
	for i, scope := range scopes {
		fail := func(code, message string) {
			errs = append(errs, api.FieldError{Location: fmt.Sprintf("body.scopes[%d]", i), Code: code, Message: message})
		}
		switch {
		case !scope.Valid():
			fail(api.FieldValue, "must be one of the permissions: "+manifest.AllPermissions().Without(manifest.NewPermissionSet(heldByPeople...)).String())
		case slices.Contains(heldByPeople, scope):
			fail(api.FieldValue, "is for accounts only, because a stolen key could create other keys or staff")
		case slices.Contains(scopes[:i], scope):
			fail(api.FieldDuplicate, "is listed twice")
		}
	}
	return errs
}

// checkNetworks returns the networks in canonical form, and an error for each invalid one.
func checkNetworks(networks []string) (canonical []string, errs []api.FieldError) {
	for i, text := range networks {
		network, err := netip.ParsePrefix(text)
		fail := func(code, message string) {
			errs = append(errs, api.FieldError{Location: fmt.Sprintf("body.networks[%d]", i), Code: code, Message: message})
		}
		switch {
		case err != nil:
			fail(api.FieldFormat, "must be a network in CIDR notation, such as 203.0.113.0/24, or 203.0.113.7/32 for one address")
		case network != network.Masked():
			fail(api.FieldFormat, "must be the first address of the network: send "+network.Masked().String())
		case network.Addr().Is4In6():
			fail(api.FieldFormat, "must be an IPv4 network in the form 203.0.113.0/24")
		case slices.Contains(canonical, network.String()):
			fail(api.FieldDuplicate, "is listed twice")
		default:
			canonical = append(canonical, network.String())
		}
	}
	return canonical, errs
}

// lockKeyRights returns the rights of the caller, who must still have the permission to change keys in the
// database, and locks them until the transaction ends: a key that is created or changed by a token
// whose revocation this instance has not read would remain.
func lockKeyRights(ctx context.Context, tx *database.Tx) (rights, error) {
	caller, err := principal(ctx)
	if err != nil {
		return rights{}, err
	}
	return lockGranting(ctx, tx, caller, manifest.KeysWrite)
}

// requireScopes returns a problem if a caller with the rights lacks one of the permissions of a key:
// the secret that it creates has all of them.
func requireScopes(granting rights, scopes []manifest.Permission) error {
	lacking := manifest.NewPermissionSet(scopes...).Without(granting.Permissions)
	if lacking == 0 {
		return nil
	}
	return api.NewProblem(http.StatusForbidden, "scope_exceeds_role",
		"Your role lacks permissions of this key: %s. Choose others, or ask someone who has them.", strings.ReplaceAll(lacking.String(), " ", ", "))
}
