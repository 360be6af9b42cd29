package functions_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"unicode"
)

// comment returns the first paragraph of the comment above a handler, as a text
// that does not begin with the handler's name: what openapi.yaml says of its
// operation. What only people who read the code must know has a paragraph below.
func comment(handler any) (string, error) {
	name := runtime.FuncForPC(reflect.ValueOf(handler).Pointer()).Name() // souk/functions/order.(*service).place-fm
	path, method, found := strings.Cut(strings.TrimSuffix(name, "-fm"), ".(*service).")
	if !found {
		return "", fmt.Errorf("%s is no method of a service", name)
	}
	comments, err := commentsIn(filepath.Base(path))
	if err != nil {
		return "", err
	}
	text, _, _ := strings.Cut(comments[method], "\n\n")
	text, named := strings.CutPrefix(strings.Join(strings.Fields(text), " "), method+" ")
	if !named {
		return "", fmt.Errorf("say what it does in a comment above %s", name)
	}
	return string(unicode.ToUpper(rune(text[0]))) + text[1:], nil
}

// commentsIn returns the comments above the methods of a service, by name.
func commentsIn(service string) (map[string]string, error) {
	read, _ := commentsOf.LoadOrStore(service, sync.OnceValues(func() (map[string]string, error) {
		files, err := filepath.Glob(filepath.Join(service, "*.go"))
		if err != nil {
			return nil, err
		}
		comments := map[string]string{}
		for _, file := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
			if err != nil {
				return nil, err
			}
			for _, declared := range parsed.Decls {
				if method, is := declared.(*ast.FuncDecl); is && isOfService(method) && method.Doc != nil {
					comments[method.Name.Name] = method.Doc.Text()
				}
			}
		}
		return comments, nil
	}))
	return read.(func() (map[string]string, error))()
}

var commentsOf sync.Map

// isOfService says that a declaration is a method of *service.
func isOfService(method *ast.FuncDecl) bool {
	if method.Recv == nil || len(method.Recv.List) != 1 {
		return false
	}
	pointer, is := method.Recv.List[0].Type.(*ast.StarExpr)
	if !is {
		return false
	}
	receiver, is := pointer.X.(*ast.Ident)
	return is && receiver.Name == "service"
}
