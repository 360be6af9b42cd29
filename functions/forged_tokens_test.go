package functions_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/config"
	"souk/shared/function/functiontest"
)

// forged returns invalid tokens that claim to be the principal's, by their defect.
func forged(t testing.TB, s *functiontest.Server, p auth.Principal) map[string]string {
	t.Helper()
	valid := s.Token(t, p)
	elsewhere, unknown := s.Tokens.Signing, s.Tokens.Signing
	otherShop := s.Tokens.Signing
	elsewhere.Issuer, otherShop.Audience = "https://elsewhere.test", "https://elsewhere.test"
	key, err := auth.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	unknown.Keys = config.NewSecret(key)
	now := time.Now()
	return map[string]string{
		"of another issuer":             mustSign(t, elsewhere, p, now),
		"for another audience":          mustSign(t, otherShop, p, now),
		"of an unknown key":             mustSign(t, unknown, p, now),
		"that expired":                  s.Tokens.Expired(t, p),
		"that is not valid yet":         mustSign(t, s.Tokens.Signing, p, now.Add(time.Hour)),
		"with a tampered signature":     tampered(t, valid, 2),
		"with a tampered payload":       tampered(t, valid, 1),
		"with a tampered header":        tampered(t, valid, 0),
		"of the algorithm none":         unsigned(t, valid),
		"signed by HMAC":                signedByHMAC(t, s, valid),
		"without a signature":           valid[:strings.LastIndex(valid, ".")+1],
		"that is not a token":           "garbage",
		"of Pub/Sub":                    s.Tokens.Push(t),
		"of two tokens joined by a dot": valid + "." + valid,
	}
}

func mustSign(t testing.TB, c auth.SignerConfig, p auth.Principal, now time.Time) string {
	t.Helper()
	signer, err := auth.NewSigner(c)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signer.Sign(p, now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// decodePart decodes one of the three parts of a token.
func decodePart(t testing.TB, token string, i int) []byte {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[i])
	if err != nil {
		t.Fatalf("decode part %d of a token: %v", i, err)
	}
	return text
}

// tampered returns the token with a changed part, and the signature of the original.
func tampered(t testing.TB, token string, i int) string {
	t.Helper()
	changed, parts := decodePart(t, token, i), strings.Split(token, ".")
	switch {
	case bytes.Contains(changed, []byte(`"customer"`)):
		changed = bytes.Replace(changed, []byte(`"customer"`), []byte(`"admin"`), 1)
	case bytes.HasPrefix(changed, []byte("{")):
		changed = append([]byte(`{"x":1,`), changed[1:]...)
	default:
		changed[len(changed)/2] ^= 1
	}
	parts[i] = base64.RawURLEncoding.EncodeToString(changed)
	return strings.Join(parts, ".")
}

// unsigned returns the token without a signature, as an unsecured JWT (RFC 7519, section 6).
func unsigned(t testing.TB, token string) string {
	t.Helper()
	header := bytes.Replace(decodePart(t, token, 0), []byte(`"ES256"`), []byte(`"none"`), 1)
	if !bytes.Contains(header, []byte("none")) {
		t.Fatalf("the header %s names no algorithm", header)
	}
	return base64.RawURLEncoding.EncodeToString(header) + "." + strings.Split(token, ".")[1] + "."
}

// signedByHMAC returns the token signed by HMAC, with the public key for a shared secret
// (RFC 8725, section 2.1).
func signedByHMAC(t testing.TB, s *functiontest.Server, token string) string {
	t.Helper()
	block, _ := pem.Decode([]byte(s.Tokens.Signing.Keys.Reveal()))
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	key := jose.JSONWebKey{Key: private}
	der, err := x509.MarshalPKIXPublicKey(key.Public().Key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	options := (&jose.SignerOptions{}).WithType("at+jwt").WithHeader("kid", parsed.Headers[0].KeyID)
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: public}, options)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(decodePart(t, token, 1))
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// forgedCheckouts returns invalid tokens that claim to be a checkout's, by their defect.
func forgedCheckouts(t testing.TB, s *functiontest.Server) map[string]string {
	t.Helper()
	valid := s.Tokens.Checkout(t, uuid.New())
	expired, err := s.Tokens.Checkouts.Sign(uuid.New(), time.Now().Add(-time.Second))
	if err != nil {
		t.Fatal(err)
	}
	other := valid[len(valid)/2:]
	other = valid[:len(valid)/2] + map[bool]string{true: "A", false: "B"}[other[0] != 'A'] + other[1:]
	return map[string]string{
		"that expired":              expired,
		"of an unknown key":         functiontest.NewTokens(t).Checkout(t, uuid.New()),
		"of another version":        strings.Replace(valid, "_1_", "_2_", 1),
		"with a changed character":  other,
		"that is truncated":         valid[:len(valid)-1],
		"that is too long":          valid + "A",
		"that is a prefix":          "souk_checkout_1_",
		"without the prefix's end":  "souk_checkout_",
		"of two tokens in sequence": valid + valid,
	}
}

// forgedPushes returns invalid tokens that claim to be those of Pub/Sub, by their defect.
func forgedPushes(t testing.TB, s *functiontest.Server) map[string]string {
	t.Helper()
	valid, now := s.Tokens.Push(t), time.Now()
	return map[string]string{
		"for another function":             s.Tokens.PushTo(t, "https://elsewhere.test"),
		"of another service account":       s.Tokens.PushWith(t, map[string]any{"email": "other@test.iam.gserviceaccount.com"}),
		"of an unverified address":         s.Tokens.PushWith(t, map[string]any{"email_verified": false}),
		"of another issuer":                s.Tokens.PushWith(t, map[string]any{"iss": "https://elsewhere.test"}),
		"that expired":                     s.Tokens.PushWith(t, map[string]any{"exp": now.Add(-time.Hour).Unix()}),
		"that never expires":               s.Tokens.PushWith(t, map[string]any{"exp": nil}),
		"that is not valid yet":            s.Tokens.PushWith(t, map[string]any{"nbf": now.Add(time.Hour).Unix()}),
		"with a tampered signature":        tampered(t, valid, 2),
		"with a tampered payload":          tampered(t, valid, 1),
		"without a signature":              valid[:strings.LastIndex(valid, ".")+1],
		"that is not a token":              "garbage",
		"of a customer":                    second(s.Tokens.Customer(t)),
		"of an admin":                      s.Tokens.Admin(t),
		"of an admin, signed by HMAC":      signedByHMAC(t, s, s.Tokens.Admin(t)),
		"of an admin of another audience":  forged(t, s, auth.Principal{UserID: missingID, Role: auth.Owner})["for another audience"],
		"of an admin, without a signature": unsigned(t, s.Tokens.Admin(t)),
	}
}

func second[A, B any](_ A, b B) B { return b }
