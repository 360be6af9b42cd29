package mail

import (
	"embed"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"strings"
	texttemplate "text/template"
)

//go:embed layout.html
var layout embed.FS

// Template renders the content of one kind of mail.
type Template struct {
	name string
	text *texttemplate.Template
	html *htmltemplate.Template
}

// ParseTemplate parses NAME.txt, which defines "subject" and "text", and NAME.html,
// which defines "content" in the layout that all mails share.
func ParseTemplate(files fs.FS, name string) (*Template, error) {
	text, err := texttemplate.New(name).Option("missingkey=error").ParseFS(files, name+".txt")
	if err != nil {
		return nil, fmt.Errorf("parse the mail %s: %w", name, err)
	}
	html, err := htmltemplate.New(name).Option("missingkey=error").ParseFS(layout, "layout.html")
	if err == nil {
		html, err = html.ParseFS(files, name+".html")
	}
	if err != nil {
		return nil, fmt.Errorf("parse the mail %s: %w", name, err)
	}
	return &Template{name: name, text: text, html: html}, nil
}

// MustTemplate is like ParseTemplate and panics on an error. It is for embedded templates.
func MustTemplate(files fs.FS, name string) *Template {
	t, err := ParseTemplate(files, name)
	if err != nil {
		panic(err)
	}
	return t
}

// Render renders the content with data.
func (t *Template) Render(data any) (Content, error) {
	var subject, text, html strings.Builder
	if err := t.text.ExecuteTemplate(&subject, "subject", data); err != nil {
		return Content{}, fmt.Errorf("render the subject of the mail %s: %w", t.name, err)
	}
	if err := t.text.ExecuteTemplate(&text, "text", data); err != nil {
		return Content{}, fmt.Errorf("render the text of the mail %s: %w", t.name, err)
	}
	page := struct {
		Subject string
		Data    any
	}{oneLine(subject.String()), data}
	if err := t.html.ExecuteTemplate(&html, "layout.html", page); err != nil {
		return Content{}, fmt.Errorf("render the HTML of the mail %s: %w", t.name, err)
	}
	return Content{Subject: page.Subject, Text: strings.TrimSpace(text.String()) + "\n", HTML: html.String()}, nil
}
