package audit_test

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"souk/cmd/souk/internal/audit"
	"souk/shared/apikey"
	"souk/shared/clock"
	"souk/shared/database"
	"souk/shared/manifest"
)

// mustStoreKey stores the states of a key in all databases, as the events of the user service do.
func (s *shop) mustStoreKey(t *testing.T, states ...apikey.Changed) {
	t.Helper()
	databases := map[string]*database.DB{"user": s.users}
	for name, service := range s.services {
		databases[name] = service.DB
	}
	for _, db := range databases {
		err := db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
			for _, c := range states {
				if err := apikey.NewList(db, nil, clock.System).Store(ctx, tx, c); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestAuditOfKeys audits the copies of API keys: nothing is found unless rows are changed by hand.
func TestAuditOfKeys(t *testing.T) {
	t.Parallel()
	s := open(t)
	id, ended := uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
	grant := apikey.Grant{
		Secrets: []apikey.StoredSecret{apikey.NewStoredSecret(apikey.NewSecret(apikey.Live))}, Scopes: []manifest.Permission{"orders.read"}, RatePerMinute: 60,
	}
	s.mustStoreKey(t, apikey.Changed{KeyID: id, Version: 1, Grant: grant})
	s.mustStoreKey(t, apikey.Changed{KeyID: ended, Version: 1, Grant: grant}, apikey.Changed{KeyID: ended, Version: 2, Revoked: true})
	s.mustExec(t, "user", []statement{do(`
		INSERT INTO api_key (id, name, scopes, networks, rate_per_minute, hint, rotated_at, version, created_at, updated_at)
		VALUES (?, 'ERP', '[]', '[]', 60, '', UTC_TIMESTAMP(6), 1, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))`, id[:])})
	requireHealthy(t, s.mustAudit(t, atRest))
	change := func(service, column string, id uuid.UUID, to, from any) damage {
		text := "UPDATE api_key_replica SET " + column + " = ? WHERE key_id = ?"
		return damage{service, []statement{do(text, to, id[:])}, []statement{do(text, from, id[:])}, []audit.Check{audit.KeyDiffers}, id.String()}
	}
	without := func(service, table, column string) damage {
		plant, mend := removed(column+" = ?", []any{id[:]}, service+"."+table)
		return damage{service, plant, mend, []audit.Check{audit.KeyDiffers}, id.String()}
	}
	for name, d := range map[string]damage{
		"a key that one service has not revoked":       change("order", "revoked", ended, false, true),
		"a key that one service has revoked":           change("product", "revoked", id, true, false),
		"a key of an earlier version in one service":   change("payment", "version", id, 0, 1),
		"a key with other rights in one service":       change("order", "secret_grant", id, "{}", mustRead(t, s, id)),
		"a key that one service does not know":         without("product", "api_key_replica", "key_id"),
		"a key that is accepted and not listed":        without("user", "api_key", "id"),
		"a key that is listed and has another version": change("user", "version", id, 2, 1),
	} {
		t.Run("finds "+name, func(t *testing.T) {
			s.mustExec(t, d.service, d.plant)
			report := s.mustAudit(t, atRest)
			s.mustExec(t, d.service, d.mend)
			mustFind(t, report, d)
			requireHealthy(t, s.mustAudit(t, atRest))
		})
	}
}

// mustRead returns what the order service stores of a key.
func mustRead(t *testing.T, s *shop, id uuid.UUID) (text string) {
	t.Helper()
	err := s.databases["order"].QueryRowContext(t.Context(), `SELECT secret_grant FROM api_key_replica WHERE key_id = ?`, id[:]).Scan(&text)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
