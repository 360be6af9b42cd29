package invoice

import (
	"bytes"
	"fmt"

	"codeberg.org/go-pdf/fpdf"
)

// Measures of an A4 page in millimetres.
const (
	pageWidth  = 210.0
	left       = 20.0
	right      = pageWidth - 20
	top        = 20.0
	bottom     = 268.0 // of the content; the footer is below
	footerTop  = 276.0
	lineHeight = 4.6
)

// color is a color of text and lines.
type color struct{ r, g, b int }

// The colors are those of the shop's mails.
var (
	brand = color{154, 91, 35}
	ink   = color{43, 38, 34}
	quiet = color{120, 110, 100}
	hair  = color{214, 204, 188}
	shade = color{248, 245, 238}
)

// page is a document that is being rendered.
type page struct {
	pen

	doc *Document
	y   float64 // the baseline of the next line
}

// PDF renders a document. The bytes depend on nothing but the document.
func PDF(doc *Document) ([]byte, error) {
	pdf := fpdf.New("P", "mm", "A4", "")
	pdf.SetCatalogSort(true)
	pdf.SetCreationDate(doc.IssuedAt.UTC())
	pdf.SetModificationDate(doc.IssuedAt.UTC())
	pdf.SetProducer("Souk", false)
	pdf.SetTitle(doc.title()+" "+doc.Number, true)
	pdf.SetAuthor(doc.Seller.Name, true)
	pdf.SetLang("en")
	pdf.SetAutoPageBreak(false, 0)
	p := &page{pen: pen{pdf: pdf, added: map[*face]bool{}}, doc: doc}
	p.newPage()
	p.header()
	p.lines()
	p.totals()
	p.notes()
	p.footers()
	var out bytes.Buffer
	if err := pdf.Output(&out); err != nil {
		return nil, fmt.Errorf("render %s %s: %w", doc.Kind, doc.Number, err)
	}
	return out.Bytes(), nil
}

// title returns the name of the kind of document.
func (doc *Document) title() string {
	if doc.Kind == CreditNote {
		return "Credit note"
	}
	return "Invoice"
}

func (p *page) newPage() {
	p.pdf.AddPage()
	p.y = top + 6
}

// require begins a new page unless a height remains on this one, and reports whether it did.
func (p *page) require(height float64) bool {
	if p.y+height <= bottom {
		return false
	}
	p.newPage()
	return true
}

// rule draws a line across the page.
func (p *page) rule(from, to, y, width float64, c color) {
	p.pdf.SetDrawColor(c.r, c.g, c.b)
	p.pdf.SetLineWidth(width)
	p.pdf.Line(from, y, to, y)
}

// footers writes the footer of each page.
func (p *page) footers() {
	pages := p.pdf.PageCount()
	seller := []string{p.doc.Seller.Name}
	seller = append(seller, p.doc.Seller.Address...)
	var identity []string
	for _, text := range []string{taxID(p.doc.Seller.TaxID), p.doc.Seller.Details, p.doc.Seller.Contact} {
		if text != "" {
			identity = append(identity, text)
		}
	}
	for i := 1; i <= pages; i++ {
		p.pdf.SetPage(i)
		p.rule(left, right, footerTop, 0.2, hair)
		p.font(regular, 7.5)
		p.color(quiet)
		number := fmt.Sprintf("%s %s · Page %d of %d", p.doc.title(), p.doc.Number, i, pages)
		p.writeRight(right, footerTop+4.5, number)
		width := right - left - p.width(number) - 6
		y := footerTop + 4.5
		for _, group := range [][]string{seller, identity} {
			for _, line := range p.wrap(join(group), width) {
				p.write(left, y, line)
				y += 3.4
			}
		}
	}
}
