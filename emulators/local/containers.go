package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"souk/emulators/cloudrun"
	"souk/emulators/scheduler"
	"souk/shared/database"
	"souk/shared/manifest"
)

// OperatorFolder is the folder of the secrets that open everything, logins
// included. Only the jobs that set a system up get it, and who looks after it.
const OperatorFolder = "operator"

// serverAccount is the database server's account that makes the others.
const serverAccount = "root"

// Containers is a system whose parts are containers: nothing of it is started
// here, and its parts find each other by name.
type Containers struct {
	Manifest *manifest.Manifest
	// Secrets is the folder that holds a folder of secrets for each part.
	Secrets string
	// Gateway is the front door's URL, as clients call it.
	Gateway string
	// MailPage is where people read what was mailed.
	MailPage string
	// Database, PubSub and SMTP are host:port of the servers.
	Database, PubSub, SMTP string
}

// WriteSecrets makes the secrets that do not exist yet, and writes them to a
// folder a part, for config.Environment.WithSecrets:
//
//	mysql                  what the database server is set up with
//	product, order, user   the login of a service's functions at their database
//	databases              all of those: for audits, and to publish events again
//	auth-signing-keys, …   a folder for each secret that functions.yaml names
//	operator               what opens everything, and the logins
func (c Containers) WriteSecrets() error {
	operator := &state{path: filepath.Join(c.Secrets, OperatorFolder)}
	if err := os.MkdirAll(operator.path, 0o755); err != nil { //nolint:gosec // see below
		return fmt.Errorf("make the folder of the secrets: %w", err)
	}
	known, err := operator.secrets(append(c.Manifest.Services(), serverAccount))
	if err != nil {
		return err
	}
	known.smtp = c.smtp()
	files, err := c.files(known)
	if err != nil {
		return err
	}
	for path, text := range files {
		at := &state{path: filepath.Join(c.Secrets, filepath.Dir(path))}
		// Who may mount the folder may read it, whatever user the program in the
		// container runs as: the volume around it is closed to all others.
		if err := os.MkdirAll(at.path, 0o755); err != nil { //nolint:gosec // so this is on purpose
			return fmt.Errorf("make the folder of a secret: %w", err)
		}
		name := filepath.Base(path)
		if err := at.writeFile(name, []byte(text)); err != nil {
			return err
		}
		if err := os.Chmod(at.file(name), 0o444); err != nil { //nolint:gosec // and this
			return fmt.Errorf("let the containers read a secret: %w", err)
		}
	}
	return nil
}

// files are the secrets, by folder and name.
func (c Containers) files(known *secrets) (map[string]string, error) {
	admin, err := c.databaseURL(known, serverAccount, "")
	if err != nil {
		return nil, err
	}
	files := map[string]string{
		"mysql/MYSQL_ROOT_PASSWORD":      known.Databases[serverAccount],
		OperatorFolder + "/DATABASE_URL": string(admin),
	}
	for _, service := range c.Manifest.Services() {
		name := databaseName("", service)
		url, err := c.databaseURL(known, service, name)
		if err != nil {
			return nil, err
		}
		prefix := strings.ToUpper(service) + "_DATABASE_"
		files[service+"/DATABASE_URL"] = string(url)
		files["databases/"+prefix+"URL"] = string(url)
		files[OperatorFolder+"/"+prefix+"PASSWORD"] = known.Databases[service]
	}
	for _, f := range c.Manifest.Functions {
		for _, name := range f.Secrets {
			files[SecretFolder(name)+"/"+name] = known.byName(name)
		}
	}
	return files, nil
}

// SecretFolder is the folder of a secret that functions.yaml names by a variable.
func SecretFolder(variable string) string {
	return strings.ReplaceAll(strings.ToLower(variable), "_", "-")
}

// smtp is the URL to send mail by. The network is the system's own, and the server
// one that sends nothing on: it has no certificate to encrypt with.
func (c Containers) smtp() string { return "smtp://" + c.SMTP + "?starttls=never" }

func (c Containers) databaseURL(known *secrets, account, name string) (database.URL, error) {
	user := account
	if name != "" {
		user = name
	}
	cfg, err := database.ParseURL("mysql://" + user + ":" + known.Databases[account] + "@" + c.Database + "/" + name)
	if err != nil {
		return "", fmt.Errorf("the database at %s: %w", c.Database, err)
	}
	return database.FormatURL(cfg), nil
}

// secrets reads what WriteSecrets has written.
func (c Containers) secrets() (*secrets, error) {
	operator := &state{path: filepath.Join(c.Secrets, OperatorFolder)}
	if _, err := os.Stat(operator.file(secretsFile)); err != nil {
		return nil, fmt.Errorf("find the logins: %w", err)
	}
	return operator.secrets(nil)
}

// SeedLogins makes the accounts that the system can be tried with.
func (c Containers) SeedLogins(ctx context.Context) error {
	known, err := c.secrets()
	if err != nil {
		return err
	}
	users, err := c.databaseURL(known, "user", databaseName("", "user"))
	if err != nil {
		return err
	}
	return known.seed(ctx, users)
}

// Status is the system as it is set up, and as its own containers reach it, but
// for the gateway. Who looks after the processes is not asked: they are not named.
func (c Containers) Status() (Status, error) {
	known, err := c.secrets()
	if err != nil {
		return Status{}, err
	}
	admin, err := c.databaseURL(known, serverAccount, "")
	if err != nil {
		return Status{}, err
	}
	status := Status{
		Gateway: c.Gateway, Admin: known.Admin, Customer: known.Customer,
		Database: DatabaseStatus{Kind: "MySQL", DSN: string(admin), Names: map[string]string{}},
		PubSub:   PubSubStatus{Host: c.PubSub, Project: Project},
		Mail:     MailStatus{URL: c.MailPage, SMTP: c.smtp()},
	}
	for _, service := range c.Manifest.Services() {
		status.Database.Names[service] = databaseName("", service)
	}
	for _, f := range c.Manifest.Functions {
		status.Functions = append(status.Functions, cloudrun.Status{Name: f.Name, URL: "http://" + f.Name + ":8080"})
	}
	return status, nil
}

// RunSchedule calls a scheduled function now, by a tick of its topic.
func (c Containers) RunSchedule(ctx context.Context, function string) error {
	return c.schedule(ctx, slog.New(slog.DiscardHandler), func(s *scheduler.Scheduler) error { return s.Run(ctx, function) })
}

// KeepSchedule calls scheduled functions when they are due, until ctx ends.
func (c Containers) KeepSchedule(ctx context.Context, log *slog.Logger) error {
	return c.schedule(ctx, log, func(*scheduler.Scheduler) error { <-ctx.Done(); return nil })
}

func (c Containers) schedule(ctx context.Context, log *slog.Logger, do func(*scheduler.Scheduler) error) (err error) {
	client, err := ConnectPubSub(ctx, c.PubSub, Project)
	if err != nil {
		return err
	}
	publisher := &publisher{client: client}
	defer func() { err = errors.Join(err, publisher.close()) }()
	ticks, err := scheduler.Start(ctx, scheduler.Options{Manifest: c.Manifest, Publisher: publisher, Logger: log})
	if err != nil {
		return err
	}
	defer ticks.Close()
	return do(ticks)
}
