package user

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/event"
)

// TestMailPlans asks the server how it would run the statements on the tables that
// mails are about, with as many rows as a flood leaves: none is read whole.
func TestMailPlans(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t, event.Migrations, Migrations)
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	exec(`CREATE TABLE n (n INT NOT NULL PRIMARY KEY AUTO_INCREMENT, one INT NOT NULL)`)
	exec(`INSERT INTO n (one) VALUES ` + strings.TrimSuffix(strings.Repeat("(1),", 5000), ","))
	const id, at = `UNHEX(LEFT(SHA2(n, 256), 32))`, `DATE_SUB(UTC_TIMESTAMP(6), INTERVAL n MINUTE)`
	exec(`INSERT INTO registration (id, email, email_key, password_hash, name, token_hash, created_at, expires_at)
		SELECT ` + id + `, n, n, 'x', 'x', UNHEX(SHA2(n, 256)), ` + at + `, ` + at + ` FROM n`)
	exec(`INSERT INTO password_reset (id, email_key, token_hash, created_at, expires_at) SELECT ` + id + `, n, UNHEX(SHA2(n, 256)), ` + at + `, ` + at + ` FROM n`)
	exec(`INSERT INTO mail_quota (bucket, spent_until) SELECT UNHEX(SHA2(n, 256)), ` + at + ` FROM n`)
	exec(`INSERT INTO user (id, email, email_key, password_hash, password_version, name, role, version, created_at, updated_at)
		SELECT ` + id + `, n, n, 'x', 1, 'x', 'customer', 1, ` + at + `, ` + at + ` FROM n`)
	exec(`DROP TABLE n`)
	dbtest.Analyze(t, db, "registration", "password_reset", "mail_quota", "user")

	now, of := time.Now().UTC(), uuid.New()
	_, token := newSecret()
	r, err := newUser("x@example.com", "X", auth.Customer, now)
	if err != nil {
		t.Fatal(err)
	}
	second := func(_ any, err error) error { return err }
	for name, run := range map[string]func(context.Context, database.Queryer) error{
		"insertRegistration": func(ctx context.Context, q database.Queryer) error {
			return insertRegistration(ctx, q, Registration{ID: of, Email: r.Email, CreatedAt: now, ExpiresAt: now.Add(time.Hour)}, "x")
		},
		"lockRegistration": func(ctx context.Context, q database.Queryer) error { return second(lockRegistration(ctx, q, of)) },
		"lockRegistrationByToken": func(ctx context.Context, q database.Queryer) error {
			_, _, err := lockRegistrationByToken(ctx, q, token)
			return err
		},
		"updateRegistrationToken": func(ctx context.Context, q database.Queryer) error { return updateRegistrationToken(ctx, q, of, token) },
		"deleteRegistration":      func(ctx context.Context, q database.Queryer) error { return deleteRegistration(ctx, q, of) },
		"deleteRegistrationsOf":   func(ctx context.Context, q database.Queryer) error { return deleteRegistrationsOf(ctx, q, "17") },
		"lockMailQuota":           func(ctx context.Context, q database.Queryer) error { return second(lockMailQuota(ctx, q, token, now)) },
		"updateMailQuota":         func(ctx context.Context, q database.Queryer) error { return updateMailQuota(ctx, q, token, now) },
		"insertPasswordReset": func(ctx context.Context, q database.Queryer) error {
			return insertPasswordReset(ctx, q, passwordReset{ID: of, EmailKey: "x", CreatedAt: now, ExpiresAt: now.Add(time.Hour)})
		},
		"lockPasswordReset": func(ctx context.Context, q database.Queryer) error { return second(lockPasswordReset(ctx, q, of)) },
		"lockPasswordResetByToken": func(ctx context.Context, q database.Queryer) error {
			return second(lockPasswordResetByToken(ctx, q, token))
		},
		"selectUserByResetToken": func(ctx context.Context, q database.Queryer) error {
			return second(selectUserByResetToken(ctx, q, token, now))
		},
		"updatePasswordResetToken": func(ctx context.Context, q database.Queryer) error {
			return updatePasswordResetToken(ctx, q, of, token)
		},
		"deletePasswordReset":    func(ctx context.Context, q database.Queryer) error { return deletePasswordReset(ctx, q, of) },
		"deletePasswordResetsOf": func(ctx context.Context, q database.Queryer) error { return deletePasswordResetsOf(ctx, q, "17") },
		"replacePassword":        func(ctx context.Context, q database.Queryer) error { return replacePassword(ctx, q, of, "x") },
	} {
		t.Run(name+" scans no table that grows", func(t *testing.T) {
			// Which rows there are by now depends on the order; how they are found does not.
			if err := run(t.Context(), dbtest.NewExplainer(t, db)); err != nil && !errors.Is(err, sql.ErrNoRows) {
				t.Error(err)
			}
		})
	}
}
