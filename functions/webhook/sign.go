package webhook

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// userAgent identifies the service to receivers.
const userAgent = "Souk-Webhooks/1"

// signer signs the requests to an endpoint, as Standard Webhooks defines it:
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
type signer []*standardwebhooks.Webhook

// newSigner returns a new signer with several keys. A receiver accepts a request that one of them has
// signed.
func newSigner(keys ...[]byte) (signer, error) {
	var s signer
	for _, key := range keys {
		webhook, err := standardwebhooks.NewWebhookRaw(key)
		if err != nil {
			return nil, fmt.Errorf("use a key: %w", err)
		}
		s = append(s, webhook)
	}
	return s, nil
}

// sign returns the value of the header webhook-signature.
func (s signer) sign(id uuid.UUID, at time.Time, payload []byte) (string, error) {
	signatures := make([]string, len(s))
	for i, webhook := range s {
		var err error
		if signatures[i], err = webhook.Sign(id.String(), at, payload); err != nil {
			return "", fmt.Errorf("sign event %s: %w", id, err)
		}
	}
	return strings.Join(signatures, " "), nil
}
