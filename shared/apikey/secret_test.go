package apikey

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

var form = regexp.MustCompile(`^` + Pattern + `$`)

func TestNewSecret(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 2000 {
		for _, kind := range []Kind{Live, Test} {
			secret := NewSecret(kind)
			text := secret.Reveal()
			if !form.MatchString(text) || !strings.HasPrefix(text, string(kind)) || seen[text] {
				t.Fatalf("%q is not a new secret of the form %s", text, Pattern)
			}
			seen[text] = true
			hash, err := ParseSecret(text)
			if err != nil || hash != secret.Hash() || hash != sha256.Sum256([]byte(text)) {
				t.Fatalf("%q: got hash %x, error %v", text, hash, err)
			}
			if hint := secret.Hint(); len(hint) != HintLength || !strings.HasPrefix(text, hint) {
				t.Fatalf("%q: the hint is %q", text, hint)
			}
			if shown := fmt.Sprintf("%v %+v %#v %s %q", secret, secret, secret, secret, secret); strings.Contains(shown, text[HintLength:]) {
				t.Fatalf("the secret prints itself: %s", shown)
			}
		}
	}
}

// TestBoundaries has the numbers at the ends: their digits have a fixed length.
func TestBoundaries(t *testing.T) {
	t.Parallel()
	for _, fill := range []byte{0x00, 0xff} {
		var random [randomBytes]byte
		for i := range random {
			random[i] = fill
		}
		if text := newSecret(Live, random).Reveal(); !form.MatchString(text) {
			t.Errorf("%q is not of the form", text)
		}
	}
}

// TestKnownSecrets has secrets that another program has computed: Python, with zlib.crc32.
func TestKnownSecrets(t *testing.T) {
	t.Parallel()
	var ascending [randomBytes]byte
	for i := range ascending {
		ascending[i] = byte(i)
	}
	for want, random := range map[string][randomBytes]byte{
		"souk_live_00000000000000000000000000000000000000000003cGB11": {},
		"souk_live_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf4G1h5H": ascending,
	} {
		if got := newSecret(Live, random).Reveal(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestChangedSecrets changes secrets as typing errors do: every such text is refused without a
// database.
func TestChangedSecrets(t *testing.T) {
	t.Parallel()
	for range 50 {
		text := NewSecret(Live).Reveal()
		changed := []string{
			text[:len(text)-1], text + "0", " " + text, text + "\n", strings.ToUpper(text), strings.Replace(text, "live", "test", 1),
			strings.Replace(text, "_", "-", 1), text[:prefixLength], string(Live), "", text + text, text[prefixLength:],
		}
		for i := prefixLength; i < len(text); i++ {
			other := digits[(strings.IndexByte(digits, text[i])+1+rand.IntN(base-1))%base]
			changed = append(changed, text[:i]+string(other)+text[i+1:], text[:i]+"é"+text[i+1:], text[:i]+text[i+1:], text[:i]+"-"+text[i+1:])
			if i+1 < len(text) && text[i] != text[i+1] { // two characters in the wrong order
				changed = append(changed, text[:i]+string(text[i+1])+string(text[i])+text[i+2:])
			}
		}
		for _, wrong := range changed {
			if wrong == text {
				continue
			}
			if _, err := ParseSecret(wrong); !errors.Is(err, ErrMalformed) {
				t.Fatalf("%q (of %q): got %v, want ErrMalformed", wrong, text, err)
			} else if len(wrong) > HintLength && strings.Contains(err.Error(), wrong) {
				t.Fatalf("the error quotes the secret: %v", err)
			}
		}
	}
}

// TestFalsePositives requires that random texts of the form are refused: a scanner that checks the
// checksum reports none of them.
func TestFalsePositives(t *testing.T) {
	t.Parallel()
	for range 20_000 {
		var text strings.Builder
		text.WriteString(string(Live))
		for range randomLength + checksumLength {
			text.WriteByte(digits[rand.IntN(base)])
		}
		if _, err := ParseSecret(text.String()); err == nil {
			t.Fatalf("%s is accepted", text.String())
		}
	}
}

func FuzzParseSecret(f *testing.F) {
	f.Add(newSecret(Live, [randomBytes]byte{1}).Reveal())
	f.Add("souk_live_")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		hash, err := ParseSecret(text)
		if err == nil && (!form.MatchString(text) || hash != sha256.Sum256([]byte(text))) {
			t.Fatalf("%q is accepted", text)
		}
	})
}
