package console

import (
	"bytes"
	"compress/gzip"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strings"
)

//go:embed page
var pageFiles embed.FS

// page is one page of the console.
type page struct {
	// name is the path of the page and the name of its files; title is its name in the
	// navigation, and text describes it in a few words.
	name, title, text string
	// view returns the data of the page's template.
	view func(r *http.Request) (any, error)
	// events sends live data until the request ends. Nil: the page has none.
	events func(r *http.Request, s *stream) error
	// actions are what the page can change, by name: POST /actions/NAME/ACTION.
	actions map[string]action
	// routes are other handlers of the page, for GET requests, by pattern.
	routes map[string]http.HandlerFunc
}

// sheet is the data of the layout.
type sheet struct {
	Page  page
	Pages []page
	Links []Link
	// View is the data of the page's template.
	View any
	// Trusted reports whether the request may perform actions.
	Trusted bool
	// Theme is light, dark or empty: as the system.
	Theme string
	// Script reports whether the page has a script.
	Script bool
	assets map[string]asset
}

// Name, Title and Text are for the templates.
func (p page) Name() string  { return p.name }
func (p page) Title() string { return p.title }
func (p page) Text() string  { return p.text }

// Live reports whether the page has events.
func (p page) Live() bool { return p.events != nil }

// Asset returns the URL of a file of the console, which changes with its content.
func (s sheet) Asset(name string) string { return "/asset/" + name + "?v=" + s.assets[name].tag }

// pageKeys are the keys that open the first pages.
const pageKeys = "1234567890"

// Key returns the key that opens a page, or nothing for a page without one.
func (s sheet) Key(name string) string {
	for i, p := range s.Pages {
		if p.name == name && i < len(pageKeys) {
			return pageKeys[i : i+1]
		}
	}
	return ""
}

// parsePages returns the template of every page by name.
func (c *Console) parsePages() (map[string]*template.Template, error) {
	layout, err := template.New("layout.html").Funcs(helpers).ParseFS(pageFiles, "page/layout.html")
	if err != nil {
		return nil, err
	}
	sheets := map[string]*template.Template{}
	for _, p := range c.pages {
		copied, err := layout.Clone()
		if err != nil {
			return nil, err
		}
		if sheets[p.name], err = copied.ParseFS(pageFiles, "page/"+p.name+".html"); err != nil {
			return nil, err
		}
	}
	return sheets, nil
}

// servePage returns the handler of a page.
func (c *Console) servePage(p page) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.enter(w, r) {
			return
		}
		body, err := c.render(p, r)
		if errors.Is(err, errInvalid) {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		if err != nil {
			c.log.Error("render a page of the console", "page", p.name, "error", err)
			http.Error(w, fmt.Sprintf("render the page %s: %v", p.name, err), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		c.writeCompressed(w, r, body)
	})
}

func (c *Console) render(p page, r *http.Request) ([]byte, error) {
	s := sheet{
		Page: p, Pages: c.pages, Links: c.options.Links, Trusted: c.trusted(r), Theme: theme(r), assets: c.assets,
	}
	_, s.Script = c.assets[p.name+".js"]
	var err error
	if s.View, err = p.view(r); err != nil {
		return nil, err
	}
	var body bytes.Buffer
	if err := c.sheets[p.name].Execute(&body, s); err != nil {
		return nil, fmt.Errorf("execute the template: %w", err)
	}
	return body.Bytes(), nil
}

// themeCookie is followed by the port, as tokenCookie is.
const themeCookie = "souk_theme_"

// theme returns the theme that the user has chosen.
func theme(r *http.Request) string {
	cookie, err := r.Cookie(themeCookie + port(r))
	if err == nil && (cookie.Value == "dark" || cookie.Value == "light") {
		return cookie.Value
	}
	return ""
}

// writeCompressed writes a body with gzip, if the client accepts it: the graph of the system has much
// markup that is alike.
func (c *Console) writeCompressed(w http.ResponseWriter, r *http.Request, body []byte) {
	w.Header().Add("Vary", "Accept-Encoding")
	if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		c.write(w, body)
		return
	}
	var compressed bytes.Buffer
	z := gzip.NewWriter(&compressed)
	_, err := z.Write(body)
	if err = errors.Join(err, z.Close()); err != nil {
		http.Error(w, fmt.Sprintf("compress the response: %v", err), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	c.write(w, compressed.Bytes())
}

// write writes a body. It fails only if the client has disconnected.
func (c *Console) write(w http.ResponseWriter, body []byte) {
	if _, err := w.Write(body); err != nil { //nolint:gosec // G705: of templates and embedded files
		c.log.Debug("write a response of the console", "error", err)
	}
}
