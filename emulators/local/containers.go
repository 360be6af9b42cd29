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

// OperatorFolder is the folder of the administrative secrets and the logins. Only the setup
// jobs and the operator have access to it.
const OperatorFolder = "operator"

// providerFolder has the secrets of the payment provider.
const providerFolder = "payment-provider"

// serverAccount is the database server's account that creates the others.
const serverAccount = "root"

// Containers is a system whose parts are containers. They are started elsewhere and reach
// each other by host name.
type Containers struct {
	Manifest *manifest.Manifest
	// Secrets is a folder with a folder of secrets for each part.
	Secrets string
	// Gateway is the gateway's URL for clients.
	Gateway string
	// MailPage is the URL of the page that shows the mail, PaymentPage that of the payment
	// provider, Console that of the console.
	MailPage, PaymentPage, Console string
	// Payments reports whether new orders must be paid.
	Payments bool
	// Database, PubSub and SMTP are the host:port of the servers.
	Database, PubSub, SMTP string
}

// WriteSecrets creates missing secrets, and writes all to one folder for each part, for
// config.Environment.WithSecretFiles:
//
//	mysql            the initial password of the database server
//	product-get, …   a folder for each function: its database login, and its secrets in
//	                 functions.yaml
//	databases        the logins of the services: for audits, and to publish events again
//	console          the console's login and the token of its link
//	payment-provider the key of its API and the secret of its callbacks
//	operator         the administrative secrets and the logins
func (c Containers) WriteSecrets() error {
	operator := &state{path: filepath.Join(c.Secrets, OperatorFolder)}
	if err := os.MkdirAll(operator.path, 0o755); err != nil { //nolint:gosec // see below
		return fmt.Errorf("create the folder of the secrets: %w", err)
	}
	known, err := operator.secrets(append(loginNames(c.Manifest), serverAccount, consoleAccount), append(secretNames(c.Manifest), consoleTokenVariable))
	if err != nil {
		return err
	}
	known.smtp = c.smtp()
	files, err := c.files(known)
	if err != nil {
		return err
	}
	for path, text := range files {
		folder := &state{path: filepath.Join(c.Secrets, filepath.Dir(path))}
		// Every container that mounts the folder may read it, regardless of its user: the
		// volume is not accessible to others.
		if err := os.MkdirAll(folder.path, 0o755); err != nil { //nolint:gosec // so this is on purpose
			return fmt.Errorf("create the folder of a secret: %w", err)
		}
		name := filepath.Base(path)
		if err := folder.writeFile(name, []byte(text)); err != nil {
			return err
		}
		if err := os.Chmod(folder.file(name), 0o444); err != nil { //nolint:gosec // and this
			return fmt.Errorf("make a secret readable for the containers: %w", err)
		}
	}
	return nil
}

// files returns the secrets by folder and name.
func (c Containers) files(known *secrets) (map[string]string, error) {
	admin, err := c.databaseURL(serverAccount, known.Databases[serverAccount], "")
	if err != nil {
		return nil, err
	}
	files := map[string]string{
		"mysql/MYSQL_ROOT_PASSWORD":      known.Databases[serverAccount],
		OperatorFolder + "/DATABASE_URL": string(admin),
	}
	urls := map[string]database.URL{}
	for _, login := range c.Manifest.Logins() {
		password := known.Databases[login.Name]
		url, err := c.databaseURL(loginName("", login), password, databaseName("", login.Service))
		if err != nil {
			return nil, err
		}
		urls[login.Name] = url
		files[OperatorFolder+"/"+PasswordVariable(login)] = password
		if login.Name == login.Service {
			files["databases/"+strings.ToUpper(login.Service)+"_DATABASE_URL"] = string(url)
		}
	}
	for _, f := range c.Manifest.Functions {
		if f.Database != manifest.NoDatabase {
			files[f.Name+"/DATABASE_URL"] = string(urls[c.Manifest.LoginOf(f)])
		}
		for _, name := range f.Secrets {
			files[f.Name+"/"+name] = known.byName(name)
		}
	}
	for _, name := range []string{paymentKey, paymentWebhookSecret} {
		files[providerFolder+"/"+name] = known.byName(name)
	}
	return files, c.addConsoleFiles(files, known)
}

// PasswordVariable returns the environment variable with the password of a login.
func PasswordVariable(login manifest.Login) string {
	return strings.ToUpper(strings.ReplaceAll(login.Name, "-", "_")) + "_DATABASE_PASSWORD"
}

// smtp returns the URL for sending mail. The network is private and the server forwards no
// mail, so it has no certificate for encryption.
func (c Containers) smtp() string { return "smtp://" + c.SMTP + "?starttls=never" }

func (c Containers) databaseURL(user, password, name string) (database.URL, error) {
	cfg, err := database.ParseURL("mysql://" + user + ":" + password + "@" + c.Database + "/" + name)
	if err != nil {
		return "", fmt.Errorf("the database at %s: %w", c.Database, err)
	}
	return database.FormatURL(cfg), nil
}

// secrets reads the secrets that WriteSecrets has written.
func (c Containers) secrets() (*secrets, error) {
	operator := &state{path: filepath.Join(c.Secrets, OperatorFolder)}
	if _, err := os.Stat(operator.file(secretsFile)); err != nil {
		return nil, fmt.Errorf("read the logins: %w", err)
	}
	return operator.secrets(nil, nil)
}

// SeedLogins creates the accounts of the two logins, and the console's login to the databases.
func (c Containers) SeedLogins(ctx context.Context) error {
	known, err := c.secrets()
	if err != nil {
		return err
	}
	if err := c.provisionConsole(ctx, known); err != nil {
		return err
	}
	users, err := c.databaseURL(serverAccount, known.Databases[serverAccount], databaseName("", "user"))
	if err != nil {
		return err
	}
	return known.seed(ctx, users)
}

// Status returns the configuration of the system, with URLs as seen by its containers
// except for the gateway's. It does not include the processes.
func (c Containers) Status() (Status, error) {
	known, err := c.secrets()
	if err != nil {
		return Status{}, err
	}
	admin, err := c.databaseURL(serverAccount, known.Databases[serverAccount], "")
	if err != nil {
		return Status{}, err
	}
	status := Status{
		Console: c.consoleStatus(known), Gateway: c.Gateway, Admin: known.Admin, Customer: known.Customer,
		Database: DatabaseStatus{Kind: "MySQL", DSN: string(admin), Names: map[string]string{}},
		PubSub:   PubSubStatus{Host: c.PubSub, Project: Project},
		Mail:     MailStatus{URL: c.MailPage, SMTP: c.smtp()},
		Payments: PaymentStatus{URL: c.PaymentPage, APIKey: known.byName(paymentKey), Required: c.Payments},
	}
	for _, service := range c.Manifest.Services() {
		status.Database.Names[service] = databaseName("", service)
	}
	for _, f := range c.Manifest.Functions {
		status.Functions = append(status.Functions, cloudrun.Status{Name: f.Name, URL: "http://" + f.Name + ":8080"})
	}
	return status, nil
}

// RunSchedule calls a scheduled function now, by publishing a tick to its topic.
func (c Containers) RunSchedule(ctx context.Context, function string) error {
	return c.schedule(ctx, slog.New(slog.DiscardHandler), func(s *scheduler.Scheduler) error { return s.Run(ctx, function) })
}

// RunScheduler calls scheduled functions when they are due, until ctx is done.
func (c Containers) RunScheduler(ctx context.Context, log *slog.Logger) error {
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
