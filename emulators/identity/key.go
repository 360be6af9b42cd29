package identity

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/go-jose/go-jose/v4"
)

const (
	keyFile = "push-token-key.pem"
	keyBits = 2048
	pemType = "PRIVATE KEY"
)

func loadOrCreateKey(dir string) (*rsa.PrivateKey, error) {
	if dir == "" {
		return rsa.GenerateKey(rand.Reader, keyBits)
	}
	path := filepath.Join(dir, keyFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return createKey(dir, path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the signing key: %w", err)
	}
	key, err := parseKey(text)
	if err != nil {
		return nil, fmt.Errorf("signing key %s: %w (remove the file to create a new key)", path, err)
	}
	return key, nil
}

func createKey(dir, path string) (*rsa.PrivateKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fmt.Errorf("generate a signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode the signing key: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the directory of the signing key: %w", err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der})
	if err := writeAtomically(path, text); err != nil {
		return nil, fmt.Errorf("store the signing key: %w", err)
	}
	return key, nil
}

// writeAtomically writes the file completely or not at all: a killed process must not
// leave an unreadable key.
func writeAtomically(path string, text []byte) error {
	// CreateTemp creates files with mode 0600.
	draft, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = draft.Write(text)
	err = errors.Join(err, draft.Close())
	if err == nil {
		err = os.Rename(draft.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(draft.Name()))
	}
	return nil
}

func parseKey(text []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != pemType {
		return nil, fmt.Errorf("not a PEM block of type %s", pemType)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("want an RSA key, got %T", parsed)
	}
	return key, nil
}

// keyID returns the thumbprint of a key (RFC 7638), so that no id has to be stored.
func keyID(public *rsa.PublicKey) (string, error) {
	thumbprint, err := (&jose.JSONWebKey{Key: public}).Thumbprint(crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("compute the id of the signing key: %w", err)
	}
	return hex.EncodeToString(thumbprint[:20]), nil
}

// accountID returns a substitute for the numeric unique id of a Google service account: 21
// digits, derived from the email.
func accountID(email string) string {
	sum := sha256.Sum256([]byte(email))
	const offset, span = 100_000_000_000_000_000, 900_000_000_000_000_000
	return "113" + strconv.FormatUint(offset+binary.BigEndian.Uint64(sum[:])%span, 10)
}
