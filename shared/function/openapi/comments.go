package openapi

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"

	"souk/shared/manifest"
)

// HandlerMethod is a method of a service that handles a function.
type HandlerMethod struct{ Name, File, Comment string }

// ReadMethods returns the methods of the type service in a service's folder, by name.
func ReadMethods(folder string) (map[string]HandlerMethod, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	methods := map[string]HandlerMethod{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			return nil, fmt.Errorf("read the comments: %w", err)
		}
		for _, declared := range parsed.Decls {
			if method, ok := declared.(*ast.FuncDecl); ok && isServiceMethod(method) {
				methods[method.Name.Name] = HandlerMethod{method.Name.Name, filepath.Base(file), method.Doc.Text()}
			}
		}
	}
	return methods, nil
}

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

// text returns the summary and the description of an operation: the heading in the comment
// of its handler, and the paragraphs below it. The text above the heading is not
// published.
//
//	// place handles POST /v1/orders.
//	//
//	// # Place an order
//	//
//	// The prices are the shop's.
func (m HandlerMethod) text(entry manifest.Function) (Documentation, error) {
	internal, public, found := strings.Cut(m.Comment, "\n# ")
	if !found {
		return Documentation{}, fmt.Errorf("the comment of %s needs a heading, such as `# Place an order`", m.Name)
	}
	if !strings.HasPrefix(internal, m.Name+" handles "+entry.HTTP+".") {
		return Documentation{}, fmt.Errorf("the comment of %s must begin with `%s handles %s.`", m.Name, m.Name, entry.HTTP)
	}
	summary, description, _ := strings.Cut(public, "\n")
	return Documentation{Summary: summary, Description: strings.Join(strings.Fields(description), " ")}, nil
}

// describeByComments returns the Describe of services whose source is in the folders of
// their names in root.
func describeByComments(root string, services []Service) (Describe, error) {
	byService := map[string]map[string]HandlerMethod{}
	for _, s := range services {
		methods, err := ReadMethods(filepath.Join(root, s.Name))
		if err != nil {
			return nil, err
		}
		byService[s.Name] = methods
	}
	return func(entry manifest.Function, handler any) (Documentation, error) {
		name, err := methodName(handler)
		if err != nil {
			return Documentation{}, err
		}
		return byService[entry.Service][name].text(entry)
	}, nil
}

// methodName returns the name of a handler, which must be a method of a service.
func methodName(handler any) (string, error) {
	name := runtime.FuncForPC(reflect.ValueOf(handler).Pointer()).Name() // souk/functions/order.(*service).place-fm
	_, method, found := strings.Cut(strings.TrimSuffix(name, "-fm"), ".(*service).")
	if !found {
		return "", fmt.Errorf("%s is not a method of a service", name)
	}
	return method, nil
}
