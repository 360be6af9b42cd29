package audit_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/cmd/souk/internal/audit"
)

// ruleDamages are rows that services accepted once, and would refuse today.
func (s *shop) ruleDamages(tea, confirmed uuid.UUID) map[string]damage {
	id := uuid.Must(uuid.NewV7())
	currency := func(code string) []statement {
		return []statement{
			in("product", `UPDATE product SET price_currency = ? WHERE id = ?`, code, tea[:]),
			in("order", `UPDATE catalog SET price_currency = ? WHERE product_id = ?`, code, tea[:]),
		}
	}
	country := func(from, to string) statement {
		return in("order", `UPDATE orders SET shipping_address = REPLACE(shipping_address, ?, ?) WHERE id = ?`, `"country":"`+from, `"country":"`+to, confirmed[:])
	}
	name := func(table, column string, to any) statement {
		return in("product", "UPDATE "+table+" SET "+column+" = ? WHERE id = ?", to, tea[:])
	}
	return map[string]damage{
		"a price in a currency that was withdrawn": {"product", currency("DEM"), currency("EUR"), []audit.Check{audit.RuleCurrency}, tea.String()},
		"the role root": {
			"user",
			[]statement{do(`UPDATE user SET role = 'root' WHERE id = ?`, s.userID[:])},
			[]statement{do(`UPDATE user SET role = 'customer' WHERE id = ?`, s.userID[:])},
			[]audit.Check{audit.RuleRole}, s.userID.String() + ` role: "root"`,
		},
		"a country of an order that is none": {
			"order", []statement{country("DE", "XX")}, []statement{country("XX", "DE")}, []audit.Check{audit.RuleCountry}, confirmed.String(),
		},
		"a country in the address book that is none": {
			"user",
			[]statement{do(`
				INSERT INTO address (id, user_id, name, line1, line2, postal_code, city, country, version, created_at, updated_at)
				VALUES (?, ?, 'Amira', '1', '', '', 'Berlin', 'SU', 1, ?, ?)`, id[:], s.userID[:], time.Now().UTC(), time.Now().UTC())},
			[]statement{do(`DELETE FROM address WHERE id = ?`, id[:])},
			[]audit.Check{audit.RuleCountry}, `country: "SU"`,
		},
		"a description with a control character": {
			"product",
			[]statement{name("product", "description", "a\x07b")}, []statement{name("product", "description", "")},
			[]audit.Check{audit.RuleText}, "description: must not contain control characters",
		},
		"a description with CR": {
			"product",
			[]statement{name("product", "description", "a\r\nb")}, []statement{name("product", "description", "a\n\tb")},
			[]audit.Check{audit.RuleText}, "description: must not contain control characters",
		},
		"a category that is blank": {
			"product",
			[]statement{name("product", "category", "\u00a0")}, []statement{name("product", "category", "")},
			[]audit.Check{audit.RuleText}, "category: must not be blank",
		},
		"an attribute of two lines": {
			"product",
			[]statement{name("product", "attributes", `{"origin":"a\nb"}`)}, []statement{name("product", "attributes", `{"origin":"a"}`)},
			[]audit.Check{audit.RuleText}, "attributes: must not contain control characters",
		},
	}
}

// notRuled are the columns whose text no caller enters.
var notRuled = []string{
	"idempotency_key.header", "inbox.consumer",
	"outbox.aggregateid", "outbox.aggregatetype", "outbox.attributes", "outbox.payload", "outbox.traceparent", "outbox.type",
}

// TestAuditReadsEveryTextColumn writes a control character into each text column of
// each table of each service. It is found in all that are not listed as exempt.
func TestAuditReadsEveryTextColumn(t *testing.T) {
	t.Parallel()
	s := open(t)
	seen := map[string]bool{}
	for service := range s.databases {
		for table, columns := range s.columns(t, service) {
			texts := slices.DeleteFunc(slices.Clone(columns), func(c column) bool { return !c.isText() })
			if len(texts) == 0 {
				continue
			}
			t.Run(service+"."+table, func(t *testing.T) {
				s.mustExec(t, service, append(s.unchecked(t), controlRow(table, columns)))
				report := s.mustAudit(t, 0)
				s.mustExec(t, service, []statement{do("SET SESSION foreign_key_checks = 0"), do("DELETE FROM " + table + " WHERE " + columns[0].name + " = " + columns[0].value())})
				for _, c := range texts {
					name := table + "." + c.name
					seen[name] = true
					if found, exempt := hasBreach(report, table, c.name), slices.Contains(notRuled, name); found == exempt {
						t.Errorf("%s: a control character is found: %t, want %t", name, found, !exempt)
					}
				}
			})
		}
	}
	for _, name := range append(slices.Clone(notRuled), "product.name", "user.role", "orders.shipping_address") {
		if !seen[name] {
			t.Errorf("there is no column %s", name)
		}
	}
	requireHealthy(t, s.mustAudit(t, 0))
}

func hasBreach(report audit.Report, table, column string) bool {
	return slices.ContainsFunc(report.Checks, func(r audit.Result) bool {
		return strings.HasPrefix(string(r.Check), "rule-") && slices.ContainsFunc(r.Examples, func(f audit.Finding) bool {
			return strings.HasPrefix(f.Subject, table+" ") && strings.HasPrefix(f.Detail, column+": ")
		})
	})
}

// column is a column of a table.
type column struct {
	name, dataType string
	length         sql.NullInt64
}

func (c column) isText() bool {
	return strings.HasSuffix(c.dataType, "char") || strings.HasSuffix(c.dataType, "text") || c.dataType == "json"
}

// value returns a literal: a text with a control character, JSON with one, or
// whatever fits another type.
func (c column) value() string {
	switch {
	case slices.Contains([]string{"images", "attributes", "billing_address", "shipping_address", "header"}, c.name):
		return `'{"a":["b\\u0001"],"name":"a\\u0001"}'`
	case c.isText() && c.length.Int64 == 2:
		return `'X\r'`
	case c.isText():
		return `'X\r\b'`
	case strings.HasPrefix(c.dataType, "date"):
		return `'2026-01-02 03:04:05'`
	case strings.HasSuffix(c.dataType, "binary"):
		return fmt.Sprintf("UNHEX('%s')", strings.Repeat("0e", int(c.length.Int64)))
	default:
		return "1"
	}
}

// columns returns the columns of a service's tables that are not generated.
func (s *shop) columns(t *testing.T, service string) map[string][]column {
	t.Helper()
	rows, err := s.databases[service].QueryContext(t.Context(), `
		SELECT table_name, column_name, data_type, character_maximum_length
		FROM information_schema.columns
		WHERE table_schema = DATABASE() AND extra NOT LIKE '%GENERATED%'
		ORDER BY table_name, ordinal_position`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	tables := map[string][]column{}
	for rows.Next() {
		var table string
		var c column
		if err := rows.Scan(&table, &c.name, &c.dataType, &c.length); err != nil {
			t.Fatal(err)
		}
		tables[table] = append(tables[table], c)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return tables
}

// controlRow inserts a row whose texts have control characters.
func controlRow(table string, columns []column) statement {
	var names, values []string
	for _, c := range columns {
		names, values = append(names, c.name), append(values, c.value())
	}
	return do("INSERT INTO " + table + " (" + strings.Join(names, ", ") + ") VALUES (" + strings.Join(values, ", ") + ")")
}

// unchecked returns how to write what foreign keys and, on MariaDB, other constraints
// refuse. MySQL holds JSON columns to JSON in any case, and the values are JSON.
func (s *shop) unchecked(t *testing.T) []statement {
	t.Helper()
	statements := []statement{do("SET SESSION foreign_key_checks = 0")}
	if off, _ := s.checks(t); strings.HasPrefix(off[0].text, "SET SESSION") {
		statements = append(statements, off...)
	}
	return statements
}
