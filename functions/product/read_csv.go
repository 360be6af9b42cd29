package product

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"souk/shared/api"
	"souk/shared/strictjson"
)

// csvColumns are the columns that an import reads. Any but sku may be missing.
var csvColumns = []string{
	"sku", "name", "description", "category", "price", "currency", "stock", "stockDelta", availableColumn, "status", "images", "attributes",
}

// availableColumn is the stock in an export. An import ignores it: pieces may have
// been sold since.
const availableColumn = "available"

type csvReader struct {
	lines   *lineReader
	columns []string
}

// newCSVReader reads the header. Its error is a problem that names what is wrong.
func newCSVReader(lines *lineReader) (*csvReader, error) {
	r := &csvReader{lines: lines}
	header, columns, err := r.row()
	switch {
	case errors.Is(err, io.EOF):
		header.fail("body", api.FieldRequired, "the file is empty: its first line must name the columns")
	case err != nil:
		return nil, api.UnreadableBody(err)
	case len(header.errs) == 0:
		header.errs = headerErrors(columns)
	}
	if len(header.errs) > 0 {
		p := api.NewProblem(http.StatusBadRequest, api.CodeInvalid, "The first line must name the columns: see errors.")
		p.Errors = header.errs[:min(len(header.errs), maxLineErrors)]
		for i := range p.Errors {
			if p.Errors[i].Location == "line" {
				p.Errors[i].Location = "body"
			}
		}
		return nil, p
	}
	r.columns = columns
	return r, nil
}

func headerErrors(columns []string) []api.FieldError {
	var header fileLine
	for i, column := range columns {
		location := fmt.Sprintf("body.columns[%d]", i)
		switch {
		case !utf8.ValidString(column):
			header.fail(location, api.FieldEncoding, utf8Text)
		case !slices.Contains(csvColumns, column):
			header.fail(location, api.FieldUnknown, "must be one of %s", strings.Join(csvColumns, ", "))
		case slices.Contains(columns[:i], column):
			header.fail(location, api.FieldDuplicate, "the column %s is there twice", column)
		}
	}
	if !slices.Contains(columns, "sku") {
		header.fail("body.columns", api.FieldRequired, "there must be a column sku; columns are separated by commas")
	}
	return header.errs
}

const utf8Text = "must be UTF-8 text: in a spreadsheet, save the file as CSV UTF-8"

// row reads a row, which has several lines where a quoted cell has. A quote that
// is not closed would swallow all lines after it: then the row is its first
// line, a failed one, and the next row begins on the line after it.
func (r *csvReader) row() (row fileLine, cells []string, err error) {
	first, err := r.lines.nextFilled()
	row.number = r.lines.last
	if errors.Is(err, errLongLine) {
		row.fail("line", api.FieldTooLong, "must have at most %d bytes", maxLineBytes)
		return row, nil, nil
	}
	if err != nil {
		return row, nil, err
	}
	lines := [][]byte{first}
	length, quotes := len(first), bytes.Count(first, []byte{'"'})
	for quotes%2 == 1 {
		line, err := r.lines.next()
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errLongLine) {
			return row, nil, err
		}
		if errors.Is(err, errLongLine) {
			line = []byte{'"'} // in its place: a failed line of its own
		}
		if length += len(line); err != nil || length > maxLineBytes {
			if !errors.Is(err, io.EOF) {
				lines = append(lines, line)
			}
			r.lines.putBack(lines[1:])
			row.fail("line", api.FieldSyntax, "a quote is not closed")
			return row, nil, nil
		}
		lines = append(lines, line)
		quotes += bytes.Count(line, []byte{'"'})
	}
	row.bytes = length
	cells, err = csv.NewReader(bytes.NewReader(bytes.Join(lines, []byte{'\n'}))).Read()
	switch {
	case err != nil:
		row.fail("line", api.FieldSyntax, "a cell with a quote must be within quotes, and the quote doubled")
	case r.columns != nil && len(cells) != len(r.columns):
		row.fail("line", api.FieldSyntax, "has %d cells, the header has %d", len(cells), len(r.columns))
	}
	if len(row.errs) > 0 {
		r.lines.putBack(lines[1:])
	}
	return row, cells, nil
}

func (r *csvReader) next() (fileLine, error) {
	row, cells, err := r.row()
	if err != nil {
		return row, err
	}
	if at := slices.Index(r.columns, "sku"); at < len(cells) {
		row.sku = cells[at]
	}
	if len(row.errs) > 0 {
		return row, nil
	}
	row.fields = r.fields(&row, cells)
	return row, nil
}

// fields returns the cells of a row as JSON has them. An empty cell clears what can
// be empty.
func (r *csvReader) fields(row *fileLine, cells []string) map[string]any {
	fields, price := map[string]any{}, map[string]any{}
	for i, cell := range cells {
		switch column := r.columns[i]; {
		case column == availableColumn, cell == "" && slices.Contains(noChangeIfEmpty, column):
		case !utf8.ValidString(cell):
			row.fail(csvLocation(column), api.FieldEncoding, utf8Text)
		case cell == "" && slices.Contains(neverEmpty, column):
			row.fail(csvLocation(column), api.FieldRequired, "must not be empty: without the column, the value stays as it is")
		case column == "stock", column == "stockDelta":
			fields[column] = number64(cell)
		case column == "price":
			price["amount"] = number64(cell)
		case column == "currency":
			price["currency"] = cell
		case column == "images":
			fields[column] = imageList(cell)
		case column == "attributes":
			value, err := attributeCell(cell)
			if err != nil {
				row.errs = append(row.errs, lineError(err))
			} else {
				fields[column] = value
			}
		default:
			fields[column] = cell
		}
	}
	if len(price) > 0 {
		fields["price"] = price
	}
	return fields
}

var (
	// neverEmpty are the columns whose value cannot be empty.
	neverEmpty = []string{"sku", "name", "price", "status"}
	// noChangeIfEmpty are those whose empty cell is as if the column were missing.
	noChangeIfEmpty = []string{"currency", "stock", "stockDelta"}
)

// csvLocation returns the location of a column's value in the record.
func csvLocation(column string) string {
	switch column {
	case "price":
		return "price.amount"
	case "currency":
		return "price.currency"
	}
	return column
}

func attributeCell(cell string) (any, error) {
	if cell == "" {
		return map[string]any{}, nil
	}
	return strictjson.Parse([]byte(cell), "attributes")
}

// imageList returns the URLs of a cell, which white space separates. It is the white
// space that a URL cannot have here (see Images): U+00A0 separates nothing.
func imageList(cell string) []any {
	urls := []any{}
	for _, url := range strings.FieldsFunc(cell, func(r rune) bool { return strings.ContainsRune("\t\n\f\r ", r) }) {
		urls = append(urls, url)
	}
	return urls
}

var wholeNumber = regexp.MustCompile(`^(0|-?[1-9][0-9]{0,17})$`)

// number64 returns a number, or the cell itself, which the record's rules refuse.
func number64(cell string) any {
	if wholeNumber.MatchString(cell) {
		return json.Number(cell)
	}
	return cell
}
