package user

import (
	"context"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/note"
)

const listedUserColumns = userColumns + `, tags`

func scanListedUser(row database.Scanner) (u listedUser, err error) {
	var columns roleColumns
	var tags []byte
	if err := row.Scan(append(u.scanInto(&columns), &tags)...); err != nil {
		return u, err
	}
	u.Role = columns.role()
	u.Tags, err = note.DecodeTags(tags)
	return u, err
}

func selectListedUser(ctx context.Context, q database.Queryer, id uuid.UUID) (listedUser, error) {
	return database.Get(ctx, q, scanListedUser, `
		SELECT `+listedUserColumns+`
		FROM user
		WHERE id = ?`, id[:])
}

// lockListedUser returns an account and locks it until the transaction ends.
func lockListedUser(ctx context.Context, tx *database.Tx, id uuid.UUID) (listedUser, error) {
	return database.Get(ctx, tx, scanListedUser, `
		SELECT `+listedUserColumns+`
		FROM user
		WHERE id = ?
		FOR UPDATE`, id[:])
}

// updateTags stores the tags and the version of a locked account.
func updateTags(ctx context.Context, tx *database.Tx, u *listedUser) error {
	encoded, err := note.EncodeTags(u.Tags)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		UPDATE user
		SET tags = ?, version = ?
		WHERE id = ?`, encoded, u.Version, u.ID[:])
	return err
}

// selectUsersByTag returns accounts with a tag, before an id, newest first.
func selectUsersByTag(ctx context.Context, q database.Queryer, folded string, before uuid.UUID, limit int) ([]listedUser, error) {
	return database.Collect(ctx, q, scanListedUser, `
		SELECT STRAIGHT_JOIN `+listedUserColumns+`
		FROM user_tag t FORCE INDEX (PRIMARY)
		JOIN user u FORCE INDEX (PRIMARY) ON u.id = t.user_id
		WHERE t.tag = ? AND t.user_id < ?
		ORDER BY t.user_id DESC
		LIMIT ?`, folded, before[:], limit)
}
