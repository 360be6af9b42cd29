// Package commonpassword recognizes the passwords that a dictionary attack tries first,
// as OWASP ASVS 5.0, 6.2.4, requires. Its words with their usual variations are far more
// than the 3,000 passwords of that requirement.
//
// The lists are not copied: passwords.txt and words.txt were written for this project.
// The usual variations of a word are rules, so that every variant is covered:
//
//   - a word, or two of the same, in any case and with digits and signs for letters
//     (P@ssw0rd), with digits and signs around it (summer2024!, 123Monkey, letmein1);
//   - runs of keys, of the alphabet or of digits, joined (qwerty123, 1qaz2wsx);
//   - a group of up to four characters that is repeated (12341234, asdasdasd);
//   - dates of eight digits (24121985).
package commonpassword

import (
	_ "embed"
	"strings"
	"sync"
	"time"
	"unicode"
)

//go:embed words.txt
var wordsText string

//go:embed passwords.txt
var passwordsText string

// known returns the words and the passwords. They are read when the first password is
// checked, so that they do not slow down the start.
var known = sync.OnceValue(func() map[string]bool {
	set := make(map[string]bool, 4096)
	for line := range strings.Lines(wordsText) {
		if subject, words, found := strings.Cut(line, ": "); found && !strings.HasPrefix(subject, "#") {
			for word := range strings.FieldsSeq(words) {
				set[word] = true
			}
		}
	}
	for line := range strings.Lines(passwordsText) {
		set[strings.TrimSpace(line)] = true
	}
	return set
})

// maxSearched is the maximum length of a password that is searched for words. A longer
// password has enough other characters.
const maxSearched = 40

// Is reports whether a password is common. It must be in Unicode form NFKC.
func Is(password string) bool {
	guess := []rune(strings.ToLower(password))
	if len(guess) > maxSearched {
		return isRepetition(guess)
	}
	return known()[string(guess)] || isRepetition(guess) || isDate(string(guess)) || hasCommonCore(guess)
}

// maxAround is the maximum number of characters on either side of a word that can be a
// usual addition.
const maxAround = 10

// hasCommonCore reports whether a guess is a word or a run with only usual additions
// around it.
func hasCommonCore(guess []rune) bool {
	for from := 0; from <= min(len(guess), maxAround) && isAround(guess[:from]); from++ {
		for to := len(guess); to > from && len(guess)-to <= maxAround; to-- {
			if isAround(guess[to:]) && isCore(guess[from:to]) {
				return true
			}
		}
	}
	return false
}

// isCore reports whether a text is a word, two of the same word, or a run.
func isCore(core []rune) bool {
	if isRuns(string(core)) {
		return true
	}
	for _, plain := range []*strings.Replacer{leetI, leetL} {
		word := plain.Replace(string(core))
		half := word[:len(word)/2]
		if known()[word] || half+half == word && known()[half] {
			return true
		}
	}
	return false
}

// Signs and digits that replace letters. 1 and ! are an i or an l. A Replacer builds its
// table when it is first used.
var (
	leet  = []string{"0", "o", "3", "e", "4", "a", "5", "s", "7", "t", "8", "b", "@", "a", "$", "s", "+", "t", "€", "e"}
	leetI = strings.NewReplacer(append([]string{"1", "i", "!", "i", "|", "i"}, leet...)...)
	leetL = strings.NewReplacer(append([]string{"1", "l", "!", "l", "|", "l"}, leet...)...)
)

// isAround reports whether a text is a usual addition before or after a word: up to two
// signs on either side of up to four digits (a year) or a run of digits.
func isAround(text []rune) bool {
	digits := strings.TrimFunc(string(text), func(r rune) bool { return !unicode.IsDigit(r) && !unicode.IsLetter(r) })
	if len(text)-len([]rune(digits)) > 4 || strings.ContainsFunc(digits, func(r rune) bool { return r < '0' || r > '9' }) {
		return false
	}
	return len(digits) <= 4 || isRuns(digits) || isDate(digits) || isRepetition([]rune(digits))
}

// runs returns the rows and columns of keyboards (QWERTY, QWERTZ, AZERTY and digits), and
// sequences, in both directions. A run is a part of one of them.
var runs = sync.OnceValue(func() []string {
	rows := []string{
		"01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop", "qsdfghjklm", "wxcvbn",
		"abcdefghijklmnopqrstuvwxyz", "1qaz", "2wsx", "3edc", "4rfv", "5tgb", "6yhn", "7ujm", "!qaz", "@wsx", "#edc", "$rfv",
		"1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0", "1a2b3c4d5e6f7g8h9i0j", "a1b2c3d4e5f6g7h8i9j0",
		"qazwsxedcrfvtgbyhnujm", "qawsedrftgyhujik", "147", "258", "369", "159", "357", "123321", "1357", "2468", "13579", "24680",
		"!@#$%^&*()", "!\"§$%&/()=",
	}
	for _, row := range rows {
		reversed := []rune(row)
		for i, j := 0, len(reversed)-1; i < j; i, j = i+1, j-1 {
			reversed[i], reversed[j] = reversed[j], reversed[i]
		}
		rows = append(rows, string(reversed))
	}
	return rows
})

// minRun is the minimum length of a run: two neighbouring keys can be a coincidence.
const minRun = 3

// isRuns reports whether a text is one run, or a sequence of runs. Each run is as long as
// possible. Other divisions are not searched, which would take exponential time.
func isRuns(text string) bool {
	for len(text) >= minRun {
		n := minRun - 1
		for n < len(text) && isRun(text[:n+1]) {
			n++
		}
		if n < minRun {
			return false
		}
		if n == len(text) {
			return true
		}
		text = text[n:]
	}
	return false
}

// isRun reports whether a text is a run, or one character repeated.
func isRun(text string) bool {
	if strings.Trim(text, text[:1]) == "" {
		return true
	}
	for _, run := range runs() {
		if strings.Contains(run, text) {
			return true
		}
	}
	return false
}

// isRepetition reports whether a text is a repeated group of up to four characters.
func isRepetition(text []rune) bool {
	for n := 1; n <= 4 && 2*n <= len(text); n++ {
		group := string(text[:n])
		if strings.HasPrefix(strings.Repeat(group, len(text)/n+1), string(text)) {
			return true
		}
	}
	return false
}

// isDate reports whether a text is a date from 1900 to 2049, in eight digits.
func isDate(text string) bool {
	for _, layout := range []string{"02012006", "01022006", "20060102"} {
		day, err := time.Parse(layout, text)
		if err == nil && day.Year() >= 1900 && day.Year() < 2050 {
			return true
		}
	}
	return false
}
