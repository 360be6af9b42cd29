package invoice

import (
	"slices"
	"strings"
	"time"

	"souk/shared/address"
)

// Positions of the header in millimetres. The buyer's address is where windows of envelopes are
// (DIN 5008, form B).
const (
	addressTop   = 51.0
	addressWidth = 80.0
	factsLeft    = 114.0
	factsTop     = 51.0
	factsIndent  = 23.0
	headerEnd    = 98.0
)

// dateFormat is understood everywhere, unlike digits of the month.
const dateFormat = "2 January 2006"

// header writes seller, buyer, and the facts of the document.
func (p *page) header() {
	p.font(bold, 17)
	p.color(brand)
	name := p.wrap(p.doc.Seller.Name, 95)
	for i, line := range name[:min(len(name), 2)] {
		p.write(left, top+5+7*float64(i), line)
	}
	p.font(bold, 21)
	p.color(ink)
	p.writeRight(right, top+5, p.doc.title())
	p.font(regular, 11)
	p.color(quiet)
	p.writeRight(right, top+11.5, p.doc.Number)
	p.rule(left, right, top+18, 0.5, brand)

	p.font(regular, 6.5)
	p.write(left, addressTop-6.5, p.wrap(join(append([]string{p.doc.Seller.Name}, p.doc.Seller.Address...)), addressWidth)[0])
	end := max(p.buyer(), p.facts())
	p.y = max(end+6, headerEnd)
}

// buyer writes the buyer's address and returns its end.
func (p *page) buyer() float64 {
	y := addressTop
	lines := []string{p.doc.Buyer.Name}
	if p.doc.Buyer.Address != nil {
		lines = addressLines(*p.doc.Buyer.Address)
		if p.doc.Buyer.Address.Name == "" {
			lines = append([]string{p.doc.Buyer.Name}, lines...)
		}
	}
	for i, line := range lines {
		if i == 0 {
			p.font(bold, 10.5)
		} else {
			p.font(regular, 10.5)
		}
		p.color(ink)
		for _, part := range p.wrap(line, addressWidth) {
			p.write(left, y, part)
			y += lineHeight
		}
	}
	if p.doc.Buyer.Email != "" {
		p.font(regular, 9)
		p.color(quiet)
		for _, part := range p.wrap(p.doc.Buyer.Email, addressWidth) {
			p.write(left, y+1, part)
			y += lineHeight
		}
	}
	return y
}

// facts writes what identifies the document, and returns its end.
func (p *page) facts() float64 {
	facts := [][2]string{{"Number", p.doc.Number}, {"Date", date(p.doc.IssuedAt)}}
	if c := p.doc.Corrects; c != nil {
		facts = append(facts, [2]string{"Corrects", c.Number + ", " + date(c.IssuedAt)})
	}
	facts = append(facts, [2]string{"Order", p.doc.OrderID.String()}, [2]string{"Ordered on", date(p.doc.OrderedAt)})
	if a := p.doc.ShippingAddress; a != nil {
		facts = append(facts, [2]string{"Delivery to", join(addressLines(*a))})
	}
	y := factsTop
	for _, fact := range facts {
		p.font(regular, 9)
		p.color(quiet)
		p.write(factsLeft, y, fact[0])
		p.color(ink)
		if fact[0] == "Order" {
			p.font(regular, 7.8) // 36 characters in one line
		}
		for _, line := range p.wrap(fact[1], right-factsLeft-factsIndent) {
			p.write(factsLeft+factsIndent, y, line)
			y += lineHeight
		}
	}
	return y
}

// addressLines returns the lines of an address, without the phone number.
func addressLines(a address.PostalAddress) []string {
	city := strings.TrimSpace(a.PostalCode + " " + a.City)
	if a.Region != "" {
		city += ", " + a.Region
	}
	lines := []string{a.Name, a.Company, a.Line1, a.Line2, city, countryName(a.Country)}
	return slices.DeleteFunc(lines, func(line string) bool { return line == "" })
}

func date(t time.Time) string { return t.UTC().Format(dateFormat) }

func taxID(id string) string {
	if id == "" {
		return ""
	}
	return "Tax ID " + id
}

// join joins texts that are in one line.
func join(texts []string) string { return strings.Join(texts, " · ") }
