package payment

import (
	"context"
	"embed"
	"fmt"
	"log/slog"

	"souk/functions/payment/invoice"
	"souk/shared/config"
	"souk/shared/database"
	"souk/shared/mail"
	"souk/shared/maildelivery"
)

//go:embed mails
var mailFiles embed.FS

// invoiceTemplate is the kind of mail with an invoice or a credit note.
const invoiceTemplate = "invoice"

// invoiceMailData is the data of the mail.
type invoiceMailData struct {
	*invoice.Document

	// Attached reports whether the file is attached.
	Attached bool
	IsCredit bool
}

// loadMail loads the settings and the template of mails. It does not connect to the mail server.
func (s *service) loadMail() error {
	settings, err := config.Load[mail.Config](s.Environment)
	if err != nil {
		return err
	}
	s.mailer, err = maildelivery.NewMailer(settings, mailFiles, invoiceTemplate)
	return err
}

// invoiceMail prepares the mails of issued documents, with the file. A customer whose address is
// not known, or whose account was deleted, gets none. The address is not confirmed: the mail itself has no
// text that the customer has entered, who may be an attacker.
func (s *service) invoiceMail(ctx context.Context, tx *database.Tx, m *maildelivery.Message[InvoiceIssued]) (maildelivery.Mail, error) {
	o, err := selectOrderCopy(ctx, tx, m.Payload.OrderID)
	if err != nil {
		return maildelivery.Mail{}, err
	}
	if o.Email == "" {
		return maildelivery.Mail{}, nil
	}
	document, err := selectInvoice(ctx, tx, m.Payload.InvoiceID)
	if err != nil {
		return maildelivery.Mail{}, err
	}
	pdf, err := selectInvoicePDF(ctx, tx, m.Payload.InvoiceID)
	if err != nil {
		return maildelivery.Mail{}, err
	}
	out := maildelivery.Mail{Kind: invoiceTemplate, To: maildelivery.Recipient{Email: o.Email}}
	attached := len(pdf) <= mail.MaxAttachments
	if attached {
		out.Attachments = []mail.Attachment{{Name: fileName(&document), ContentType: pdfType, Data: pdf}}
	} else {
		slog.WarnContext(ctx, "the file of a document is too large for a mail", "document", document.ID, "bytes", len(pdf))
	}
	out.Data = invoiceMailData{Document: &document, Attached: attached, IsCredit: document.Kind == invoice.CreditNote}
	return out, nil
}

// pruneMail deletes the deliveries of mails that were never sent.
func (s *service) pruneMail(ctx context.Context) error {
	if err := maildelivery.Prune(ctx, s.DB, s.Now()); err != nil {
		return fmt.Errorf("prune mail deliveries: %w", err)
	}
	return nil
}
