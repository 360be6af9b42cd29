package user

import (
	"context"
	"time"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/database"
)

// insertUser inserts a new account, with the words of its name. The error is a duplicate if its e-mail
// address has an account.
func insertUser(ctx context.Context, q database.Queryer, u User, passwordHash string) error {
	role := newRoleColumns(u.Role)
	_, err := q.ExecContext(ctx, `
		INSERT INTO user (id, email, email_key, password_hash, password_version, name, words_version, role, staff_role, version, created_at, updated_at)
		VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?)`,
		u.ID[:], u.Email, emailKey(u.Email), passwordHash, u.Name, wordsVersion, role.Former, role.Staff, u.Version, u.CreatedAt, u.UpdatedAt)
	if err != nil {
		return err
	}
	return insertWords(ctx, q, u.ID, u.Name)
}

const userColumns = `id, email, name, phone, vat_number, role, staff_role, version, created_at, updated_at`

func scanUser(row database.Scanner) (u User, err error) {
	var columns roleColumns
	err = row.Scan(u.scanInto(&columns)...)
	u.Role = columns.role()
	return u, err
}

// scanInto returns where userColumns are scanned into, with those of the role.
func (u *User) scanInto(columns *roleColumns) []any {
	return []any{&u.ID, &u.Email, &u.Name, &u.Phone, &u.VATNumber, &columns.Former, &columns.Staff, &u.Version, &u.CreatedAt, &u.UpdatedAt}
}

func selectUser(ctx context.Context, q database.Queryer, id uuid.UUID) (User, error) {
	return database.Get(ctx, q, scanUser, `
		SELECT `+userColumns+`
		FROM user
		WHERE id = ?`, id[:])
}

// selectUsersByID returns accounts by id. Accounts that do not exist are missing.
func selectUsersByID(ctx context.Context, q database.Queryer, ids []uuid.UUID) (map[uuid.UUID]User, error) {
	users := map[uuid.UUID]User{}
	return users, database.Each(ctx, q, func(row database.Scanner) error {
		u, err := scanUser(row)
		users[u.ID] = u
		return err
	}, `
		SELECT `+userColumns+`
		FROM user
		WHERE id IN (`+database.Placeholders(len(ids))+`)`, database.IDs(ids)...)
}

// lockUser returns an account and locks it until the transaction ends. Changes of its
// sessions wait for this lock, too.
func lockUser(ctx context.Context, tx *database.Tx, id uuid.UUID) (User, error) {
	return database.Get(ctx, tx, scanUser, `
		SELECT `+userColumns+`
		FROM user
		WHERE id = ?
		FOR UPDATE`, id[:])
}

// nextRightsVersion increments the rights version of an account, and returns it.
func nextRightsVersion(ctx context.Context, tx *database.Tx, id uuid.UUID) (version int64, err error) {
	_, err = tx.ExecContext(ctx, `
		UPDATE user
		SET rights_version = rights_version + 1
		WHERE id = ?`, id[:])
	if err != nil {
		return 0, err
	}
	r, err := lockRole(ctx, tx, id)
	return r.Version, err
}

// lockRole returns the rights of an account without its permissions, and locks them for reading
// until the transaction ends.
func lockRole(ctx context.Context, tx *database.Tx, id uuid.UUID) (rights, error) {
	return database.Get(ctx, tx, scanRights, `
		SELECT `+rightsColumns+`
		FROM user
		WHERE id = ?
		LOCK IN SHARE MODE`, id[:])
}

// selectUsers returns accounts before an id, newest first.
func selectUsers(ctx context.Context, q database.Queryer, before uuid.UUID, limit int) ([]listedUser, error) {
	return database.Collect(ctx, q, scanListedUser, `
		SELECT `+listedUserColumns+`
		FROM user
		WHERE id < ?
		ORDER BY id DESC
		LIMIT ?`, before[:], limit)
}

// updateUser updates the changeable fields of a locked account.
func updateUser(ctx context.Context, tx *database.Tx, u User) error {
	role := newRoleColumns(u.Role)
	_, err := tx.ExecContext(ctx, `
		UPDATE user
		SET name = ?, phone = ?, vat_number = ?, role = ?, staff_role = ?, version = ?, updated_at = ?
		WHERE id = ?`, u.Name, u.Phone, u.VATNumber, role.Former, role.Staff, u.Version, u.UpdatedAt, u.ID[:])
	return err
}

// deleteUser deletes a locked account, and by their foreign keys the rows of other tables
// that belong to it.
func deleteUser(ctx context.Context, tx *database.Tx, id uuid.UUID) error {
	_, err := tx.ExecContext(ctx, `
		DELETE FROM user
		WHERE id = ?`, id[:])
	return err
}

// updatePassword replaces the password of an account, if its version is unchanged.
func updatePassword(ctx context.Context, tx *database.Tx, id uuid.UUID, passwordVersion int64, hash string) (updated bool, err error) {
	return database.Affected(tx.ExecContext(ctx, `
		UPDATE user
		SET password_hash = ?, password_version = password_version + 1
		WHERE id = ? AND password_version = ?`, hash, id[:], passwordVersion))
}

// selectAccount returns the credentials of an account without the hash of its password,
// which few functions have the right to read.
func selectAccount(ctx context.Context, q database.Queryer, key string) (credentials, error) {
	return database.Get(ctx, q, scanAccount, `
		SELECT id, role, staff_role, password_version, second_factor
		FROM user
		WHERE email_key = ?`, key)
}

func scanAccount(row database.Scanner) (c credentials, err error) {
	var columns roleColumns
	err = row.Scan(&c.UserID, &columns.Former, &columns.Staff, &c.PasswordVersion, &c.SecondFactor)
	c.Role = columns.role()
	return c, err
}

func selectCredentials(ctx context.Context, q database.Queryer, key string) (credentials, error) {
	return database.Get(ctx, q, scanCredentials, `
		SELECT id, role, staff_role, password_hash, password_version, second_factor
		FROM user
		WHERE email_key = ?`, key)
}

func scanCredentials(row database.Scanner) (c credentials, err error) {
	var columns roleColumns
	err = row.Scan(&c.UserID, &columns.Former, &columns.Staff, &c.PasswordHash, &c.PasswordVersion, &c.SecondFactor)
	c.Role = columns.role()
	return c, err
}

// updatePasswordHash replaces the hash of an unchanged password. It does nothing if the
// password has changed since that version.
func updatePasswordHash(ctx context.Context, q database.Queryer, id uuid.UUID, passwordVersion int64, hash string) error {
	_, err := q.ExecContext(ctx, `
		UPDATE user
		SET password_hash = ?
		WHERE id = ? AND password_version = ?`, hash, id[:], passwordVersion)
	return err
}

// updateLogin replaces the password and the role of an account.
func updateLogin(ctx context.Context, q database.Queryer, id uuid.UUID, role auth.Role, hash string, now time.Time) error {
	columns := newRoleColumns(role)
	_, err := q.ExecContext(ctx, `
		UPDATE user
		SET password_hash = ?, password_version = password_version + 1, role = ?, staff_role = ?, version = version + 1, updated_at = ?
		WHERE id = ?`, hash, columns.Former, columns.Staff, now, id[:])
	return err
}
