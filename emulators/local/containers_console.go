package local

import (
	"context"
	"net/url"
	"strings"

	"souk/emulators/mysql"
	"souk/shared/manifest"
)

const (
	// consoleAccount is the login of the console of a system of containers, and the folder of
	// its secrets.
	consoleAccount = "console"
	// consoleTokenVariable is the secret of the console's link.
	consoleTokenVariable = "CONSOLE_TOKEN"
)

// consoleAccess returns the console's access to a service's database: it may read all columns
// but those that only some functions may read, and see all connections to the server.
func (c Containers) consoleAccess(service string, known *secrets) mysql.Access {
	rights := c.Manifest.Rights(service)
	rights.ReadOnly, rights.NoWrite = true, nil
	return mysql.Access{
		Database: databaseName("", service), User: loginName("", manifest.Login{Name: consoleAccount}),
		Password: known.Databases[consoleAccount], Rights: rights, Process: true,
	}
}

// provisionConsole creates or updates the console's login.
func (c Containers) provisionConsole(ctx context.Context, known *secrets) error {
	server, err := c.databaseURL(serverAccount, known.Databases[serverAccount], "")
	if err != nil {
		return err
	}
	for _, service := range c.Manifest.Services() {
		if _, err := mysql.Provision(ctx, server, c.consoleAccess(service, known)); err != nil {
			return err
		}
	}
	return nil
}

// addConsoleFiles adds the secrets of the console.
func (c Containers) addConsoleFiles(files map[string]string, known *secrets) error {
	files[consoleAccount+"/"+consoleTokenVariable] = known.byName(consoleTokenVariable)
	for _, service := range c.Manifest.Services() {
		access := c.consoleAccess(service, known)
		at, err := c.databaseURL(access.User, access.Password, access.Database)
		if err != nil {
			return err
		}
		files[consoleAccount+"/"+strings.ToUpper(service)+"_DATABASE_URL"] = string(at)
	}
	return nil
}

// consoleStatus returns the console's URL and link, which has the form of console.EntryLink.
func (c Containers) consoleStatus(known *secrets) ConsoleStatus {
	if c.Console == "" {
		return ConsoleStatus{}
	}
	return ConsoleStatus{URL: c.Console, Link: c.Console + "/?" + url.Values{"token": {known.byName(consoleTokenVariable)}}.Encode()}
}
