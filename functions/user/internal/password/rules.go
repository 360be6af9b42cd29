package password

import (
	"strings"

	"souk/functions/user/internal/password/commonpassword"
	"souk/shared/emailaddress"
)

// Validate returns an error message if a new password is easily guessed for an account, or
// "". The message never quotes the password.
//
// A new password must have 8 to 128 characters (code points, not bytes) and must not be
// easily guessed. There are no rules for digits or punctuation, and no expiry. See NIST SP
// 800-63B, 5.1.1.2: https://pages.nist.gov/800-63-3/sp800-63b.html#memsecretver. The
// length is part of the inputs' schemas; Validate checks for guesses.
func Validate(password, email, name string) string {
	guess := strings.ToLower(normalize(password))
	first := []rune(guess)[:min(1, len(guess))]
	address := strings.ToLower(emailaddress.Normalize(email))
	switch local, _, _ := strings.Cut(address, "@"); {
	case commonpassword.Is(guess):
		return "is one of the most common passwords: choose another one"
	case strings.Trim(guess, string(first)) == "":
		return "repeats one character: choose another password"
	case guess == address, guess == local, guess == strings.ToLower(strings.TrimSpace(name)):
		return "is your e-mail address or your name: choose another password"
	}
	return ""
}
