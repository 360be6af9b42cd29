package user

import (
	"context"

	"github.com/google/uuid"

	"souk/shared/database"
)

const addressColumns = `id, name, company, line1, line2, postal_code, city, region, country, phone,
	version, created_at, updated_at`

func scanAddress(row database.Scanner) (a Address, err error) {
	err = row.Scan(&a.ID, &a.Name, &a.Company, &a.Line1, &a.Line2, &a.PostalCode, &a.City, &a.Region, &a.Country, &a.Phone,
		&a.Version, &a.CreatedAt, &a.UpdatedAt)
	return a, err
}

func countAddresses(ctx context.Context, q database.Queryer, userID uuid.UUID) (int, error) {
	return database.Get(ctx, q, database.ScanColumn[int], `
		SELECT COUNT(*)
		FROM address
		WHERE user_id = ?`, userID[:])
}

func insertAddress(ctx context.Context, q database.Queryer, userID uuid.UUID, a Address) error {
	_, err := q.ExecContext(ctx, `
		INSERT INTO address (user_id, `+addressColumns+`)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		userID[:], a.ID[:], a.Name, a.Company, a.Line1, a.Line2, a.PostalCode, a.City, a.Region, a.Country, a.Phone,
		a.Version, a.CreatedAt, a.UpdatedAt)
	return err
}

// selectAddress returns an address of a user. Addresses of other users are not found.
func selectAddress(ctx context.Context, q database.Queryer, userID, id uuid.UUID) (Address, error) {
	return database.Get(ctx, q, scanAddress, `
		SELECT `+addressColumns+`
		FROM address
		WHERE id = ? AND user_id = ?`, id[:], userID[:])
}

// lockAddress returns an address of a user and locks it. Addresses of other users are
// not found.
func lockAddress(ctx context.Context, tx *database.Tx, userID, id uuid.UUID) (Address, error) {
	return database.Get(ctx, tx, scanAddress, `
		SELECT `+addressColumns+`
		FROM address
		WHERE id = ? AND user_id = ?
		FOR UPDATE`, id[:], userID[:])
}

// selectAddresses returns a user's addresses before a key, newest first.
func selectAddresses(ctx context.Context, q database.Queryer, userID, before uuid.UUID, limit int) ([]Address, error) {
	return database.Collect(ctx, q, scanAddress, `
		SELECT `+addressColumns+`
		FROM address
		WHERE user_id = ? AND id < ?
		ORDER BY id DESC
		LIMIT ?`, userID[:], before[:], limit)
}

func updateAddressRow(ctx context.Context, q database.Queryer, a Address) error {
	_, err := q.ExecContext(ctx, `
		UPDATE address
		SET name = ?, company = ?, line1 = ?, line2 = ?, postal_code = ?, city = ?, region = ?, country = ?, phone = ?,
			version = ?, updated_at = ?
		WHERE id = ?`,
		a.Name, a.Company, a.Line1, a.Line2, a.PostalCode, a.City, a.Region, a.Country, a.Phone,
		a.Version, a.UpdatedAt, a.ID[:])
	return err
}

func deleteAddressRow(ctx context.Context, q database.Queryer, id uuid.UUID) error {
	_, err := q.ExecContext(ctx, `
		DELETE FROM address
		WHERE id = ?`, id[:])
	return err
}
