package functions_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"souk/functions"
	"souk/shared/database"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// storedBefore are values that older versions stored and no operation accepts today,
// as SQL, by the name of the column, in whatever table it is.
var storedBefore = map[string]string{
	"price_currency": `'DEM'`, "total_currency": `'HRK'`,
	"country": `'XX'`, "phone": `'030 1234'`,
	"role":             `IF(role = 'customer', 'root', role)`, // the test's own admins remain admins
	"shipping_address": `'{"name":"Amira\u0001Haddad","line1":"12 Market Street\\nBack door","postalCode":"10115","city":"\u0007","country":"YU"}'`,

	"name": withControl("name"), "description": withControl("description"), "category": withControl("category"), "reason": withControl("reason"),
	"company": withControl("company"), "line1": withControl("line1"), "line2": withControl("line2"), "postal_code": withControl("postal_code"),
	"city": withControl("city"), "region": withControl("region"),
}

func withControl(column string) string { return "CONCAT(LEFT(" + column + ", 10), CHAR(1), CHAR(10))" }

// plantStored gives every row of every table the values of storedBefore, and returns
// the columns that have them.
func plantStored(t *testing.T, db *database.DB) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `
		SELECT table_name, column_name
		FROM information_schema.columns
		WHERE table_schema = DATABASE()`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	assignments := map[string][]string{}
	var columns []string
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			t.Fatal(err)
		}
		if value, planted := storedBefore[column]; planted {
			assignments[table] = append(assignments[table], column+" = "+value)
			columns = append(columns, column)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for table, values := range assignments {
		if _, err := db.ExecContext(t.Context(), "UPDATE "+table+" SET "+strings.Join(values, ", ")); err != nil {
			t.Fatal(err)
		}
	}
	return columns
}

// TestStoredBefore plants rows that break the rules of today, in every table, and has
// every operation succeed with them. A PATCH changes each field alone: it checks what
// it is sent, not what is stored.
func TestStoredBefore(t *testing.T) {
	t.Parallel()
	var planted sync.Map
	t.Cleanup(func() {
		for column := range storedBefore {
			if _, has := planted.Load(column); !has {
				t.Errorf("no table has a column %s: it was not tested", column)
			}
		}
	})
	forEachFunction(t, func(t *testing.T, s *functiontest.Server, f manifest.Function) {
		by, e := MustEnter(t, s, f), MustExample(t, f)
		if e.on == nil && f.Method() == http.MethodGet {
			mustOwn(t, s, f, by)
		}
		request := requestTo(t, s, f, by)
		for _, column := range plantStored(t, s.DB) {
			planted.Store(column, true)
		}
		if request.Method != http.MethodPatch {
			mustSucceed(t, s.Do(t, request))
			return
		}
		for name, value := range e.body(t, s, by) {
			request.Body = named(object{name: value}, true)
			if name == "price?" {
				request.Body = named(object{"price": value}, false) // in the currency that it has
			}
			if answer := s.Do(t, request); answer.Status != http.StatusOK {
				t.Errorf("%s: got %d: %s", mustJSON(t, request.Body), answer.Status, answer.Body)
			}
		}
	})
}

// mustOwn creates what a list of the service may list for the account.
func mustOwn(t *testing.T, s *functiontest.Server, of manifest.Function, by account) {
	t.Helper()
	for _, f := range functions.Manifest().Of(of.Service) {
		if on := examples[f.Name].on; on != nil && f.Access == of.Access {
			on(t, s, by)
		}
	}
}
