package user

import (
	"context"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"souk/shared/database"
)

// afterText is a character after all that e-mail addresses contain.
const afterText = "\U0010FFFF"

// selectUsersByAddress returns accounts whose e-mail address begins with a text, after an address, in the
// order of the addresses.
func selectUsersByAddress(ctx context.Context, q database.Queryer, prefix, after string, limit int) ([]listedUser, error) {
	return database.Collect(ctx, q, scanListedUser, `
		SELECT `+listedUserColumns+`
		FROM user FORCE INDEX (user_by_email)
		WHERE email_key >= ? AND email_key < ? AND email_key > ?
		ORDER BY email_key
		LIMIT ?`, prefix, prefix+afterText, after, limit)
}

// nameSearch selects the accounts whose names have all words.
type nameSearch struct {
	words []string
	// address excludes the accounts whose addresses begin with it, which selectUsersByAddress returns.
	address string
	before  uuid.UUID // only accounts with lower ids, which are older
}

// nameScanLimit is how many accounts with the rarest word a request reads at most. The next page continues
// there.
const nameScanLimit = 4_000

// selectUsersByName returns accounts with all words, newest first. If it has read nameScanLimit accounts
// without finding so many, it also returns the id where the search continues.
func selectUsersByName(ctx context.Context, q database.Queryer, search nameSearch, limit int) (users []listedUser, end uuid.UUID, err error) {
	if err := search.sort(ctx, q); err != nil {
		return nil, uuid.Nil, err
	}
	ends, err := database.Collect(ctx, q, database.ScanColumn[uuid.UUID], `
		SELECT user_id
		FROM user_word FORCE INDEX (PRIMARY)
		WHERE word = ? AND user_id < ?
		ORDER BY user_id DESC
		LIMIT 1 OFFSET ?`, search.words[0], search.before[:], nameScanLimit-1)
	if err != nil {
		return nil, uuid.Nil, err
	}
	if len(ends) > 0 {
		end = ends[0]
	}
	var joins strings.Builder
	var args []any
	for i, word := range search.words[1:] {
		w := `w` + strconv.Itoa(i)
		joins.WriteString(` JOIN user_word ` + w + ` ON ` + w + `.word = ? AND ` + w + `.user_id = w.user_id`)
		args = append(args, word)
	}
	args = append(args, search.words[0], search.before[:], end[:], search.address, search.address+afterText, limit)
	users, err = database.Collect(ctx, q, scanListedUser, `
		SELECT STRAIGHT_JOIN `+listedUserColumns+`
		FROM user_word w FORCE INDEX (PRIMARY)`+joins.String()+`
		JOIN user u FORCE INDEX (PRIMARY) ON u.id = w.user_id
		WHERE w.word = ? AND w.user_id < ? AND w.user_id >= ? AND (u.email_key < ? OR u.email_key >= ?)
		ORDER BY w.user_id DESC
		LIMIT ?`, args...)
	if len(users) == limit {
		end = uuid.Nil
	}
	return users, end, err
}

// sort puts the rarest word first, by the server's estimates.
func (s *nameSearch) sort(ctx context.Context, q database.Queryer) error {
	if len(s.words) == 1 {
		return nil
	}
	const one = `SELECT 1 FROM user_word USE INDEX (PRIMARY) WHERE word = ?`
	counts, err := database.EstimateRows(ctx, q, one+strings.Repeat(` UNION ALL `+one, len(s.words)-1), database.Args(s.words)...)
	if err != nil {
		return err
	}
	for i := range s.words[1:] {
		if i+1 < len(counts) && counts[i+1] < counts[0] {
			s.words[0], s.words[i+1] = s.words[i+1], s.words[0]
			counts[0], counts[i+1] = counts[i+1], counts[0]
		}
	}
	return nil
}
