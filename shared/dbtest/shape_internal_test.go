package dbtest

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

var (
	literals = regexp.MustCompile(`(?s)(?:_binary)?'(?:[^'\\]|\\.)*'|\b\d+\b`)
	lists    = regexp.MustCompile(`\?(?:, ?\?)+`)
	tuples   = regexp.MustCompile(`\(\?\)(?:, ?\(\?\))+`)
)

// shapeByPatterns is a slower implementation of shape, for comparison.
func shapeByPatterns(statement string) string {
	bare := lists.ReplaceAllString(literals.ReplaceAllString(statement, "?"), "?")
	return tuples.ReplaceAllString(bare, "(?)")
}

func TestShape(t *testing.T) {
	t.Parallel()
	for statement, want := range map[string]string{
		"SELECT a1 FROM t WHERE id = _binary'x\\'y' AND n IN (1, 2,3) LIMIT 10": "SELECT a1 FROM t WHERE id = ? AND n IN (?) LIMIT ?",
		"INSERT INTO t VALUES ('a', 1), ('b', 22),('', ?)":                      "INSERT INTO t VALUES (?)",
		"SELECT 'open":  "SELECT 'open",
		"SELECT 0xff":   "SELECT 0xff",
		"SELECT 'a''b'": "SELECT ??",
	} {
		if got := shape(statement); got != want {
			t.Errorf("%s: got %s, want %s", statement, got, want)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	parts := []string{"'", `\`, "?", ",", ", ", "(", ")", "(?)", "(1, 2)", "7", "12", "a", "_", "_binary'", "_binary", " ", "\n", "é", "'x'"}
	for range 20_000 {
		var text strings.Builder
		for range random.IntN(14) {
			text.WriteString(parts[random.IntN(len(parts))])
		}
		if got, want := shape(text.String()), shapeByPatterns(text.String()); got != want {
			t.Fatalf("%q: got %q, want %q", text.String(), got, want)
		}
	}
}
