package user

import (
	"cmp"
	"fmt"

	"souk/shared/emailaddress"
)

// staffMailboxes are the addresses of the shop to which mails to its staff are sent, "" for none.
type staffMailboxes struct {
	// Stock gets the mails about low stock.
	Stock string `env:"USER_STOCK_MAIL"`
	// Webhook gets the mails about disabled webhooks. Without it they are sent to Stock.
	Webhook string `env:"USER_WEBHOOK_MAIL"`
}

// withDefaults returns the addresses, or an error if one of them is none.
func (b staffMailboxes) withDefaults() (staffMailboxes, error) {
	for _, setting := range []struct{ name, address string }{{"USER_STOCK_MAIL", b.Stock}, {"USER_WEBHOOK_MAIL", b.Webhook}} {
		if setting.address == "" {
			continue
		}
		if err := emailaddress.Check(setting.address); err != nil {
			return b, fmt.Errorf("%s must be an e-mail address: %w", setting.name, err)
		}
	}
	b.Webhook = cmp.Or(b.Webhook, b.Stock)
	return b, nil
}

// newStaffMail returns a mail to a mailbox of the shop, or no mail if the shop has no such mailbox.
func newStaffMail(address, kind string, data any) outgoingMail {
	if address == "" {
		return outgoingMail{}
	}
	return outgoingMail{Kind: kind, To: recipient{Email: address}, Data: data}
}
