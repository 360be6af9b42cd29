package payment

import (
	"errors"
	"log/slog"
	"strings"

	"souk/functions/payment/invoice"
	"souk/shared/config"
)

// sellerSettings are the environment variables with what invoices say about the shop. They are
// part of the deployment, reviewed with it, and stored in each invoice.
type sellerSettings struct {
	Name string `env:"SELLER_NAME"`
	// Address has the lines of the address, separated by semicolons.
	Address string `env:"SELLER_ADDRESS"`
	// TaxID is the number for value-added tax, or another tax number.
	TaxID   string `env:"SELLER_TAX_ID"`
	Contact string `env:"SELLER_CONTACT"`
	// Details is what the law requires besides, such as the commercial register.
	Details string `env:"SELLER_DETAILS"`
	// Service is set on Cloud Run, Emulator by its local emulator.
	Service  string `env:"K_SERVICE"`
	Emulator bool   `env:"SOUK_EMULATOR"`
}

// errNoSeller is the error of events without the settings of the seller, which are delivered again.
var errNoSeller = errors.New("SELLER_NAME and SELLER_ADDRESS must be set: invoices need them")

// seller returns the seller of invoices. In the cloud it must be set: a wrong invoice cannot be
// changed. A system without payments needs none.
func (s sellerSettings) seller() (invoice.Seller, error) {
	if s.Name == "" && s.Address == "" && (s.Service == "" || s.Emulator) {
		return invoice.Seller{Name: "Souk", Address: []string{"14 Bazaar Lane", "10115 Berlin", "Germany"}, Details: "A demonstration: not a real shop"}, nil
	}
	var address []string
	for line := range strings.SplitSeq(s.Address, ";") {
		if line = strings.TrimSpace(line); line != "" {
			address = append(address, line)
		}
	}
	if strings.TrimSpace(s.Name) == "" || len(address) == 0 {
		return invoice.Seller{}, errNoSeller
	}
	return invoice.Seller{Name: strings.TrimSpace(s.Name), Address: address, TaxID: s.TaxID, Contact: s.Contact, Details: s.Details}, nil
}

// loadInvoices loads the settings of the functions for invoices that this process serves.
func (s *service) loadInvoices() error {
	if s.Serves("invoice-issue") || s.Serves("credit-note-issue") {
		settings, err := config.Load[sellerSettings](s.Environment)
		if err != nil {
			return err
		}
		if s.seller, err = settings.seller(); err != nil {
			slog.Warn("no invoices are issued", "error", err)
		}
	}
	if s.Serves("invoice-mail") {
		return s.loadMail()
	}
	return nil
}
