package console

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"souk/emulators/console/dbstats"
)

const (
	// databasesPeriod is how often connections and counters are read, slowPeriod how often
	// tables and statements are.
	databasesPeriod = time.Second
	slowPeriod      = 10 * time.Second
	// maxStatements is the most statements that are shown.
	maxStatements = 50
)

func databasesPage(c *Console) page {
	return page{
		name: "databases", title: "Databases", text: "Connections, statements and tables",
		view: c.viewDatabases, events: c.databaseEvents,
	}
}

// databasesView is the data of the page.
type databasesView struct {
	Unknown    bool
	State      databaseState
	Tables     tableList
	Statements statementList
}

// databaseState is what is read each second.
type databaseState struct {
	Error  string
	Server dbstats.Server
	Uptime string
	dbstats.Connections

	Logins   []loginRow
	Outboxes []outboxRow
}

// loginRow is a login to the databases with the pools of the functions that use it.
type loginRow struct {
	dbstats.Login

	Functions string
	// Pool is the most connections that the running instances may open, Most that of the
	// largest number of instances. Both are 0 if they are unknown.
	Pool, Most int
	// Width is the share of the pool that is open.
	Width   string
	Longest string
}

type outboxRow struct {
	dbstats.Outbox

	Oldest string
	Late   bool
}

// outboxLate is the age from which the sweep should have published an event.
const outboxLate = 2 * time.Minute

func (c *Console) newDatabaseState(s dbstats.Snapshot) databaseState {
	v := databaseState{Server: s.Server, Uptime: formatDuration(s.Server.Uptime), Connections: s.Connections, Logins: c.loginRows(s.Connections.Logins)}
	for _, o := range s.Outboxes {
		oldest := time.Duration(o.OldestSeconds * float64(time.Second))
		v.Outboxes = append(v.Outboxes, outboxRow{Outbox: o, Oldest: age(o.OldestSeconds, o.Pending), Late: oldest > outboxLate})
	}
	return v
}

// loginRows returns all logins of the manifest with their connections.
func (c *Console) loginRows(connected []dbstats.Login) []loginRow {
	instances := map[string]int{}
	if c.options.Functions != nil {
		for _, f := range c.options.Functions() {
			instances[f.Name] = len(f.Instances)
		}
	}
	var rows []loginRow
	for _, login := range c.options.Manifest.Logins() {
		row := loginRow{Login: dbstats.Login{Name: login.Name, Service: login.Service}}
		for _, l := range connected {
			if l.Service == login.Service && isLogin(l.Name, login.Name) {
				row.Open, row.Running, row.LongestSeconds = l.Open, l.Running, l.LongestSeconds
			}
		}
		var functions []string
		for _, f := range c.options.Manifest.FunctionsOf(login.Service) {
			if c.options.Manifest.LoginOf(f) == login.Name && f.Database == "" {
				scaling := c.options.Manifest.ScalingOf(f)
				row.Pool += instances[f.Name] * scaling.Pool
				row.Most += scaling.MaxInstances * scaling.Pool
				functions = append(functions, f.Name)
			}
		}
		row.Functions = strings.Join(functions, ", ")
		row.Width = percent(time.Duration(row.Open), time.Duration(max(row.Pool, row.Open)))
		row.Longest = "–"
		if row.Running > 0 {
			row.Longest = fmt.Sprintf("%d s", row.LongestSeconds)
		}
		rows = append(rows, row)
	}
	slices.SortStableFunc(rows, func(a, b loginRow) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(b.Open, a.Open))
	})
	return rows
}

// isLogin reports whether a database user is that of a login: the login's name after the
// system's prefix. A name that is too long ends in a hash.
func isLogin(user, login string) bool {
	login = strings.ReplaceAll(login, "-", "_")
	if strings.HasSuffix(user, "_"+login) {
		return true
	}
	for base := user[:max(strings.LastIndexByte(user, '_'), 0)]; base != ""; {
		var found bool
		if _, base, found = strings.Cut(base, "_"); found && len(base) > minCutName && strings.HasPrefix(login, base) {
			return true
		}
	}
	return false
}

// minCutName is less than the part of a login's name that stays when it is shortened.
const minCutName = 8

func (c *Console) viewDatabases(r *http.Request) (any, error) {
	v := databasesView{Unknown: c.databases == nil}
	if v.Unknown {
		return v, nil
	}
	snapshot, err := c.databases.Snapshot(r.Context())
	if err != nil {
		v.State.Error = err.Error()
		return v, nil //nolint:nilerr // the page shows it
	}
	v.State = c.newDatabaseState(snapshot)
	v.Tables, v.Statements = c.listTables(r.Context()), c.listStatements(r.Context(), snapshot.Server.CountsStatements)
	return v, nil
}

// databasePoint is a moment in the charts.
type databasePoint struct {
	At          float64          `json:"at"`
	Connections [2]int           `json:"connections"` // open and running
	Max         int              `json:"max"`
	Counters    dbstats.Counters `json:"counters"`
}

// databaseEvents sends the state each second, and tables and statements more rarely.
func (c *Console) databaseEvents(r *http.Request, s *stream) error {
	if c.databases == nil {
		return s.every(slowPeriod, func() error { return nil })
	}
	slow := time.Time{}
	return s.every(databasesPeriod, func() error {
		snapshot, err := c.databases.Snapshot(r.Context())
		if err != nil {
			return c.sendState(s, databaseState{Error: err.Error()})
		}
		point := databasePoint{
			At: float64(snapshot.At.UnixMilli()) / 1000, Max: snapshot.Connections.Max, Counters: snapshot.Counters,
			Connections: [2]int{snapshot.Connections.Open, snapshot.Connections.Running},
		}
		err = errors.Join(s.send("point", point), c.sendState(s, c.newDatabaseState(snapshot)))
		if err != nil || time.Since(slow) < slowPeriod {
			return err
		}
		slow = time.Now()
		return errors.Join(c.sendFragment(s, "databases", "tables", c.listTables(r.Context())),
			c.sendFragment(s, "databases", "statements", c.listStatements(r.Context(), snapshot.Server.CountsStatements)))
	})
}

func (c *Console) sendState(s *stream, state databaseState) error {
	return errors.Join(c.sendFragment(s, "databases", "state", state), c.sendFragment(s, "databases", "logins", state))
}
