package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"syscall"

	gomail "github.com/wneessen/go-mail"
)

// SendError reports the stage in which sending failed. Its text does not contain the text
// of the server's reply, which often repeats the address.
type SendError struct {
	// Stage is what failed: prepare, compose, attach, connect, send, or an SMTP command.
	Stage string
	// Code and Enhanced are the codes of the server's reply (RFC 5321, 4.2; RFC 3463),
	// 0 and "" without one.
	Code     int
	Enhanced string

	cause error
}

// Error returns the stage and the codes or the reason.
func (e *SendError) Error() string {
	switch {
	case e.Code != 0:
		return strings.TrimSpace(fmt.Sprintf("send a mail: the server replied to %s with %d %s", e.Stage, e.Code, e.Enhanced))
	default:
		return "send a mail: " + e.Stage + ": " + reason(e.cause)
	}
}

// reason describes an error without quoting it.
func reason(err error) string {
	netErr, isNet := errors.AsType[net.Error](err)
	reply, isReply := errors.AsType[*textproto.Error](err)
	errno, isErrno := errors.AsType[syscall.Errno](err)
	_, isDNS := errors.AsType[*net.DNSError](err)
	_, isCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case errors.Is(err, ErrTooLarge):
		return ErrTooLarge.Error()
	case isNet && netErr.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "timed out"
	case isReply:
		return fmt.Sprintf("the server replied with %d", reply.Code)
	case isDNS:
		return "the server's name cannot be resolved"
	case isErrno:
		return errno.Error()
	case isCertificate:
		return "the server's certificate is not valid"
	case errors.Is(err, net.ErrClosed): // closed at the deadline
		return "timed out"
	case strings.Contains(err.Error(), "STARTTLS"):
		return "the server offers no STARTTLS (see SMTP_URL)"
	case strings.Contains(err.Error(), "AUTH"), strings.Contains(err.Error(), "unencrypted"):
		return "the server does not accept a password this way (see SMTP_URL)"
	default:
		return fmt.Sprintf("failed (%T)", err)
	}
}

// IsRefused reports whether the server permanently refuses mail for that address. A
// refusal because of the sender, such as a forbidden relay, does not count: it ends when
// the settings are corrected.
func IsRefused(err error) bool {
	e, ok := errors.AsType[*SendError](err)
	if !ok || e.Stage != "RCPT" {
		return e != nil && e.Stage == "compose"
	}
	if e.Enhanced != "" {
		return strings.HasPrefix(e.Enhanced, "5.1.") || strings.HasPrefix(e.Enhanced, "5.2.")
	}
	return e.Code >= 550 && e.Code <= 553
}

func newSendError(err error) *SendError {
	cause, ok := errors.AsType[*gomail.SendError](err)
	if !ok {
		return &SendError{Stage: "send", cause: err}
	}
	stages := map[gomail.SendErrReason]string{
		gomail.ErrSMTPMailFrom: "MAIL", gomail.ErrSMTPRcptTo: "RCPT", gomail.ErrSMTPData: "DATA",
		gomail.ErrWriteContent: "DATA", gomail.ErrSMTPDataClose: "DATA",
	}
	stage := stages[cause.Reason]
	if stage == "" {
		stage = "send"
	}
	return &SendError{Stage: stage, Code: cause.ErrorCode(), Enhanced: cause.EnhancedStatusCode(), cause: err}
}
