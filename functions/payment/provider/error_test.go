package provider_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"

	"souk/functions/payment/provider"
)

func TestClasses(t *testing.T) {
	t.Parallel()
	for class, retryable := range map[provider.Class]bool{
		provider.ClassDeclined: false, provider.ClassInvalid: false, provider.ClassConflict: false,
		provider.ClassTemporary: true, provider.ClassUnknown: true,
	} {
		err := fmt.Errorf("pay order 1: %w", &provider.Error{Class: class})
		if provider.ClassOf(err) != class || class.Retryable() != retryable {
			t.Errorf("%s: got %s, retryable %t", class, provider.ClassOf(err), class.Retryable())
		}
	}
	if got := provider.ClassOf(errors.New("other")); got != provider.ClassUnknown {
		t.Errorf("another error is %s", got)
	}
}

func TestNoResponse(t *testing.T) {
	t.Parallel()
	notSent := &url.Error{Op: "Post", URL: "http://pay.localhost", Err: &net.OpError{Op: "dial", Err: errors.New("refused")}}
	for _, row := range []struct {
		operation string
		err       error
		want      provider.Class
	}{
		{provider.OperationCapture, notSent, provider.ClassTemporary},
		{provider.OperationCapture, context.DeadlineExceeded, provider.ClassUnknown},
		{provider.OperationGet, notSent, provider.ClassTemporary},
		{provider.OperationList, context.DeadlineExceeded, provider.ClassTemporary},
	} {
		err := provider.NoResponse(row.operation, row.err)
		if err.Class != row.want || !errors.Is(err, row.err) || !strings.Contains(err.Error(), row.operation) {
			t.Errorf("%s, %v: got %v, want %s", row.operation, row.err, err, row.want)
		}
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	err := &provider.Error{Class: provider.ClassConflict, Operation: provider.OperationVoid, Code: "state", Detail: "It is captured.", Err: errors.New("cause")}
	if got, want := err.Error(), "payment provider: void: conflict (state): It is captured.: cause"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ text, want string }{
		{"text", "text"},
		{"a key in it", ""},
		{strings.Repeat("é", 200), strings.Repeat("é", 150) + "..."},
		{"x" + strings.Repeat("é", 200), "x" + strings.Repeat("é", 149) + "..."},
	} {
		if got := provider.Redact(row.text, "", "key"); got != row.want {
			t.Errorf("%q: got %q, want %q", row.text, got, row.want)
		}
	}
}

func TestSettled(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		captured, refunded int64
		want               provider.State
	}{{10, 0, provider.Captured}, {10, 1, provider.PartiallyRefunded}, {10, 9, provider.PartiallyRefunded}, {10, 10, provider.Refunded}} {
		if got := provider.Settled(row.captured, row.refunded); got != row.want {
			t.Errorf("%d of %d: got %s, want %s", row.refunded, row.captured, got, row.want)
		}
	}
}
