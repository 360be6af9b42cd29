package feed

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

type csvReader struct {
	lines   *lineReader
	columns []column // of the file
}

// NewCSVReader returns a new Reader of a CSV file whose header it has read. Its error is a
// problem that lists the errors of the header.
func (f *Format[P]) NewCSVReader(file io.Reader) (Reader, error) {
	r := &csvReader{lines: newLineReader(file)}
	header, names, err := r.row()
	switch {
	case errors.Is(err, io.EOF):
		header.addError("body", api.FieldRequired, "the file is empty: send a header with the names of the columns as its first line")
	case err != nil:
		return nil, api.UnreadableBody(err)
	case len(header.Errs) == 0:
		header.Errs = headerErrors(names, f.columnNames())
	}
	if len(header.Errs) > 0 {
		p := api.NewProblem(http.StatusBadRequest, api.CodeInvalid, "The header of the file is invalid. Its first line must name the columns: see errors.")
		p.Errors = header.Errs[:min(len(header.Errs), MaxLineErrors)]
		for i := range p.Errors {
			if p.Errors[i].Location == "line" {
				p.Errors[i].Location = "body"
			}
		}
		return nil, p
	}
	for _, name := range names {
		c, _ := f.column(name) // headerErrors has refused other names
		r.columns = append(r.columns, c)
	}
	return r, nil
}

// headerErrors returns the errors of the header's columns.
func headerErrors(columns, accepted []string) []api.FieldError {
	var header Line
	for i, column := range columns {
		location := fmt.Sprintf("body.columns[%d]", i)
		switch {
		case !utf8.ValidString(column):
			header.addError(location, api.FieldEncoding, encodingMessage)
		case !slices.Contains(accepted, column):
			header.addError(location, api.FieldUnknown, "must be one of %s", strings.Join(accepted, ", "))
		case slices.Contains(columns[:i], column):
			header.addError(location, api.FieldDuplicate, "the column %s is a duplicate: name each column once", column)
		}
	}
	if !slices.Contains(columns, "sku") {
		header.addError("body.columns", api.FieldRequired, "the column sku is missing: add it, and separate columns by commas")
	}
	return header.Errs
}

const encodingMessage = "must be UTF-8 text: in a spreadsheet, save the file as CSV UTF-8"

// row reads a row, which has several lines if a quoted cell does. A quote that is not
// closed would swallow all lines after it. In this case the row fails and is only its
// first line, and the next row begins on the line after it.
func (r *csvReader) row() (row Line, cells []string, err error) {
	first, err := r.lines.nextNonBlank()
	row.Number = r.lines.lineNumber
	if errors.Is(err, errLongLine) {
		row.addError("line", api.FieldTooLong, "must have at most %d bytes", MaxLineBytes)
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
		if length += len(line); err != nil || length > MaxLineBytes {
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
	row.Bytes = length
	cells, err = csv.NewReader(bytes.NewReader(bytes.Join(rowLines, []byte{'\n'}))).Read()
	switch {
	case err != nil:
		row.addError("line", api.FieldSyntax, "a cell that contains a quote must be enclosed in quotes, and the quote doubled")
	case r.columns != nil && len(cells) != len(r.columns):
		row.addError("line", api.FieldSyntax, "has %d cells, but the header has %d: send one cell per column", len(cells), len(r.columns))
	}
	if len(row.Errs) > 0 {
		r.lines.unread(rowLines[1:])
	}
	return row, cells, nil
}

// Next implements Reader.
func (r *csvReader) Next() (Line, error) {
	row, cells, err := r.row()
	if err != nil {
		return row, err
	}
	if i := slices.IndexFunc(r.columns, func(c column) bool { return c.name == "sku" }); i < len(cells) {
		row.SKU = cells[i]
	}
	if len(row.Errs) > 0 {
		return row, nil
	}
	row.Fields = r.fields(&row, cells)
	return row, nil
}

// fields returns the cells of a row as the values of a JSON object. An empty cell clears
// a field that can be empty.
func (r *csvReader) fields(row *Line, cells []string) map[string]any {
	fields := map[string]any{}
	for i, cell := range cells {
		switch c := r.columns[i]; {
		case c.kind == ignoredCell, cell == "" && (c.kind == integerCell || c.kind == currencyCell):
		case !utf8.ValidString(cell):
			row.addError(c.location(), api.FieldEncoding, encodingMessage)
		case cell == "" && c.required:
			row.addError(c.location(), api.FieldRequired, "must not be empty: send a value, or leave out the column to leave it unchanged")
		default:
			if err := c.set(fields, cell); err != nil {
				row.Errs = append(row.Errs, lineError(err))
			}
		}
	}
	return fields
}

// set sets the value of a cell in the object of its row.
func (c column) set(fields map[string]any, cell string) (err error) {
	switch c.kind {
	case integerCell:
		fields[c.name] = integerOrText(cell)
	case priceCell:
		setPrice(fields, "amount", integerOrText(cell))
	case currencyCell:
		setPrice(fields, "currency", cell)
	case listCell:
		fields[c.name] = splitList(cell)
	case jsonCell:
		var value any
		if cell != "" {
			value, err = strictjson.Parse([]byte(cell), c.name)
		}
		if err == nil {
			fields[c.name] = value
		}
	default:
		fields[c.name] = cell
	}
	return err
}

// setPrice sets a member of the price.
func setPrice(fields map[string]any, name string, value any) {
	object, found := fields["price"].(map[string]any)
	if !found {
		object = map[string]any{}
		fields["price"] = object
	}
	object[name] = value
}

// location returns the location of the column's value in the record.
func (c column) location() string {
	switch c.kind {
	case priceCell:
		return c.name + ".amount"
	case currencyCell:
		return "price.currency"
	}
	return c.name
}

// splitList returns the texts of a cell, separated by ASCII white space. U+00A0, for
// example, is no separator: a URL of a picture may contain it.
func splitList(cell string) []any {
	texts := []any{}
	for _, text := range strings.FieldsFunc(cell, func(r rune) bool { return strings.ContainsRune("\t\n\f\r ", r) }) {
		texts = append(texts, text)
	}
	return texts
}

var integerPattern = regexp.MustCompile(`^(0|-?[1-9][0-9]{0,17})$`)

// integerOrText returns an integer, or the cell itself, which the record's rules reject.
func integerOrText(cell string) any {
	if integerPattern.MatchString(cell) {
		return json.Number(cell)
	}
	return cell
}
