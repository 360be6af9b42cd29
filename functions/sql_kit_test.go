package functions_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// placeholderList is a literal that is repeated for an IN list or several rows.
var placeholderList = regexp.MustCompile("^[\"`], ?(\\?|\\(\\?(, ?\\?)*\\))[\"`]$")

// findKitBypasses returns the places in a source file that read rows, compare errors or
// build lists of placeholders themselves, instead of with the kit of shared/database.
func findKitBypasses(name string, source any) (places []string, err error) {
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, name, source, 0)
	if err != nil {
		return nil, err
	}
	add := func(node ast.Node, use, instead string) {
		places = append(places, files.Position(node.Pos()).String()+": "+use+": use database."+instead)
	}
	ast.Inspect(parsed, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.SelectorExpr:
			switch node.Sel.Name {
			case "QueryContext":
				add(node, node.Sel.Name, "Each or Collect")
			case "RowsAffected":
				add(node, node.Sel.Name, "Affected or AffectedRows")
			case "ErrNoRows":
				add(node, node.Sel.Name, "Get and ErrNotFound")
			}
		case *ast.BasicLit:
			if node.Kind == token.STRING && placeholderList.MatchString(node.Value) {
				add(node, node.Value, "Placeholders or InsertRows")
			}
		}
		return true
	})
	return places, nil
}

// TestSQLKit requires that all code but shared/database uses its kit. The columns of
// EXPLAIN differ between servers, which the kit does not support.
func TestSQLKit(t *testing.T) {
	t.Parallel()
	const sample = `package p
		var a, b, c, d, e = db.QueryContext, result.RowsAffected, sql.ErrNoRows, ", ?", ", (?, ?)"`
	if places, err := findKitBypasses("sample.go", sample); err != nil || len(places) != 5 {
		t.Errorf("found %q, %v in the sample, want 5 places", places, err)
	}
	exempt := []string{"shared/database", "shared/dbtest/explain.go"}
	root := os.DirFS("..")
	for _, folder := range []string{"functions", "shared"} {
		err := fs.WalkDir(root, folder, func(name string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if slices.Contains(exempt, name) && entry.IsDir() {
				return fs.SkipDir
			}
			if filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") || slices.Contains(exempt, name) {
				return nil
			}
			places, err := findKitBypasses(filepath.Join("..", name), nil)
			for _, place := range places {
				t.Error(place)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
