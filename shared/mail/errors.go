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

// SendError says how far a mail came. The server's own words stay out of its text:
// servers like to repeat the address in them.
type SendError struct {
	// Stage is where it ended: prepare, compose, connect, or a word of SMTP.
	Stage string
	// Code and Enhanced are the server's answer by number (RFC 5321, 4.2; RFC 3463);
	// 0 and "" where it gave none.
	Code     int
	Enhanced string

	cause error
}

// Error tells stage and numbers.
func (e *SendError) Error() string {
	switch {
	case e.Code != 0:
		return strings.TrimSpace(fmt.Sprintf("send a mail: the server answers %s with %d %s", e.Stage, e.Code, e.Enhanced))
	default:
		return "send a mail: " + e.Stage + ": " + reason(e.cause)
	}
}

// reason says in words of our own what an error is.
func reason(err error) string {
	fault, isNet := errors.AsType[net.Error](err)
	answer, isAnswer := errors.AsType[*textproto.Error](err)
	errno, isErrno := errors.AsType[syscall.Errno](err)
	_, isUnknown := errors.AsType[*net.DNSError](err)
	_, isCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case isNet && fault.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "timed out"
	case isAnswer:
		return fmt.Sprintf("the server answers with %d", answer.Code)
	case isUnknown:
		return "the server's name is not known"
	case isErrno:
		return errno.Error()
	case isCertificate:
		return "the server's certificate is not good"
	case errors.Is(err, net.ErrClosed): // when the time was over
		return "timed out"
	case strings.Contains(err.Error(), "STARTTLS"):
		return "the server offers no STARTTLS (see SMTP_URL)"
	case strings.Contains(err.Error(), "AUTH"), strings.Contains(err.Error(), "unencrypted"):
		return "the server takes no password this way (see SMTP_URL)"
	default:
		return fmt.Sprintf("failed (%T)", err)
	}
}

// IsRefused says whether the server will not take mail for that address, however
// often it is sent. A refusal for the sender's sake, such as a relay that is not
// allowed, is none: it ends when the settings are mended.
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

func failed(err error) *SendError {
	fault, ok := errors.AsType[*gomail.SendError](err)
	if !ok {
		return &SendError{Stage: "send", cause: err}
	}
	stages := map[gomail.SendErrReason]string{
		gomail.ErrSMTPMailFrom: "MAIL", gomail.ErrSMTPRcptTo: "RCPT", gomail.ErrSMTPData: "DATA",
		gomail.ErrWriteContent: "DATA", gomail.ErrSMTPDataClose: "DATA",
	}
	stage := stages[fault.Reason]
	if stage == "" {
		stage = "send"
	}
	return &SendError{Stage: stage, Code: fault.ErrorCode(), Enhanced: fault.EnhancedStatusCode(), cause: err}
}
