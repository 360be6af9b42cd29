package pubsub

import (
	"errors"
	"fmt"
	"strings"
	"text/scanner"
	"unicode"
)

// maxFilterBytes is Pub/Sub's limit for a filter.
const maxFilterBytes = 256

// filter reports whether a subscription receives a message with these attributes.
type filter func(attributes map[string]string) bool

// parseFilter parses an expression of Pub/Sub's filter language, which is described
// at https://cloud.google.com/pubsub/docs/subscription-message-filter. An empty
// expression matches every message.
func parseFilter(text string) (filter, error) {
	if text == "" {
		return func(map[string]string) bool { return true }, nil
	}
	if len(text) > maxFilterBytes {
		return nil, fmt.Errorf("filter of %d bytes: the limit is %d", len(text), maxFilterBytes)
	}
	p := &filterParser{}
	p.scan.Init(strings.NewReader(text))
	p.scan.Mode = scanner.ScanIdents | scanner.ScanStrings
	p.scan.Error = func(_ *scanner.Scanner, message string) { p.fail(message) }
	// Unquoted attribute keys may contain dashes: attributes.iana-org.
	p.scan.IsIdentRune = func(r rune, i int) bool {
		return r == '_' || unicode.IsLetter(r) || i > 0 && (r == '-' || unicode.IsDigit(r))
	}
	p.next()
	f := p.expression()
	if p.token != scanner.EOF {
		p.fail(fmt.Sprintf("unexpected %q", p.text))
	}
	if p.err != nil {
		return nil, fmt.Errorf("filter %q: %w", text, p.err)
	}
	return f, nil
}

// filterParser is a recursive descent parser. It continues after an error and
// returns the first one.
type filterParser struct {
	scan  scanner.Scanner
	token rune
	text  string
	err   error
}

func (p *filterParser) next() {
	p.token = p.scan.Scan()
	p.text = p.scan.TokenText()
}

func (p *filterParser) fail(message string) {
	if p.err == nil {
		p.err = fmt.Errorf("at %d: %w", p.scan.Pos().Offset, errors.New(message))
	}
}

func (p *filterParser) accept(text string) bool {
	if p.text != text || p.token == scanner.String {
		return false
	}
	p.next()
	return true
}

func (p *filterParser) expect(text string) {
	if !p.accept(text) {
		p.fail(fmt.Sprintf("want %q, got %q", text, p.text))
	}
}

// expression parses terms joined by AND or by OR. Mixing the two needs parentheses.
func (p *filterParser) expression() filter {
	terms := []filter{p.term()}
	operator := p.text
	if operator != "AND" && operator != "OR" {
		return terms[0]
	}
	for p.accept(operator) {
		terms = append(terms, p.term())
	}
	if p.text == "AND" || p.text == "OR" {
		p.fail("AND and OR need parentheses between them")
	}
	return func(attributes map[string]string) bool {
		for _, term := range terms {
			if term(attributes) == (operator == "OR") {
				return operator == "OR"
			}
		}
		return operator == "AND"
	}
}

func (p *filterParser) term() filter {
	switch {
	case p.accept("NOT"), p.accept("-"):
		term := p.term()
		return func(attributes map[string]string) bool { return !term(attributes) }
	case p.accept("("):
		inner := p.expression()
		p.expect(")")
		return inner
	case p.accept("hasPrefix"):
		return p.hasPrefix()
	case p.accept("attributes"):
		return p.comparison()
	}
	p.fail(fmt.Sprintf("want a condition, got %q", p.text))
	return nil
}

// comparison parses the text after "attributes".
func (p *filterParser) comparison() filter {
	if p.accept(":") {
		key := p.key()
		return func(attributes map[string]string) bool { _, ok := attributes[key]; return ok }
	}
	p.expect(".")
	key := p.key()
	if p.accept("=") {
		value := p.quoted()
		return func(attributes map[string]string) bool { got, ok := attributes[key]; return ok && got == value }
	}
	p.expect("!")
	p.expect("=")
	value := p.quoted()
	// A message without the attribute differs, too.
	return func(attributes map[string]string) bool { got, ok := attributes[key]; return !ok || got != value }
}

// hasPrefix parses the two arguments of the function.
func (p *filterParser) hasPrefix() filter {
	p.expect("(")
	p.expect("attributes")
	p.expect(".")
	key := p.key()
	p.expect(",")
	prefix := p.quoted()
	p.expect(")")
	return func(attributes map[string]string) bool {
		got, ok := attributes[key]
		return ok && strings.HasPrefix(got, prefix)
	}
}

func (p *filterParser) key() string {
	if p.token == scanner.Ident {
		key := p.text
		p.next()
		return key
	}
	return p.quoted()
}

func (p *filterParser) quoted() string {
	if p.token != scanner.String {
		p.fail(fmt.Sprintf("want a quoted string, got %q", p.text))
		return ""
	}
	inner := strings.TrimSuffix(strings.TrimPrefix(p.text, `"`), `"`)
	p.next()
	return unescape.Replace(inner)
}

var unescape = strings.NewReplacer(`\\`, `\`, `\"`, `"`)
