package user

import (
	"context"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/manifest"
)

const staffRoleColumns = `id, name, permissions, version, created_at, updated_at`

func scanStaffRole(row database.Scanner) (r StaffRole, err error) {
	var permissions string
	err = row.Scan(&r.ID, &r.Name, &permissions, &r.Version, &r.CreatedAt, &r.UpdatedAt)
	r.Permissions = manifest.ParsePermissionSet(permissions).List()
	return r, err
}

// insertStaffRole inserts a role. The error is a duplicate if there is one with the name.
func insertStaffRole(ctx context.Context, tx *database.Tx, r StaffRole) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO shop_role (`+staffRoleColumns+`)
		VALUES (?, ?, ?, ?, ?, ?)`,
		r.ID[:], r.Name, r.set().String(), r.Version, r.CreatedAt, r.UpdatedAt)
	return err
}

// lockStaffRole returns a role and locks it until the transaction ends. Sign-ins, refreshes and
// appointments of accounts with the role wait for this lock.
func lockStaffRole(ctx context.Context, tx *database.Tx, id uuid.UUID) (StaffRole, error) {
	return database.Get(ctx, tx, scanStaffRole, `
		SELECT `+staffRoleColumns+`
		FROM shop_role
		WHERE id = ?
		FOR UPDATE`, id[:])
}

// selectStaffRoles returns the roles that the shop has defined, after a name, by name.
func selectStaffRoles(ctx context.Context, q database.Queryer, after auth.Role, limit int) ([]StaffRole, error) {
	return database.Collect(ctx, q, scanStaffRole, `
		SELECT `+staffRoleColumns+`
		FROM shop_role
		WHERE name > ?
		ORDER BY name
		LIMIT ?`, after, limit)
}

// lockRolePermissions returns the permissions of a role that the shop has defined, and locks them
// for reading until the transaction ends.
func lockRolePermissions(ctx context.Context, tx *database.Tx, name auth.Role) (manifest.PermissionSet, error) {
	text, err := database.Get(ctx, tx, database.ScanColumn[string], `
		SELECT permissions
		FROM shop_role
		WHERE name = ?
		LOCK IN SHARE MODE`, name)
	return manifest.ParsePermissionSet(text), err
}

func updateStaffRole(ctx context.Context, tx *database.Tx, r StaffRole) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE shop_role
		SET permissions = ?, version = ?, updated_at = ?
		WHERE id = ?`, r.set().String(), r.Version, r.UpdatedAt, r.ID[:])
	return err
}

func deleteStaffRole(ctx context.Context, tx *database.Tx, id uuid.UUID) error {
	_, err := tx.ExecContext(ctx, `
		DELETE FROM shop_role
		WHERE id = ?`, id[:])
	return err
}

// selectHolders returns the ids of accounts with a role, at most limit.
func selectHolders(ctx context.Context, tx *database.Tx, role auth.Role, limit int) ([]uuid.UUID, error) {
	return database.Collect(ctx, tx, database.ScanColumn[uuid.UUID], `
		SELECT id
		FROM user
		WHERE staff_role = ?
		ORDER BY id
		LIMIT ?`, role, limit)
}
