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

// csvColumns are the columns of an import. Only sku is required.
var csvColumns = []string{
	"sku", "name", "description", "category", "price", "currency", "stock", "stockDelta", availableColumn, "status", "images", "attributes",
}

// availableColumn is the stock in an export. An import ignores it, because pieces may
// have been sold since.
const availableColumn = "available"

type csvReader struct {
	lines   *lineReader
	columns []string
}

// newCSVReader returns a new reader that has read the header. Its error is a problem
// that lists the errors of the header.
func newCSVReader(lines *lineReader) (*csvReader, error) {
	r := &csvReader{lines: lines}
	header, columns, err := r.row()
	switch {
	case errors.Is(err, io.EOF):
		header.addError("body", api.FieldRequired, "the file is empty: send a header with the names of the columns as its first line")
	case err != nil:
		return nil, api.UnreadableBody(err)
	case len(header.errs) == 0:
		header.errs = headerErrors(columns)
	}
	if len(header.errs) > 0 {
		p := api.NewProblem(http.StatusBadRequest, api.CodeInvalid, "The header of the file is invalid. Its first line must name the columns: see errors.")
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

// headerErrors returns the errors of the header's columns.
func headerErrors(columns []string) []api.FieldError {
	var header fileLine
	for i, column := range columns {
		location := fmt.Sprintf("body.columns[%d]", i)
		switch {
		case !utf8.ValidString(column):
			header.addError(location, api.FieldEncoding, encodingMessage)
		case !slices.Contains(csvColumns, column):
			header.addError(location, api.FieldUnknown, "must be one of %s", strings.Join(csvColumns, ", "))
		case slices.Contains(columns[:i], column):
			header.addError(location, api.FieldDuplicate, "the column %s is a duplicate: name each column once", column)
		}
	}
	if !slices.Contains(columns, "sku") {
		header.addError("body.columns", api.FieldRequired, "the column sku is missing: add it, and separate columns by commas")
	}
	return header.errs
}

const encodingMessage = "must be UTF-8 text: in a spreadsheet, save the file as CSV UTF-8"

// row reads a row, which has several lines if a quoted cell does. A quote that is not
// closed would swallow all lines after it. In this case the row fails and is only its
// first line, and the next row begins on the line after it.
func (r *csvReader) row() (row fileLine, cells []string, err error) {
	first, err := r.lines.nextNonBlank()
	row.number = r.lines.lineNumber
	if errors.Is(err, errLongLine) {
		row.addError("line", api.FieldTooLong, "must have at most %d bytes", maxLineBytes)
		return row, nil, nil
	}
	if err != nil {
		return row, nil, err
	}
	rowLines := [][]byte{first}
	length, quotes := len(first), bytes.Count(first, []byte{'"'})
	for quotes%2 == 1 {
		line, err := r.lines.next()
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errLongLine) {
			return row, nil, err
		}
		if errors.Is(err, errLongLine) {
			line = []byte{'"'} // stands for the long line, and fails as a row of its own
		}
		if length += len(line); err != nil || length > maxLineBytes {
			if !errors.Is(err, io.EOF) {
				rowLines = append(rowLines, line)
			}
			r.lines.unread(rowLines[1:])
			row.addError("line", api.FieldSyntax, "a quoted cell is not closed: add the missing quote")
			return row, nil, nil
		}
		rowLines = append(rowLines, line)
		quotes += bytes.Count(line, []byte{'"'})
	}
	row.bytes = length
	cells, err = csv.NewReader(bytes.NewReader(bytes.Join(rowLines, []byte{'\n'}))).Read()
	switch {
	case err != nil:
		row.addError("line", api.FieldSyntax, "a cell that contains a quote must be enclosed in quotes, and the quote doubled")
	case r.columns != nil && len(cells) != len(r.columns):
		row.addError("line", api.FieldSyntax, "has %d cells, but the header has %d: send one cell per column", len(cells), len(r.columns))
	}
	if len(row.errs) > 0 {
		r.lines.unread(rowLines[1:])
	}
	return row, cells, nil
}

// next implements catalogReader.
func (r *csvReader) next() (fileLine, error) {
	row, cells, err := r.row()
	if err != nil {
		return row, err
	}
	if i := slices.Index(r.columns, "sku"); i < len(cells) {
		row.sku = cells[i]
	}
	if len(row.errs) > 0 {
		return row, nil
	}
	row.fields = r.fields(&row, cells)
	return row, nil
}

// fields returns the cells of a row as the values of a JSON object. An empty cell clears
// a field that can be empty.
func (r *csvReader) fields(row *fileLine, cells []string) map[string]any {
	fields, price := map[string]any{}, map[string]any{}
	for i, cell := range cells {
		switch column := r.columns[i]; {
		case column == availableColumn, cell == "" && slices.Contains(unchangedIfEmpty, column):
		case !utf8.ValidString(cell):
			row.addError(csvLocation(column), api.FieldEncoding, encodingMessage)
		case cell == "" && slices.Contains(requiredColumns, column):
			row.addError(csvLocation(column), api.FieldRequired, "must not be empty: send a value, or leave out the column to leave it unchanged")
		case column == "stock", column == "stockDelta":
			fields[column] = integerOrText(cell)
		case column == "price":
			price["amount"] = integerOrText(cell)
		case column == "currency":
			price["currency"] = cell
		case column == "images":
			fields[column] = parseImages(cell)
		case column == "attributes":
			value, err := parseAttributes(cell)
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
	// requiredColumns are the columns whose cells must not be empty.
	requiredColumns = []string{"sku", "name", "price", "status"}
	// unchangedIfEmpty are the columns whose empty cells are treated as missing.
	unchangedIfEmpty = []string{"currency", "stock", "stockDelta"}
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

// parseAttributes returns the attributes of a cell, which are JSON. The empty cell has
// none.
func parseAttributes(cell string) (any, error) {
	if cell == "" {
		return map[string]any{}, nil
	}
	return strictjson.Parse([]byte(cell), "attributes")
}

// parseImages returns the URLs of a cell, separated by the white space that
// imagePattern excludes. U+00A0, for example, is no separator.
func parseImages(cell string) []any {
	urls := []any{}
	for _, url := range strings.FieldsFunc(cell, func(r rune) bool { return strings.ContainsRune("\t\n\f\r ", r) }) {
		urls = append(urls, url)
	}
	return urls
}

var integerPattern = regexp.MustCompile(`^(0|-?[1-9][0-9]{0,17})$`)

// integerOrText returns an integer, or the cell itself, which the record's rules reject.
func integerOrText(cell string) any {
	if integerPattern.MatchString(cell) {
		return json.Number(cell)
	}
	return cell
}
