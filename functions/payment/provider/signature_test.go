package provider_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"souk/functions/payment/provider"
	"souk/shared/config"
)

// The suite in providertest has the other cases.

const signedAt = 1767323045

// signed returns the header of the body {"id": "evt_1"}, signed by openssl:
//
//	printf '1767323045.{"id": "evt_1"}' | openssl dgst -sha256 -hmac secret
func signed() http.Header {
	return http.Header{"Payment-Signature": {"t=1767323045,v1=601f5b361dc0c6b7fa3f9bc1056952f69ff914ec13cdb722ce80a3042cd22ce4"}}
}

func TestVerifySignature(t *testing.T) {
	t.Parallel()
	body := []byte(`{"id": "evt_1"}`)
	secret, other := config.NewSecret("secret"), config.NewSecret("other")
	for _, row := range []struct {
		name    string
		secrets []config.Secret
		at      int64
		ok      bool
	}{
		{"the secret", []config.Secret{secret}, signedAt, true},
		{"one of two secrets", []config.Secret{other, secret}, signedAt, true},
		{"another secret", []config.Secret{other}, signedAt, false},
		{"no secret", nil, signedAt, false},
		{"too late", []config.Secret{secret}, signedAt + 301, false},
		{"too early", []config.Secret{secret}, signedAt - 301, false},
	} {
		err := provider.VerifySignature(signed(), "Payment-Signature", body, row.secrets, time.Unix(row.at, 0))
		if (err == nil) != row.ok || err != nil && !errors.Is(err, provider.ErrSignature) {
			t.Errorf("%s: got %v", row.name, err)
		}
	}
}
