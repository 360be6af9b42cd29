package function

import (
	"context"
	"errors"
	"net/http"

	"souk/shared/api"
	"souk/shared/apikey"
	"souk/shared/auth"
	"souk/shared/manifest"
)

// verifyKey returns the caller with an API key. The network of the request is that of the client,
// as the proxies before this process have it: see api.ClientAddress.
func (rt *Runtime) verifyKey(ctx context.Context, token string) (auth.Principal, error) {
	key, err := rt.APIKeys.Verify(ctx, token, api.Client(ctx))
	if err != nil {
		return auth.Principal{}, err
	}
	return auth.Principal{KeyID: key.ID, Role: auth.Key, Permissions: manifest.NewPermissionSet(key.Scopes...)}, nil
}

// keyRefusal returns the problem for an error of verifyKey, or nil for another error.
func keyRefusal(err error) *api.Problem {
	if limited, ok := errors.AsType[*apikey.RateError](err); ok {
		return api.TooManyRequests(limited.Limit, 0, limited.Reset)
	}
	var detail string
	switch {
	case errors.Is(err, apikey.ErrNetwork):
		return api.NewProblem(http.StatusForbidden, api.CodeNetworkNotAllowed,
			"The API key is not allowed from the network of this request. Add the network to the key: PATCH /v1/keys/{id}.")
	case errors.Is(err, apikey.ErrMalformed):
		detail = "The API key is incomplete or mistyped: its checksum is wrong. Copy all of it."
	case errors.Is(err, apikey.ErrUnknown):
		detail = "The API key was revoked or replaced, or is that of another shop. Use another key, or one that was created some seconds ago."
	case errors.Is(err, apikey.ErrExpired):
		detail = "The API key has expired. Create another one: POST /v1/keys."
	default:
		return nil
	}
	return api.NewProblem(http.StatusUnauthorized, api.CodeUnauthorized, "%s", detail).WithHeader("WWW-Authenticate", `Bearer error="invalid_token"`)
}
