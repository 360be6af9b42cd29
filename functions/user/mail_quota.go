package user

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"souk/shared/database"
)

// mailInterval is the time after which an address may be sent one more mail of a kind
// that anyone can request: five per hour. It is shorter than the lifetime of any token,
// so that a flood of requests never leaves an address without a valid token.
const mailInterval = 12 * time.Minute

// mailQuota is the limit of mails of a kind to an address, by any client. There is no
// quota per network, because attackers with many networks could then flood a mailbox. An
// address whose quota is spent has recently been sent tokens, and all of them are valid.
type mailQuota struct {
	kind string
	// burst is the number of mails that may be sent without a pause.
	burst int
}

var (
	registrationQuota  = mailQuota{"registration", 10}
	passwordResetQuota = mailQuota{"password-reset", 5}
	emailChangeQuota   = mailQuota{"email-change", 5}
	// guestOrderQuota is for mails about orders without an account and without a payment: anyone
	// can place and cancel them with the address of another.
	guestOrderQuota = mailQuota{"guest-order", 20}
)

// spend reports whether an address may be sent one more mail, and counts the mail. It
// locks the address's quota until the transaction ends.
func (q mailQuota) spend(ctx context.Context, tx *database.Tx, email string, now time.Time) (bool, error) {
	bucket := secretHash(sha256.Sum256([]byte(q.kind + "\x00" + emailKey(email))))
	spentUntil, err := lockMailQuota(ctx, tx, bucket, now)
	if err != nil {
		return false, fmt.Errorf("read mail quota of an address: %w", err)
	}
	if spentUntil.Before(now) {
		spentUntil = now
	}
	spentUntil = spentUntil.Add(mailInterval)
	if spentUntil.After(now.Add(time.Duration(q.burst) * mailInterval)) {
		return false, nil
	}
	if err := updateMailQuota(ctx, tx, bucket, spentUntil); err != nil {
		return false, fmt.Errorf("spend mail quota of an address: %w", err)
	}
	return true, nil
}
