package user

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"souk/shared/database"
)

// mailEvery is the time after which an address may be sent one more mail of a kind
// that anyone can request: five an hour. It is shorter than any token is valid, so a
// flood of requests never leaves an address without a valid token.
const mailEvery = 12 * time.Minute

// mailQuota bounds the mails of a kind to an address, whoever requests them. A network
// of attackers must not be able to flood a mailbox, so there is no share for each
// network; an address whose quota is used up has been sent tokens lately, and every one
// of them is valid.
type mailQuota struct {
	kind string
	// burst is how many mails may be sent at once.
	burst int
}

var (
	registrationQuota  = mailQuota{"registration", 10}
	passwordResetQuota = mailQuota{"password-reset", 5}
)

// spend reports whether an address may be sent one more mail, and counts it. Others
// that are about to mail the same address wait until the transaction ends.
func (q mailQuota) spend(ctx context.Context, tx *database.Tx, email string, now time.Time) (bool, error) {
	bucket := secretHash(sha256.Sum256([]byte(q.kind + "\x00" + emailKey(email))))
	spentUntil, err := lockMailQuota(ctx, tx, bucket, now)
	if err != nil {
		return false, fmt.Errorf("read the mail quota of an address: %w", err)
	}
	if spentUntil.Before(now) {
		spentUntil = now
	}
	spentUntil = spentUntil.Add(mailEvery)
	if spentUntil.After(now.Add(time.Duration(q.burst) * mailEvery)) {
		return false, nil
	}
	if err := updateMailQuota(ctx, tx, bucket, spentUntil); err != nil {
		return false, fmt.Errorf("spend the mail quota of an address: %w", err)
	}
	return true, nil
}
