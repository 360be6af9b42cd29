package user

import (
	"strings"
	"testing"
)

func TestEmailFault(t *testing.T) {
	t.Parallel()
	for email, faulty := range map[string]bool{
		"ada@example.com":                       false,
		" ada@example.com\n":                    false, // trimmed
		"ada+souk@sub.example.co.uk":            false,
		"o'brien_x@x-y.z":                       false,
		"root@localhost":                        false,
		"":                                      true,
		"ada":                                   true,
		"@example.com":                          true,
		"ada@":                                  true,
		"ada@@example.com":                      true,
		"ada lovelace@example.com":              true,
		"Ada <ada@example.com>":                 true,
		`"ada lovelace"@example.com`:            true,
		"ada@-example.com":                      true,
		"ada@example..com":                      true,
		"ada@example.com\r\nBcc: x@y.z":         true,
		"ädä@example.com":                       true,
		strings.Repeat("a", 65) + "@x.y":        true,
		"ada@" + strings.Repeat("a", 64) + ".y": true,
	} {
		if fault := emailFault(email); (fault != "") != faulty {
			t.Errorf("%q: got fault %q, want one: %t", email, fault, faulty)
		}
	}
}

func TestNameFault(t *testing.T) {
	t.Parallel()
	for name, faulty := range map[string]bool{
		"Ada": false, "Nguyễn Văn A": false, "李": false,
		" ": true, "\u00a0": true, "Ada\x00": true, "Ada\nLovelace": true,
	} {
		if fault := nameFault(name); (fault != "") != faulty {
			t.Errorf("%q: got fault %q, want one: %t", name, fault, faulty)
		}
	}
}
