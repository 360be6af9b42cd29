package invoice

import (
	"fmt"
	"strings"
)

// Positions of the sums in millimetres.
const (
	totalsLeft   = 112.0
	totalsHeight = 6.0
)

// totals writes the sums by tax rate and the total.
func (p *page) totals() {
	height := float64(len(p.doc.Taxes)+4)*totalsHeight + 10
	p.require(height)
	p.y += 6
	for _, tax := range p.doc.Taxes {
		p.sum(fmt.Sprintf("Net at %s %%", tax.Rate), amount(tax.Net))
		p.sum(fmt.Sprintf("Tax of %s %%", tax.Rate), amount(tax.Tax))
	}
	p.rule(totalsLeft, right, p.y-3.2, 0.4, brand)
	p.y += 3.4
	p.font(bold, 13)
	p.color(ink)
	name := "Total"
	if p.doc.Kind == CreditNote {
		name = "Total credited"
	}
	p.write(totalsLeft, p.y, name)
	p.writeRight(right, p.y, p.doc.Total.String())
	p.y += 7
	p.font(regular, 9)
	p.color(quiet)
	p.writeRight(right, p.y, fmt.Sprintf("including %s of tax", p.doc.Tax))
	p.y += 10
}

// sum writes a line of the sums.
func (p *page) sum(name, value string) {
	p.font(regular, 9.5)
	p.color(quiet)
	p.write(totalsLeft, p.y, name)
	p.color(ink)
	p.writeRight(right, p.y, value)
	p.y += totalsHeight
}

// notes writes how the document was paid, and what explains it.
func (p *page) notes() {
	paid := "Paid"
	if p.doc.Kind == CreditNote {
		paid = "Paid back"
	}
	notes := []string{fmt.Sprintf("%s on %s: %s. Reference: %s.", paid, date(p.doc.Payment.At), p.doc.Payment.Amount, p.doc.Payment.Reference)}
	for _, d := range p.doc.Discounts {
		notes = append(notes, fmt.Sprintf("Discount %s: −%s, included in the amounts of the lines.", strings.TrimSpace(d.Name+" "+d.Code), d.Amount))
	}
	rounding := "Amounts are in " + p.doc.Total.Currency + ". Tax is rounded by line."
	if p.doc.Kind == Invoice && p.doc.PricesIncludeTax {
		rounding += " Unit prices and discounts include tax."
	} else if p.doc.Kind == Invoice {
		rounding += " Unit prices and discounts are without tax."
	}
	notes = append(notes, rounding)
	if p.replaced {
		notes = append(notes, string(replacement)+" is a character that this file cannot show. The electronic form of the document (JSON) contains it.")
	}
	for _, note := range notes {
		p.note(note)
	}
}

// note writes a paragraph.
func (p *page) note(text string) {
	p.font(regular, 9)
	lines := p.wrap(text, right-left)
	p.require(float64(len(lines)) * lineHeight)
	p.color(ink)
	for _, line := range lines {
		p.write(left, p.y, line)
		p.y += lineHeight
	}
	p.y += 1.5
}
