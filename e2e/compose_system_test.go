package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"souk/emulators/local"
)

// maxUntilHealthy is the bound of the time from built images to healthy containers.
const maxUntilHealthy = time.Minute

// compose is a system of the containers in docker-compose.yml.
type compose struct {
	project string
	status  local.Status
	// pages are the shop's web pages: payments lead back to them.
	pages site
	// since is the time from which its logs are checked.
	since time.Time
	// idle is the memory of each container before the first request, in MiB.
	idle map[string]float64
}

// startCompose builds the images and starts a separate project.
func startCompose() (*compose, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	mailPort, err := freePort()
	if err != nil {
		return nil, err
	}
	consolePort, err := freePort()
	if err != nil {
		return nil, err
	}
	paymentPort, err := freePort()
	if err != nil {
		return nil, err
	}
	c := &compose{project: "souk-e2e", since: time.Now(), pages: openSite()}
	for _, setting := range c.pages.environment() {
		name, value, _ := strings.Cut(setting, "=")
		if name == "USER_PASSKEY_ORIGINS" {
			value += ",http://localhost:" + strconv.Itoa(port) // tests without pages use the gateway's
		}
		if err := os.Setenv(name, value); err != nil {
			return nil, err
		}
	}
	// Compose needs these whenever it reads the file.
	for name, value := range map[string]string{
		"COMPOSE_PROJECT_NAME": c.project, "SOUK_PORT": strconv.Itoa(port), "SOUK_MAIL_PORT": strconv.Itoa(mailPort), "SOUK_CONSOLE_PORT": strconv.Itoa(consolePort),
		"SOUK_PAYMENT_PORT": strconv.Itoa(paymentPort), "PAYMENTS": "off",
		"ORDER_PENDING_FOR": "1m",
		"ORDER_MAX_OPEN":    "1000000", "ORDER_MAX_PIECES": "1000000", "USER_STOCK_MAIL": stockMailbox,
	} {
		if err := os.Setenv(name, value); err != nil {
			return nil, err
		}
	}
	if err := c.remove(); err != nil { // leftovers of an interrupted run
		return c, err
	}
	begin := time.Now()
	if _, err := c.docker("compose", "build"); err != nil {
		return c, err
	}
	built := time.Now()
	if _, err := c.docker("compose", "up", "--detach", "--wait"); err != nil {
		return c, err
	}
	took := time.Since(built)
	fmt.Printf("images built in %.1f s; all healthy %.1f s later (%s %s)\n",
		built.Sub(begin).Seconds(), took.Seconds(), boundLabel(took <= maxUntilHealthy), maxUntilHealthy)
	if c.idle, err = c.memory(); err != nil {
		return c, err
	}
	return c, c.readStatus()
}

// memory returns the current memory of each container in MiB, by name.
func (c *compose) memory() (map[string]float64, error) {
	printed, err := c.docker("stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}")
	if err != nil {
		return nil, err
	}
	used := map[string]float64{}
	for line := range strings.Lines(string(printed)) {
		name, usage, _ := strings.Cut(strings.TrimSpace(line), " ")
		if used[name], err = toMiB(usage); err != nil {
			return nil, err
		}
	}
	return used, nil
}

// readStatus installs a script `souk`, which runs the program in a container, and reads the
// status of the system with it.
func (c *compose) readStatus() error {
	shared := filepath.Join(programs, "shared")
	if err := errors.Join(os.MkdirAll(shared, 0o700), os.Chmod(shared, 0o777), os.Chmod(programs, 0o755)); err != nil {
		return err
	}
	script := "#!/bin/sh\nexec docker compose --project-directory '" + repository() + "' run --rm --no-deps -T " +
		"--volume '" + shared + ":" + shared + "' souk \"$@\"\n"
	if err := os.WriteFile(filepath.Join(programs, "souk"), []byte(script), 0o700); err != nil {
		return err
	}
	command, cancel := c.command("status", "--json")
	defer cancel()
	text, err := command.Output()
	if err != nil {
		return fmt.Errorf("souk status: %w", err)
	}
	if err := json.Unmarshal(text, &c.status); err != nil {
		return fmt.Errorf("read the status: %w", err)
	}
	return c.resolveAddresses()
}

// resolveAddresses replaces the names of servers, which only containers resolve, with
// addresses.
func (c *compose) resolveAddresses() error {
	// The second is a URL: mysql://user:password@mysql:3306/.
	for service, text := range map[string]*string{"pubsub": &c.status.PubSub.Host, "mysql": &c.status.Database.DSN} {
		address, err := c.address(service)
		if err != nil {
			return err
		}
		*text = strings.Replace(*text, service+":8085", address+":8085", 1)
		*text = strings.Replace(*text, "@"+service+":", "@"+address+":", 1)
	}
	return nil
}

func (c *compose) address(service string) (string, error) {
	id, err := c.docker("compose", "ps", "--quiet", service)
	if err != nil {
		return "", err
	}
	out, err := c.docker("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", strings.TrimSpace(string(id)))
	return strings.TrimSpace(string(out)), err
}

// repository returns the folder of docker-compose.yml.
func repository() string {
	folder, err := filepath.Abs("..")
	if err != nil {
		panic(err)
	}
	return folder
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return listener.Addr().(*net.TCPAddr).Port, listener.Close()
}

// remove deletes the system with its volumes, and returns an error if something remains.
func (c *compose) remove() error {
	if c == nil {
		return nil
	}
	if _, err := c.docker("compose", "--profile", "*", "down", "--volumes", "--remove-orphans"); err != nil {
		return err
	}
	var errs []error
	for _, list := range [][]string{{"ps", "--all"}, {"volume", "ls"}, {"network", "ls"}} {
		found, err := c.docker(append(list, "--quiet", "--filter", "label=com.docker.compose.project="+c.project)...)
		if err == nil && len(found) > 0 {
			err = fmt.Errorf("docker compose down left in docker %s: %s", strings.Join(list, " "), found)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// docker runs a docker command and returns its output.
func (c *compose) docker(args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "docker", args...)
	command.Dir = repository()
	var stderr bytes.Buffer
	command.Stderr = &stderr
	printed, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("docker %s: %w\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return printed, nil
}

func (c *compose) mustDocker(t testing.TB, args ...string) string {
	t.Helper()
	printed, err := c.docker(args...)
	if err != nil {
		t.Error(err)
	}
	return strings.TrimSpace(string(printed))
}

func (c *compose) command(args ...string) (command *exec.Cmd, cancel func()) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	return exec.CommandContext(ctx, filepath.Join(programs, "souk"), args...), cancel
}

// kill kills a function's container and starts it again: Docker does not restart a
// container that was killed by a command.
func (c *compose) kill(t testing.TB, function string) int {
	t.Helper()
	c.mustDocker(t, "compose", "kill", function)
	c.mustDocker(t, "start", c.project+"-"+function+"-1") // compose start would run the jobs that it depends on again
	return 1
}

func (c *compose) terminate(t testing.TB, function string) {
	t.Helper()
	c.mustDocker(t, "restart", c.project+"-"+function+"-1")
}

func (c *compose) folder(t testing.TB) string {
	t.Helper()
	folder, err := os.MkdirTemp(filepath.Join(programs, "shared"), "") //nolint:usetesting // a container mounts it
	if err == nil {
		err = os.Chmod(folder, 0o777)
	}
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

func (c *compose) logs(t testing.TB) map[string]string {
	t.Helper()
	return map[string]string{
		"docker compose logs": c.mustDocker(t, "compose", "logs", "--no-color", "--no-log-prefix", "--since", c.since.Format(time.RFC3339)),
	}
}

// logErrors logs the errors of the containers if the test failed.
func (c *compose) logErrors(t testing.TB) {
	t.Helper()
	if !t.Failed() {
		return
	}
	for _, log := range c.logs(t) {
		for line := range strings.Lines(log) {
			if strings.Contains(line, `"severity":"ERROR"`) {
				t.Log(line)
			}
		}
	}
}

// mustReadLog returns the output of a container.
func (c *compose) mustReadLog(t testing.TB, id string) string {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "docker", "logs", id).CombinedOutput()
	if err != nil {
		t.Errorf("docker logs %s: %v", id, err)
	}
	return string(output)
}

func (c *compose) stop(t testing.TB) {
	t.Helper()
	c.mustDocker(t, "compose", "stop")
}

func (c *compose) start(t testing.TB) local.Status {
	t.Helper()
	c.mustDocker(t, "compose", "up", "--detach", "--wait")
	if err := c.readStatus(); err != nil {
		t.Fatal(err)
	}
	containers.status = c.status // Servers may have other addresses after a restart.
	return c.status
}
