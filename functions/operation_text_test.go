package functions_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"

	"souk/functions"
	"souk/shared/function"
	"souk/shared/manifest"
)

// operationText returns the summary and the description of an operation for openapi.yaml:
// the heading in the doc comment of its handler, and the paragraphs below it. The text above
// the heading is for readers of the code.
//
//	// place handles POST /v1/orders.
//	//
//	// # Place an order
//	//
//	// The prices are the shop's.
func operationText(entry manifest.Function, handler any) (function.Text, error) {
	method, err := readHandler(entry.Service, handler)
	if err != nil {
		return function.Text{}, err
	}
	internal, public, found := strings.Cut(method.comment, "\n# ")
	if !found {
		return function.Text{}, fmt.Errorf("the comment of %s needs a heading, such as `# Place an order`", method.name)
	}
	if !strings.HasPrefix(internal, method.name+" handles "+entry.HTTP+".") {
		return function.Text{}, fmt.Errorf("the comment of %s must begin with `%s handles %s.`", method.name, method.name, entry.HTTP)
	}
	summary, description, _ := strings.Cut(public, "\n")
	return function.Text{Summary: summary, Description: strings.Join(strings.Fields(description), " ")}, nil
}

// handlerMethod is the method of a service that handles an operation.
type handlerMethod struct{ name, file, comment string }

// readHandler returns the source of a handler, which must be a method of a service.
func readHandler(service string, handler any) (handlerMethod, error) {
	name := runtime.FuncForPC(reflect.ValueOf(handler).Pointer()).Name() // souk/functions/order.(*service).place-fm
	_, method, found := strings.Cut(strings.TrimSuffix(name, "-fm"), ".(*service).")
	if !found {
		return handlerMethod{}, fmt.Errorf("%s is not a method of a service", name)
	}
	methods, err := readMethods(service)
	if err != nil {
		return handlerMethod{}, err
	}
	return methods[method], nil
}

// readMethods returns the methods of a service's `service` type, by name.
func readMethods(service string) (map[string]handlerMethod, error) {
	read, _ := methodCache.LoadOrStore(service, sync.OnceValues(func() (map[string]handlerMethod, error) {
		files, err := filepath.Glob(filepath.Join(service, "*.go"))
		if err != nil {
			return nil, err
		}
		methods := map[string]handlerMethod{}
		for _, file := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
			if err != nil {
				return nil, err
			}
			for _, declared := range parsed.Decls {
				if method, ok := declared.(*ast.FuncDecl); ok && isServiceMethod(method) {
					methods[method.Name.Name] = handlerMethod{method.Name.Name, filepath.Base(file), method.Doc.Text()}
				}
			}
		}
		return methods, nil
	}))
	return read.(func() (map[string]handlerMethod, error))()
}

var methodCache sync.Map

// isServiceMethod reports whether a declaration is a method of *service.
func isServiceMethod(method *ast.FuncDecl) bool {
	if method.Recv == nil || len(method.Recv.List) != 1 {
		return false
	}
	pointer, ok := method.Recv.List[0].Type.(*ast.StarExpr)
	if !ok {
		return false
	}
	receiver, ok := pointer.X.(*ast.Ident)
	return ok && receiver.Name == "service"
}

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
	for _, entry := range functions.Manifest().Functions {
		if strings.HasSuffix(entry.Name, "-outbox") || strings.HasSuffix(entry.Name, "-revocations") {
			continue
		}
		file := strings.ReplaceAll(strings.TrimPrefix(entry.Name, entry.Service+"-"), "-", "_")
		methods, err := readMethods(entry.Service)
		if err != nil {
			t.Fatal(err)
		}
		name := camelCase(file)
		if token.IsKeyword(name) { // product-import
			name += "Products"
		}
		if got := methods[name]; got.file != file+".go" {
			t.Errorf("%s: want its handler (*service).%s in functions/%s/%s.go; found %+q", entry.Name, name, entry.Service, file, got.file)
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
