package dbtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// sqlWord matches SQL by its keywords in upper case.
var sqlWord = regexp.MustCompile(`\b(SELECT|INSERT|UPDATE|DELETE|REPLACE|FROM|WHERE|JOIN|SET|VALUES|ORDER BY|GROUP BY|LIMIT|FORCE INDEX|AND|OR|MATCH|SAVEPOINT)\b`)

// tableWord matches SQL that names the table that it reads or changes.
var tableWord = regexp.MustCompile(`\b(FROM|UPDATE|JOIN|INTO) \w+`)

// fragment is a string literal of SQL: a statement or a part of one.
type fragment struct {
	place string   // file and line
	parts []string // the text between its placeholders, on one line each
}

// in reports whether a statement, on one line, may contain the fragment.
func (f fragment) in(statement string) bool {
	for _, part := range f.parts {
		_, after, found := strings.Cut(statement, part)
		if !found {
			return false
		}
		statement = after
	}
	return true
}

// namesTable reports whether the fragment names a table.
func (f fragment) namesTable() bool { return tableWord.MatchString(strings.Join(f.parts, " ")) }

// parseFolder returns the SQL in the Go code of a folder, without its tests.
func parseFolder(folder string) ([]fragment, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	var written []fragment
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		fragments, err := parseFragments(name, source)
		if err != nil {
			return nil, err
		}
		written = append(written, fragments...)
	}
	return written, nil
}

func parseFragments(name string, source []byte) (written []fragment, err error) {
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, name, source, 0)
	if err != nil {
		return nil, err
	}
	ast.Inspect(parsed, func(node ast.Node) bool {
		if _, tags := node.(*ast.Field); tags {
			return false
		}
		literal, isLiteral := node.(*ast.BasicLit)
		if !isLiteral || literal.Kind != token.STRING {
			return true
		}
		text, _ := strconv.Unquote(literal.Value)
		if !sqlWord.MatchString(text) {
			return true
		}
		f := fragment{place: files.Position(literal.Pos()).String()}
		for part := range strings.SplitSeq(text, "?") {
			if part = strings.Join(strings.Fields(part), " "); part != "" {
				f.parts = append(f.parts, part)
			}
		}
		written = append(written, f)
		return true
	})
	return written, nil
}
