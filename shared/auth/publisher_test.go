package auth

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"souk/shared/config"
)

func TestPublisher(t *testing.T) {
	t.Parallel()
	first, second := mustGenerate(t), mustGenerate(t)
	public, err := PublicHalf(first + second)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(public, "PRIVATE") {
		t.Fatal("the public half has a private key")
	}
	t.Run("publishes the keys that tokens are signed with", func(t *testing.T) {
		t.Parallel()
		signer, err := NewSigner(SignerConfig{Issuer: "issuer", Audience: "audience", Keys: config.NewSecret(first + second)})
		if err != nil {
			t.Fatal(err)
		}
		got, err := PublisherConfig{Keys: public}.KeySet()
		if diff := cmp.Diff(signer.PublicKeys(), got); err != nil || diff != "" || len(got.Keys) != 2 {
			t.Errorf("error %v, keys (-want +got):\n%s", err, diff)
		}
	})
	for name, keys := range map[string]string{"nothing": "", "a private key": first, "a private key among public ones": public + second, "text": "keys"} {
		t.Run("refuses "+name, func(t *testing.T) {
			t.Parallel()
			_, err := PublisherConfig{Keys: keys}.KeySet()
			if err == nil || !strings.Contains(err.Error(), "AUTH_PUBLIC_KEYS") || strings.Contains(err.Error(), "BEGIN") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func mustGenerate(t *testing.T) string {
	t.Helper()
	key, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}
