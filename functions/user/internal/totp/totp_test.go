package totp

import (
	"bytes"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// rfcSecret is the secret of RFC 6238, appendix B, in base32.
const rfcSecret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

// TestMatch matches the test vectors of RFC 6238, appendix B, with their last six digits.
func TestMatch(t *testing.T) {
	t.Parallel()
	for seconds, code := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
	} {
		at := time.Unix(seconds, 0)
		step, matched := Match(rfcSecret, code, at, 0)
		if !matched || step != seconds/period {
			t.Errorf("%d: got step %d, %t", seconds, step, matched)
		}
		if _, again := Match(rfcSecret, code, at, step); again {
			t.Errorf("%d: the code is accepted twice", seconds)
		}
		for _, near := range []time.Duration{-period * time.Second, period * time.Second} {
			if _, matched := Match(rfcSecret, code, at.Add(near), 0); !matched {
				t.Errorf("%d: the code is not accepted one step away", seconds)
			}
			if far := at.Add(2 * near); far.Before(time.Unix(0, 0)) {
				continue
			}
			if _, matched := Match(rfcSecret, code, at.Add(2*near), 0); matched {
				t.Errorf("%d: the code is accepted two steps away", seconds)
			}
		}
	}
	for _, code := range []string{"", "00592", "0059244", "००५९२४", "-05924", "005925"} {
		if step, matched := Match(rfcSecret, code, time.Unix(1234567890, 0), 0); matched {
			t.Errorf("%q matches step %d", code, step)
		}
	}
}

func TestNewSecret(t *testing.T) {
	t.Parallel()
	secret, err := NewSecret("ada+1@example.com")
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := url.Parse(secret.URL)
	if err != nil || parsed.Scheme != "otpauth" || parsed.Host != "totp" || parsed.Query().Get("secret") != secret.Text || parsed.Path != "/Souk:ada+1@example.com" {
		t.Errorf("got %v, %v", secret, err)
	}
	now := time.Now()
	code, err := Code(secret.Text, now)
	if _, matched := Match(secret.Text, code, now, 0); err != nil || !matched {
		t.Errorf("the code %s does not match: %v", code, err)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	oldKey, newKey := strings.Repeat("o", minKey), strings.Repeat("n", minKey)
	mustParse := func(text string) Keys {
		t.Helper()
		keys, err := ParseKeys(text)
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
	user := uuid.New()
	sealed := mustParse(oldKey).Seal(user, rfcSecret)
	if bytes.Contains(sealed, []byte(rfcSecret)) || bytes.Equal(sealed, mustParse(oldKey).Seal(user, rfcSecret)) {
		t.Error("the secret is in clear, or two seals are the same")
	}
	if secret, err := mustParse(newKey+"\n"+oldKey).Open(user, sealed); err != nil || secret != rfcSecret {
		t.Errorf("after a rotation: got %q, %v", secret, err)
	}
	changed := bytes.Clone(sealed)
	changed[len(changed)-1] ^= 1
	for name, open := range map[string]func() (string, error){
		"another key":  func() (string, error) { return mustParse(newKey).Open(user, sealed) },
		"another user": func() (string, error) { return mustParse(oldKey).Open(uuid.New(), sealed) },
		"a change":     func() (string, error) { return mustParse(oldKey).Open(user, changed) },
		"no bytes":     func() (string, error) { return mustParse(oldKey).Open(user, nil) },
	} {
		if secret, err := open(); err == nil {
			t.Errorf("%s opens the secret %q", name, secret)
		}
	}
	for _, text := range []string{"", " ", "short", oldKey + " short"} {
		if _, err := ParseKeys(text); err == nil || strings.Contains(err.Error(), "short ") {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

func TestRecoveryCodes(t *testing.T) {
	t.Parallel()
	seen := map[[32]byte]bool{}
	for _, code := range NewRecoveryCodes() {
		if len(code) != 19 || strings.Count(code, "-") != 3 {
			t.Errorf("got %q", code)
		}
		hash := HashRecoveryCode(code)
		if HashRecoveryCode(strings.ToUpper(strings.ReplaceAll(code, "-", " "))) != hash {
			t.Errorf("%s has another hash in capital letters", code)
		}
		seen[hash] = true
	}
	if len(seen) != RecoveryCodes {
		t.Errorf("%d different codes, want %d", len(seen), RecoveryCodes)
	}
}
