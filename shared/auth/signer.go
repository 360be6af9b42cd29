package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"

	"souk/shared/config"
)

// SignerConfig configures the signing of access tokens.
type SignerConfig struct {
	Issuer   string `env:"AUTH_ISSUER"`
	Audience string `env:"AUTH_AUDIENCE"`
	// Keys are P-256 private keys, as PEM blocks. The first signs. The function that
	// publishes keys has their public halves, in PublisherConfig: to rotate without
	// refusing a valid token, add the new one there, wait until every key set has been
	// fetched anew (a quarter of an hour: ten minutes here and five in caches between),
	// replace the key here, and remove the old public key when its last token has
	// expired.
	Keys config.Secret `env:"AUTH_SIGNING_KEYS"`
}

// Signer signs access tokens. It is safe for concurrent use.
type Signer struct {
	issuer   string
	audience string
	signer   jose.Signer
	public   jose.JSONWebKeySet
}

// NewSigner returns a new Signer. Its error does not quote the keys.
func NewSigner(c SignerConfig) (*Signer, error) {
	if c.Issuer == "" || c.Audience == "" {
		return nil, errors.New("sign access tokens: AUTH_ISSUER and AUTH_AUDIENCE must be set")
	}
	keys, err := parseKeys(c.Keys.Reveal(), parsePrivateKey)
	if err != nil {
		return nil, fmt.Errorf("sign access tokens: AUTH_SIGNING_KEYS: %w", err)
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.ES256, Key: keys[0]},
		(&jose.SignerOptions{}).WithType(accessTokenType))
	if err != nil {
		return nil, fmt.Errorf("sign access tokens: %w", err)
	}
	s := &Signer{issuer: c.Issuer, audience: c.Audience, signer: signer}
	for _, key := range keys {
		s.public.Keys = append(s.public.Keys, key.Public())
	}
	return s, nil
}

// Sign returns an access token for a principal that is valid for ttl from now on.
func (s *Signer) Sign(p Principal, now time.Time, ttl time.Duration) (string, error) {
	if p.UserID == uuid.Nil || !p.Role.Valid() {
		return "", fmt.Errorf("sign an access token: invalid principal: user %s, role %q", p.UserID, p.Role)
	}
	id, err := uuid.NewRandom()
	if err != nil {
		return "", fmt.Errorf("sign an access token: %w", err)
	}
	token, err := jwt.Signed(s.signer).
		Claims(jwt.Claims{
			Issuer:   s.issuer,
			Subject:  p.UserID.String(),
			Audience: jwt.Audience{s.audience},
			IssuedAt: jwt.NewNumericDate(now),
			Expiry:   jwt.NewNumericDate(now.Add(ttl)),
			ID:       id.String(),
		}).
		Claims(newAccessClaims(p)).
		Serialize()
	if err != nil {
		return "", fmt.Errorf("sign an access token for user %s: %w", p.UserID, err)
	}
	return token, nil
}

// PublicKeys returns the public half of every key, the signing one first.
func (s *Signer) PublicKeys() jose.JSONWebKeySet { return s.public }

// GenerateKey returns a new private key for SignerConfig.Keys, as a PEM block. It is
// for local systems and tests: in the cloud, keys come from Secret Manager.
func GenerateKey() (string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", fmt.Errorf("generate a signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", fmt.Errorf("generate a signing key: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), nil
}

func parseKeys(text string, parseKey func(*pem.Block) (jose.JSONWebKey, error)) ([]jose.JSONWebKey, error) {
	var keys []jose.JSONWebKey
	for remaining := []byte(text); ; {
		var block *pem.Block
		if block, remaining = pem.Decode(remaining); block == nil {
			break
		}
		key, err := parseKey(block)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", len(keys)+1, err)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("no PEM block with a key")
	}
	return keys, nil
}

// parsePrivateKey parses the output of `openssl genpkey` (PKCS #8) or `openssl ecparam`
// (SEC 1).
func parsePrivateKey(block *pem.Block) (jose.JSONWebKey, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		if parsed, err = x509.ParseECPrivateKey(block.Bytes); err != nil {
			return jose.JSONWebKey{}, fmt.Errorf("a block %q without a private key of PKCS #8 or SEC 1", block.Type)
		}
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() {
		return jose.JSONWebKey{}, errors.New("not a key of curve P-256, which ES256 needs")
	}
	return webKey(private)
}

// webKey returns a private or public key as a JSON Web Key. Its id is its thumbprint
// (RFC 7638), so that a key has the same id everywhere and no two keys share one.
func webKey(material any) (jose.JSONWebKey, error) {
	key := jose.JSONWebKey{Key: material, Algorithm: string(jose.ES256), Use: "sig"}
	thumbprint, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return jose.JSONWebKey{}, fmt.Errorf("thumbprint: %w", err)
	}
	key.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)
	return key, nil
}
