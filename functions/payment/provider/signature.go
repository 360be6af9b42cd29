package provider

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"souk/shared/config"
)

const (
	// Tolerance is how far the time of a callback may be from now.
	Tolerance = 5 * time.Minute
	// MaxCallback is the size in bytes of the largest callback.
	MaxCallback = 256 << 10
)

// ErrSignature is the error of a callback that is not signed by the provider, or not now.
var ErrSignature = errors.New("the callback has no valid signature")

// SignatureHeader returns the value of a header t=UNIX,v1=HEX,... that must be sent once and
// with one time, which must be within Tolerance of now. It does not verify the signatures.
func SignatureHeader(header http.Header, name string, body []byte, now time.Time) (string, error) {
	values := header.Values(name)
	if len(values) != 1 {
		return "", fmt.Errorf("%w: the header %s was sent %d times", ErrSignature, name, len(values))
	}
	if len(body) > MaxCallback {
		return "", fmt.Errorf("%w: the body has more than %d bytes", ErrSignature, MaxCallback)
	}
	times := elements(values[0], "t")
	if len(times) != 1 {
		// With several times one could be verified and another one signed.
		return "", fmt.Errorf("%w: the header %s has %d times", ErrSignature, name, len(times))
	}
	unix, err := strconv.ParseInt(times[0], 10, 64)
	if err != nil || unix < 0 || times[0] != strconv.FormatInt(unix, 10) {
		return "", fmt.Errorf("%w: the time in the header %s is not valid", ErrSignature, name)
	}
	if age := now.Unix() - unix; age > int64(Tolerance.Seconds()) || age < -int64(Tolerance.Seconds()) {
		return "", fmt.Errorf("%w: its time is %d s ago", ErrSignature, age)
	}
	return values[0], nil
}

// VerifySignature verifies a header t=UNIX,v1=HEX, where HEX is the HMAC-SHA-256 of "UNIX.BODY"
// with one of the secrets. It compares in constant time.
func VerifySignature(header http.Header, name string, body []byte, secrets []config.Secret, now time.Time) error {
	value, err := SignatureHeader(header, name, body, now)
	if err != nil {
		return err
	}
	valid := false
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret.Reveal()))
		mac.Write([]byte(elements(value, "t")[0] + "."))
		mac.Write(body)
		want := mac.Sum(nil)
		for _, text := range elements(value, "v1") {
			got, err := hex.DecodeString(text)
			valid = err == nil && hmac.Equal(got, want) || valid
		}
	}
	if !valid {
		return ErrSignature
	}
	return nil
}

// elements returns the values of a name in a list such as t=1,v1=2,v1=3.
func elements(list, name string) (values []string) {
	for element := range strings.SplitSeq(list, ",") {
		if value, found := strings.CutPrefix(element, name+"="); found {
			values = append(values, value)
		}
	}
	return values
}

// CheckSecrets returns an error unless there is an API key and a webhook secret, and none is
// empty. Several webhook secrets are valid while they are rotated.
func CheckSecrets(apiKey config.Secret, webhookSecrets []config.Secret) error {
	if apiKey.Reveal() == "" {
		return errors.New("the API key of the payment provider is missing")
	}
	if len(webhookSecrets) == 0 {
		return errors.New("the webhook secret of the payment provider is missing")
	}
	for _, secret := range webhookSecrets {
		if secret.Reveal() == "" {
			return errors.New("a webhook secret of the payment provider is empty")
		}
	}
	return nil
}
