package functions_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"souk/functions"
	"souk/shared/function/openapi"
)

// TestOperationSummaries requires imperative summaries of at most six words.
func TestOperationSummaries(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[A-Z][a-z]+( [^ .]+){0,5}$`)
	thirdPerson := regexp.MustCompile(`^[A-Z][a-z]*[^s]s `)
	for path, methods := range mustParseDocument(t) {
		for method, operation := range methods {
			if s := operation.Summary; !form.MatchString(s) || thirdPerson.MatchString(s) {
				t.Errorf("%s %s: the summary is %q; want an imperative of at most six words", method, path, s)
			}
		}
	}
}

// TestOperationFiles requires that the handler of a function and its file have the
// function's name: stock-reserve is stockReserve in stock_reserve.go, and
// order-place, a function of the service order, is place in place.go. Its tests are in
// place_test.go. Shared handlers (those of *-outbox and *-revocations) have no file.
func TestOperationFiles(t *testing.T) {
	t.Parallel()
	methodsOf := map[string]map[string]openapi.HandlerMethod{}
	for _, service := range functions.Manifest().Services() {
		methods, err := openapi.ReadMethods(service)
		if err != nil {
			t.Fatal(err)
		}
		methodsOf[service] = methods
	}
	for _, entry := range functions.Manifest().Functions {
		if strings.HasSuffix(entry.Name, "-outbox") || strings.HasSuffix(entry.Name, "-revocations") {
			continue
		}
		file := strings.ReplaceAll(strings.TrimPrefix(entry.Name, entry.Service+"-"), "-", "_")
		name := camelCase(file)
		if token.IsKeyword(name) { // product-import is importProducts
			name += strings.ToUpper(entry.Service[:1]) + entry.Service[1:] + "s"
		}
		if got := methodsOf[entry.Service][name]; got.File != file+".go" {
			t.Errorf("%s: want its handler (*service).%s in functions/%s/%s.go; found %+q", entry.Name, name, entry.Service, file, got.File)
		}
		if err := requireTestIn(filepath.Join(entry.Service, file+"_test.go")); err != nil {
			t.Errorf("%s: want its tests beside its handler: %v", entry.Name, err)
		}
	}
}

// requireTestIn returns an error unless a file has a test function.
func requireTestIn(file string) error {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		return err
	}
	for _, declared := range parsed.Decls {
		if f, ok := declared.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
			return nil
		}
	}
	return fmt.Errorf("%s has no test function", file)
}

// camelCase returns stock_reserve as stockReserve.
func camelCase(name string) string {
	first, others, _ := strings.Cut(name, "_")
	for word := range strings.SplitSeq(others, "_") {
		if word != "" {
			first += strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return first
}
