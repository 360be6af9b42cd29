// Package docs_test checks the rules of style.md that a program can check.
package docs_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// bannedWords have no use in Souk's text or identifiers: style.md's glossary has the
// terms to use instead. A trailing * matches every word that begins so.
var bannedWords = []string{
	"answer*", "tell", "tells", "telling", "told", "nobody", "somebody", "whoever", "whom",
	"patience", "verdict*", "fare", "whynot*",
}

// allowed lists the places where a banned word is right, by file.
var allowed = map[string][]string{
	"docs/style.md":      {"answer", "tell", "told", "nobody", "patience", "verdict", "fare"}, // the glossary
	"docs/style_test.go": bannedWords,
	"functions/user/internal/password/commonpassword/words.txt": {"nobody", "somebody"}, // passwords
	// A problem code that clients know.
	"docs/adr/0013-idempotency-keys.md":                            {"answer"},
	"docs/adr/0023-idempotency-in-one-transaction.md":              {"answer"},
	"shared/idempotency/store_test.go":                             {"answer"},
	"shared/idempotency/migrations/00004_idempotency_key_lost.sql": {"answer"},
	// A section of a DNS message.
	"functions/webhook/target/name_server_test.go": {"answer", "answers"},
}

// TestWords reads every text file of the repository that is not generated.
func TestWords(t *testing.T) {
	t.Parallel()
	files := trackedFiles(t)
	for _, path := range textFiles(t, files) {
		if strings.HasPrefix(files[path], "# Generated") || strings.HasPrefix(files[path], "// Code generated") {
			continue
		}
		for n, line := range strings.Split(files[path], "\n") {
			for _, word := range splitWords(line) {
				if !isBanned(word) || slices.ContainsFunc(allowed[path], func(a string) bool { return matches(a, word) }) {
					continue
				}
				t.Errorf("%s:%d: %q: see the glossary in docs/style.md", path, n+1, word)
			}
		}
	}
}

// textFiles returns the paths of Go, Markdown, Terraform, YAML and shell files, from
// the repository's root.
func textFiles(t *testing.T, files map[string]string) []string {
	t.Helper()
	var paths []string
	for path := range files {
		switch filepath.Ext(path) {
		case ".go", ".md", ".tf", ".hcl", ".yaml", ".yml", ".sh", ".sql", ".txt", ".html":
		case "":
			if !strings.HasPrefix(path, "deploy/") && path != "Makefile" && path != ".ci/run" && path != "terraform/check" {
				continue
			}
		default:
			continue
		}
		paths = append(paths, path)
	}
	if len(paths) < 500 {
		t.Fatalf("only %d text files were found", len(paths))
	}
	return paths
}

var wordPattern = regexp.MustCompile(`[A-Za-z]+`)

// splitWords returns the words of a line in lower case; identifiers in camel case are
// split: whyNotTaken is why, not, taken, and whynottaken.
func splitWords(line string) []string {
	var words []string
	for _, token := range wordPattern.FindAllString(line, -1) {
		parts := splitCamelCase(token)
		for _, part := range parts {
			words = append(words, strings.ToLower(part))
		}
		if len(parts) > 1 && strings.HasPrefix(strings.ToLower(token), "whynot") {
			words = append(words, strings.ToLower(token))
		}
	}
	return words
}

func splitCamelCase(token string) []string {
	var parts []string
	start := 0
	for i := 1; i < len(token); i++ {
		afterLower := unicode.IsUpper(rune(token[i])) && unicode.IsLower(rune(token[i-1]))
		lastOfUpper := unicode.IsUpper(rune(token[i])) && i+1 < len(token) && unicode.IsLower(rune(token[i+1]))
		if i > start && (afterLower || lastOfUpper) {
			parts = append(parts, token[start:i])
			start = i
		}
	}
	return append(parts, token[start:])
}

func isBanned(word string) bool {
	return slices.ContainsFunc(bannedWords, func(banned string) bool { return matches(banned, word) })
}

// matches reports whether a word is a banned one, or begins with it where it ends in *.
func matches(banned, word string) bool {
	if prefix, open := strings.CutSuffix(banned, "*"); open {
		return strings.HasPrefix(word, prefix)
	}
	return word == banned
}

// TestSplitWords holds the splitting to its purpose: no banned word hides in an identifier.
func TestSplitWords(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]bool{
		"answerHeader": true, "the answers": true, "storedAnswer := x": true, "HTTPAnswer": true, "whyNotTaken()": true, "event.Told": true,
		"MY_PATIENCE": true, "mytell": false, "untold": false, "the response": false, "welfare": false, "storytelling": false,
	} {
		if got := slices.ContainsFunc(splitWords(line), isBanned); got != want {
			t.Errorf("%q: banned word found: %v, want %v", line, got, want)
		}
	}
}
