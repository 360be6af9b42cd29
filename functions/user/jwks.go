package user

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// keySet is a JSON Web Key Set (RFC 7517, section 5).
type keySet struct {
	Keys []publicKey `json:"keys"`
}

// publicKey is a public key of curve P-256 (RFC 7518, section 6.2.1).
type publicKey struct {
	KeyType   string `json:"kty" enum:"EC"`
	Use       string `json:"use" enum:"sig"`
	Algorithm string `json:"alg" enum:"ES256"`
	KeyID     string `json:"kid" doc:"The key's thumbprint (RFC 7638)." example:"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"`
	Curve     string `json:"crv" enum:"P-256"`
	X         string `json:"x" example:"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"`
	Y         string `json:"y" example:"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"`
}

type jwksOutput struct {
	Body keySet
}

// jwks handles GET /.well-known/jwks.json.
//
// # Get the token signing keys
//
// The public keys (RFC 7517) that verify access tokens.
func (s *service) jwks(context.Context, *struct{}) (*jwksOutput, error) {
	// The time in caches (functions.yaml) extends a key rotation; see auth.SignerConfig.
	return &jwksOutput{Body: s.keys}, nil
}

// newKeySet returns a new keySet of public keys. It copies only the members of
// publicKey, so that a private key is never published.
func newKeySet(keys jose.JSONWebKeySet) (keySet, error) {
	text, err := json.Marshal(keys)
	if err != nil {
		return keySet{}, fmt.Errorf("publish the signing keys: %w", err)
	}
	var set keySet
	if err := json.Unmarshal(text, &set); err != nil {
		return keySet{}, fmt.Errorf("publish the signing keys: %w", err)
	}
	return set, nil
}
