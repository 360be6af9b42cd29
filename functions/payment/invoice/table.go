package invoice

import (
	"strconv"
	"strings"

	"souk/shared/money"
)

// Measures of the table in millimetres, and its sizes of text in points.
const (
	columnGap      = 4.0
	minDescription = 48.0
	rowPadding     = 1.9
	tableSize      = 9.0
	minTableSize   = 5.5
)

// column is a column of the table. The first is the description, the others are to the right.
type column struct {
	title string
	end   float64 // the right end of the column
	width float64
}

// table is the table of the lines.
type table struct {
	columns []column
	rows    [][]string
	size    float64 // of text
}

// newTable returns the table, without columns that are empty in every line.
func (p *page) newTable() table {
	titles := []string{"Description", "Quantity", "Unit price", "Discount", "Tax rate", "Net", "Tax", "Amount"}
	rows := make([][]string, len(p.doc.Lines))
	used := make([]bool, len(titles))
	used[0] = true
	for i := range p.doc.Lines {
		rows[i] = p.doc.Lines[i].cells()
		for j, cell := range rows[i] {
			used[j] = used[j] || cell != ""
		}
	}
	t := table{rows: make([][]string, len(rows))}
	for j, title := range titles {
		if !used[j] {
			continue
		}
		t.columns = append(t.columns, column{title: title})
		for i := range rows {
			t.rows[i] = append(t.rows[i], rows[i][j])
		}
	}
	for t.size = tableSize; !p.fitColumns(&t) && t.size > minTableSize; {
		t.size -= 0.5
	}
	return t
}

// cells returns the texts of a line.
func (l *Line) cells() []string {
	quantity := ""
	if l.Quantity > 0 {
		quantity = strconv.FormatInt(l.Quantity, 10)
	}
	price, discount := "", ""
	if l.UnitPrice != (money.Money{}) {
		price = amount(l.UnitPrice)
	}
	if l.Discount.Amount > 0 {
		discount = "−" + amount(l.Discount)
	}
	return []string{l.Description, quantity, price, discount, l.TaxRate + " %", amount(l.Net), amount(l.Tax), amount(l.Gross)}
}

// fitColumns computes the widths of columns from their texts. It reports whether enough remains
// for the description.
func (p *page) fitColumns(t *table) bool {
	end := right
	for j := len(t.columns) - 1; j > 0; j-- {
		c := &t.columns[j]
		p.font(bold, t.size-1)
		c.width = p.width(c.title)
		p.font(regular, t.size)
		for _, row := range t.rows {
			c.width = max(c.width, p.width(row[j]))
		}
		c.end = end
		end -= c.width + columnGap
	}
	t.columns[0].width = end - left
	return t.columns[0].width >= minDescription
}

// lines writes the table of the lines.
func (p *page) lines() {
	t := p.newTable()
	if len(t.rows) == 0 {
		return
	}
	p.tableHead(&t)
	for _, row := range t.rows {
		p.font(regular, t.size)
		description := p.wrap(row[0], max(t.columns[0].width, minDescription/2))
		height := float64(len(description))*p.rowHeight() + 2*rowPadding
		if p.require(height) {
			p.tableHead(&t)
		}
		p.tableRow(&t, row, description)
	}
	p.y += rowPadding
}

// rowHeight returns the height of a line of text.
func (p *page) rowHeight() float64 { return p.size * 0.46 }

func (p *page) tableHead(t *table) {
	height := 7.0
	p.pdf.SetFillColor(shade.r, shade.g, shade.b)
	p.pdf.Rect(left-2, p.y, right-left+4, height, "F")
	p.font(bold, t.size-1)
	p.color(quiet)
	p.write(left, p.y+4.6, t.columns[0].title)
	for _, c := range t.columns[1:] {
		p.writeRight(c.end, p.y+4.6, c.title)
	}
	p.y += height
}

// tableRow writes a row of the table.
func (p *page) tableRow(t *table, row, description []string) {
	p.font(regular, t.size)
	p.color(ink)
	y := p.y + rowPadding + p.rowHeight()*0.8
	for i, line := range description {
		p.write(left, y+float64(i)*p.rowHeight(), line)
	}
	for j, c := range t.columns[1:] {
		p.writeRight(c.end, y, row[j+1])
	}
	p.y += float64(len(description))*p.rowHeight() + 2*rowPadding
	p.rule(left-2, right+2, p.y, 0.15, hair)
}

// amount returns an amount without its currency.
func amount(m money.Money) string {
	text, _, _ := strings.Cut(m.String(), " ")
	return text
}
