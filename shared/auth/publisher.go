package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// PublisherConfig contains the keys that verify access tokens, for the function that
// publishes them. Anyone may call that function, so it has no private key.
type PublisherConfig struct {
	// Keys are P-256 public keys, as PEM blocks: those of SignerConfig.Keys, and in a
	// rotation the next one.
	Keys string `env:"AUTH_PUBLIC_KEYS"`
}

// KeySet returns the keys. It refuses a private key.
func (c PublisherConfig) KeySet() (jose.JSONWebKeySet, error) {
	keys, err := parseKeys(c.Keys, parsePublicKey)
	if err != nil {
		return jose.JSONWebKeySet{}, fmt.Errorf("publish signing keys: AUTH_PUBLIC_KEYS: %w", err)
	}
	return jose.JSONWebKeySet{Keys: keys}, nil
}

// parsePublicKey parses the output of `openssl pkey -pubout` (RFC 5280, 4.1.2.7).
func parsePublicKey(block *pem.Block) (jose.JSONWebKey, error) {
	if strings.Contains(block.Type, "PRIVATE") {
		return jose.JSONWebKey{}, errors.New("a private key: publish its public half (openssl pkey -pubout)")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return jose.JSONWebKey{}, fmt.Errorf("a block %q without a public key", block.Type)
	}
	public, ok := parsed.(*ecdsa.PublicKey)
	if !ok || public.Curve != elliptic.P256() {
		return jose.JSONWebKey{}, errors.New("not a key of curve P-256, which ES256 needs")
	}
	return webKey(public)
}

// PublicHalf returns the public keys of private ones, both as PEM blocks: it derives
// PublisherConfig.Keys from SignerConfig.Keys.
func PublicHalf(privateKeys string) (string, error) {
	keys, err := parseKeys(privateKeys, parsePrivateKey)
	if err != nil {
		return "", fmt.Errorf("derive public keys: %w", err)
	}
	var public strings.Builder
	for _, key := range keys {
		der, err := x509.MarshalPKIXPublicKey(key.Public().Key)
		if err != nil {
			return "", fmt.Errorf("derive public keys: %w", err)
		}
		public.Write(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	}
	return public.String(), nil
}
