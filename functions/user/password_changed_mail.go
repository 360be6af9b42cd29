package user

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

// passwordChanged is the payload of password-changed.
type passwordChanged struct {
	UserID uuid.UUID `json:"userId"`
}

// accountEvent is the part of the events about the security of accounts that
// password-changed-mail reads.
type accountEvent struct {
	UserID   uuid.UUID `json:"userId"`
	ChangeID uuid.UUID `json:"changeId,omitzero"` // of email-changed
	// Change is that of second-factor-changed.
	Change factorChange `json:"change,omitzero"`
}

// factorTexts are the texts of mails about changes of the second factor.
var factorTexts = map[factorChange]string{ //nolint:gosec // G101: texts of mails
	totpAdded:            "an authenticator app was added to your account. Signing in needs a code of it from now on.",
	totpRemoved:          "the authenticator app was removed from your account.",
	passkeyAdded:         "a passkey was added to your account. It signs in without a password.",
	passkeyRemoved:       "a passkey was removed from your account.",
	recoveryCodesCreated: "your recovery codes were replaced. The earlier ones are no longer valid.",
	recoveryCodeUsed:     "a recovery code was used to sign in to your account. It cannot be used again. If few remain, create new ones.",
	secondFactorReset:    "the shop has removed the authenticator app, the passkeys and the recovery codes of your account. The password alone signs in until you set them up again. All devices were signed out.",
	secondFactorReverted: "the change of your e-mail address was reverted. The authenticator app, passkeys and recovery codes that were added in the seven days before the change was requested, or later, were removed. Older ones remain. If no recovery codes remain, create new ones.",
}

// factorData is the data of the mails about changes of the second factor.
type factorData struct {
	Name, Text string
	At         time.Time
}

// passwordChangedMail notifies the owner of an account that its password, e-mail
// address or second factor was changed.
func (s *service) passwordChangedMail(ctx context.Context, tx *database.Tx, m *mailMessage[accountEvent]) (outgoingMail, error) {
	owner, err := selectUser(ctx, tx, m.Payload.UserID)
	if errors.Is(err, database.ErrNotFound) { // the account was deleted
		return outgoingMail{}, nil
	}
	if err != nil {
		return outgoingMail{}, fmt.Errorf("read user %s: %w", m.Payload.UserID, err)
	}
	to := recipient{Name: owner.Name, Email: owner.Email}
	switch m.Event.Type {
	case topicEmailChanged.Name():
		return s.emailChangedMail(ctx, tx, m, owner)
	case topicSecondFactorChanged.Name():
		text, known := factorTexts[m.Payload.Change]
		if !known {
			return outgoingMail{}, fmt.Errorf("second-factor-changed of user %s has the unknown change %q", owner.ID, m.Payload.Change)
		}
		return outgoingMail{Kind: secondFactorTemplate, To: to, Data: factorData{Name: owner.Name, Text: text, At: m.Event.Time}}, nil
	}
	return outgoingMail{Kind: passwordChangedTemplate, To: to, Data: mailData{Name: owner.Name, At: m.Event.Time}}, nil
}

// emailChangedMail returns the notice of a new e-mail address to the old address, with the
// token that reverts the change. A change that was reverted or has expired is not mailed.
func (s *service) emailChangedMail(ctx context.Context, tx *database.Tx, m *mailMessage[accountEvent], owner User) (outgoingMail, error) {
	c, err := lockEmailChange(ctx, tx, m.Payload.ChangeID)
	if errors.Is(err, database.ErrNotFound) || err == nil && !s.Now().Before(c.ExpiresAt) {
		return outgoingMail{}, nil
	}
	if err != nil {
		return outgoingMail{}, fmt.Errorf("read e-mail change %s: %w", m.Payload.ChangeID, err)
	}
	token, hash := s.deriveToken(emailChangedTemplate, m.Event.ID)
	if err := updateEmailChangeRevertToken(ctx, tx, c.ID, hash); err != nil {
		return outgoingMail{}, fmt.Errorf("store the token that reverts e-mail change %s: %w", c.ID, err)
	}
	return outgoingMail{Kind: emailChangedTemplate, To: recipient{Name: owner.Name, Email: c.OldEmail}, Data: mailData{
		Name: owner.Name, At: c.ConfirmedAt, Until: c.ExpiresAt, Token: token, Link: s.link("revert-email", token),
	}}, nil
}
