package emailaddress_test

import (
	"context"
	"errors"
	netmail "net/mail"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"souk/shared/emailaddress"
	"souk/shared/mail"
	"souk/shared/mail/mailtest"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	longDomain := strings.Repeat("a234567890123456789012345678901234567890123456789012345678901.", 4) // 62 bytes each
	for s, want := range map[string]error{
		"ada@example.com":                        nil,
		"ada+souk@sub.example.co.uk":             nil,
		"o'brien_x@x-y.z":                        nil,
		"a.b.c@example.com":                      nil,
		"1@2.example":                            nil,
		"root@localhost":                         nil,
		"ada@xn--bcher-kva.example":              nil,
		strings.Repeat("a", 64) + "@example.com": nil,
		"abc@" + longDomain + "ab":               nil, // 254 bytes
		"abcd@" + longDomain + "ab":              emailaddress.ErrForm,
		strings.Repeat("a", 65) + "@example.com": emailaddress.ErrForm,
		"a..b@docomo.ne.jp":                      emailaddress.ErrForm,
		".a@docomo.ne.jp":                        emailaddress.ErrForm,
		"a.@docomo.ne.jp":                        emailaddress.ErrForm,
		".@docomo.ne.jp":                         emailaddress.ErrForm,
		"":                                       emailaddress.ErrForm,
		"ada":                                    emailaddress.ErrForm,
		"@example.com":                           emailaddress.ErrForm,
		"ada@":                                   emailaddress.ErrForm,
		"ada@@example.com":                       emailaddress.ErrForm,
		"a@b@example.com":                        emailaddress.ErrForm,
		"ada lovelace@example.com":               emailaddress.ErrForm,
		"Ada <ada@example.com>":                  emailaddress.ErrForm,
		"<ada@example.com>":                      emailaddress.ErrForm,
		"ada@example.com, eve@example.com":       emailaddress.ErrForm,
		"ada@example.com (Ada)":                  emailaddress.ErrForm,
		`"ada lovelace"@example.com`:             emailaddress.ErrForm,
		`"a..b"@example.com`:                     emailaddress.ErrForm,
		"ada@-example.com":                       emailaddress.ErrForm,
		"ada@example-.com":                       emailaddress.ErrForm,
		"ada@example..com":                       emailaddress.ErrForm,
		"ada@.example.com":                       emailaddress.ErrForm,
		"ada@example.com.":                       emailaddress.ErrForm,
		"ada@exa_mple.com":                       emailaddress.ErrForm,
		"ada@192.0.2.1":                          emailaddress.ErrForm,
		"ada@[192.0.2.1]":                        emailaddress.ErrForm,
		"ada@example.com\r\nBcc: x@y.z":          emailaddress.ErrForm,
		"ada@example.com\x00":                    emailaddress.ErrForm,
		" ada@example.com":                       emailaddress.ErrForm,
		"ädä@example.com":                        emailaddress.ErrForm,
		"ada@b\xfccher.example":                  emailaddress.ErrForm,
		"ada@bücher.example":                     emailaddress.ErrDomain,
		"ada@例え.jp":                              emailaddress.ErrDomain,
		"ada@" + strings.Repeat("a", 64) + ".y":  emailaddress.ErrForm,
		"mailto:ada@example.com?subject=x":       emailaddress.ErrForm,
		"ada@example.com?subject=x":              emailaddress.ErrForm,
	} {
		if err := emailaddress.Check(s); !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("%q: got %v, want %v", s, err, want)
		}
	}
	if got := emailaddress.Normalize(" ada@example.com\n"); got != "ada@example.com" {
		t.Errorf("normalized is %q", got)
	}
}

// FuzzCheck checks that parsers of addresses and of mail headers return every accepted
// address unchanged.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{"ada@example.com", "a..b@docomo.ne.jp", "=?utf-8?q?a?=@example.com", "{|}~@x.y", "a@b.c\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if emailaddress.Check(s) == nil {
			checkParsed(t, s)
		}
	})
}

func checkParsed(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, s string) {
	t.Helper()
	for _, written := range []string{s, (&netmail.Address{Name: "Ada", Address: s}).String()} {
		if parsed, err := netmail.ParseAddress(written); err != nil || parsed.Address != s {
			t.Fatalf("%q is read as %v, %v", written, parsed, err)
		}
	}
}

// accepted returns a generator of addresses that Check accepts.
func accepted() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		label := rapid.StringMatching(`[a-zA-Z0-9]([a-zA-Z0-9-]{0,8}[a-zA-Z0-9])?`)
		return rapid.StringMatching("[a-zA-Z0-9!#$%&'*+/=?^_`{|}~.-]{1,30}").Draw(t, "local") + "@" +
			strings.Join(rapid.SliceOfN(label, 1, 3).Draw(t, "labels"), ".")
	}).Filter(func(s string) bool { return emailaddress.Check(s) == nil })
}

// TestMailReachesEveryAcceptedAddress sends mail to accepted addresses through a server.
func TestMailReachesEveryAcceptedAddress(t *testing.T) {
	t.Parallel()
	server := mailtest.Start(t)
	sender, err := mail.NewSender(server.Config())
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		to := accepted().Draw(t, "to")
		checkParsed(t, to)
		before := len(server.To(to))
		m := mail.Message{ID: "0199c0de-0000-7000-8000-000000000001", ToName: "Ada", ToEmail: to, Content: mail.Content{Subject: "Hello", Text: "Hello\n", HTML: "<p>Hello</p>"}}
		if err := sender.Send(context.Background(), m); err != nil {
			t.Fatalf("%q: %v", to, err)
		}
		letters := server.To(to)
		if len(letters) != before+1 {
			t.Fatalf("%q has %d mails, want %d", to, len(letters), before+1)
		}
		if list, err := netmail.ParseAddressList(letters[before].Header.Get("To")); err != nil || len(list) != 1 || list[0].Address != to {
			t.Fatalf("the mail to %q is addressed to %v, %v", to, list, err)
		}
	})
}
