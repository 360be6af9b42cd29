package functiontest

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"souk/shared/apikey"
	"souk/shared/database"
	"souk/shared/manifest"
)

// Key stores an API key with the scopes in the service's database, as its events would, and returns the
// secret. An instance that has read the keys accepts it after apikey.MaxAge. Changes are of the state that
// is stored.
func (s *Server) Key(t testing.TB, scopes manifest.PermissionSet, changes ...func(*apikey.Changed)) string {
	t.Helper()
	secret := apikey.NewSecret(apikey.Live)
	c := apikey.Changed{KeyID: uuid.Must(uuid.NewV7()), Version: 1, Grant: apikey.Grant{
		Secrets: []apikey.StoredSecret{apikey.NewStoredSecret(secret)}, Scopes: scopes.List(), RatePerMinute: apikey.MaxRate,
	}}
	for _, change := range changes {
		change(&c)
	}
	err := s.DB.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
		return apikey.NewList(s.DB, nil, s.now).Store(ctx, tx, c)
	})
	if err != nil {
		t.Fatalf("store an API key: %v", err)
	}
	return secret.Reveal()
}
