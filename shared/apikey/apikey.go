// Package apikey verifies the API keys of machines. The service that manages keys publishes an
// event for each change. Every service stores the state of the keys in a table of its own database,
// and every instance verifies keys against a copy of that table in memory, which requests refresh.
// See docs/adr/0069.
package apikey

import (
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/manifest"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations create the tables of keys and of their use. Every service's database has them.
var Migrations = database.Migrations{Name: "api_key_replica", FS: files}

var (
	// Topic is the topic of the events that a key was created, changed or revoked.
	Topic = event.NewTopic[Changed]("api-key-changed", "api-key")
	// UsedTopic is the topic of the events that keys were used.
	UsedTopic = event.NewTopic[Used]("api-key-used", "api-key")
)

// MaxKeys is the maximum number of keys of a shop.
const MaxKeys = 100

// MaxRate is the maximum of a key's requests per minute.
const MaxRate = 60_000

// Changed is the event that a key was created, changed or revoked: the state of the key since a
// version.
type Changed struct {
	KeyID   uuid.UUID `json:"keyId"`
	Version int64     `json:"version" doc:"The version of the key. A service ignores an event with a version that it has, or an earlier one."`
	Revoked bool      `json:"revoked,omitempty" doc:"Whether the key was revoked. This is the last event of a key."`
	Grant
}

// Grant is what a key allows: it is empty when the key is revoked.
type Grant struct {
	Secrets       []StoredSecret        `json:"secrets,omitempty" doc:"The secrets of the key, newest first."`
	Scopes        []manifest.Permission `json:"scopes,omitempty" doc:"The permissions of the key."`
	ExpiresAt     *time.Time            `json:"expiresAt,omitempty" doc:"When the key expires. Without it the key does not expire."`
	Networks      []string              `json:"networks,omitempty" doc:"The networks from which the key may be used, as CIDR prefixes. Without them it may be used from any."`
	RatePerMinute int                   `json:"ratePerMinute,omitempty" doc:"The maximum number of requests per minute to each service."`
}

// StoredSecret is what is stored of a secret.
type StoredSecret struct {
	Hash  string     `json:"hash" doc:"The SHA-256 hash of the secret in hexadecimal digits."`
	Until *time.Time `json:"until,omitempty" doc:"When the secret is no longer accepted, for one that was replaced."`
}

// NewStoredSecret returns what is stored of a secret.
func NewStoredSecret(secret Secret) StoredSecret {
	hash := secret.Hash()
	return StoredSecret{Hash: hex.EncodeToString(hash[:])}
}

// Used is the event that keys were used.
type Used struct {
	Uses []Use `json:"uses"`
}

// Use is the latest hour in which a key was used.
type Use struct {
	KeyID  uuid.UUID `json:"keyId"`
	UsedAt time.Time `json:"usedAt" doc:"The beginning of the hour."`
}

// Key is a verified key.
type Key struct {
	ID     uuid.UUID
	Scopes []manifest.Permission
}

// entry is a key in the copy of an instance.
type entry struct {
	Key
	secrets   map[Hash]time.Time // when each is no longer accepted; zero: never
	expiresAt time.Time          // zero: never
	networks  []netip.Prefix     // empty: all
	rate      int
}

// check returns an error for an event that cannot be of a key.
func (c Changed) check() error {
	if c.KeyID == uuid.Nil || c.Version < 1 {
		return errors.New("a key without an id or a version")
	}
	if c.Revoked {
		return nil
	}
	if len(c.Secrets) == 0 || c.RatePerMinute < 1 {
		return fmt.Errorf("key %s without a secret or a rate", c.KeyID)
	}
	_, err := c.entry(c.KeyID)
	return err
}

// entry returns the key in the form in which it is verified.
func (g Grant) entry(id uuid.UUID) (entry, error) {
	e := entry{Key: Key{ID: id, Scopes: g.Scopes}, secrets: map[Hash]time.Time{}, rate: g.RatePerMinute}
	for _, s := range g.Secrets {
		raw, err := hex.DecodeString(s.Hash)
		if err != nil || len(raw) != len(Hash{}) {
			return e, fmt.Errorf("key %s: a secret is not a SHA-256 hash", id)
		}
		e.secrets[Hash(raw)] = timeOf(s.Until)
	}
	e.expiresAt = timeOf(g.ExpiresAt)
	for _, text := range g.Networks {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return e, fmt.Errorf("key %s: %w", id, err)
		}
		e.networks = append(e.networks, network)
	}
	return e, nil
}

// timeOf returns the time, or zero without one.
func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// isOver reports whether a time, if it is not zero, has come.
func isOver(at, now time.Time) bool { return !at.IsZero() && !now.Before(at) }
