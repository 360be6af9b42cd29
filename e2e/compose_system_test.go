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

// maxUntilHealthy is what issue 4 allows from built images to all healthy.
const maxUntilHealthy = time.Minute

// compose is a system of containers, of docker-compose.yml as it stands.
type compose struct {
	project string
	status  local.Status
	// since is from when on its logs are looked at.
	since time.Time
	// idle is the memory of each container before the first request, in MiB.
	idle map[string]float64
}

// startCompose builds the images and starts a project of the tests' own.
func startCompose() (*compose, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	mailPort, err := freePort()
	if err != nil {
		return nil, err
	}
	c := &compose{project: "souk-e2e", since: time.Now()}
	// Compose asks for these whenever it reads the file.
	for name, value := range map[string]string{
		"COMPOSE_PROJECT_NAME": c.project, "SOUK_PORT": strconv.Itoa(port), "SOUK_MAIL_PORT": strconv.Itoa(mailPort), "ORDER_PENDING_FOR": "1m",
		"ORDER_MAX_OPEN": "1000000", "ORDER_MAX_PIECES": "1000000",
	} {
		if err := os.Setenv(name, value); err != nil {
			return nil, err
		}
	}
	if err := c.remove(); err != nil { // what a run left that was cut off
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
		built.Sub(begin).Seconds(), took.Seconds(), verdict(took <= maxUntilHealthy), maxUntilHealthy)
	if c.idle, err = c.memory(); err != nil {
		return c, err
	}
	return c, c.learn()
}

// memory is what each container takes now, in MiB, by name.
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

// learn makes `souk` a program of this machine, and asks it about the system.
func (c *compose) learn() error {
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
	return c.reach()
}

// reach puts addresses for the names of the servers that only containers know.
func (c *compose) reach() error {
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

// repository is the folder of docker-compose.yml.
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

// remove takes the system down with all it kept, and looks that nothing is left.
func (c *compose) remove() error {
	if c == nil {
		return nil
	}
	if _, err := c.docker("compose", "--profile", "*", "down", "--volumes", "--remove-orphans"); err != nil {
		return err
	}
	var left []error
	for _, list := range [][]string{{"ps", "--all"}, {"volume", "ls"}, {"network", "ls"}} {
		found, err := c.docker(append(list, "--quiet", "--filter", "label=com.docker.compose.project="+c.project)...)
		if err == nil && len(found) > 0 {
			err = fmt.Errorf("docker compose down left in docker %s: %s", strings.Join(list, " "), found)
		}
		left = append(left, err)
	}
	return errors.Join(left...)
}

// docker runs a docker command and returns what it printed.
func (c *compose) docker(args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "docker", args...)
	command.Dir = repository()
	var said bytes.Buffer
	command.Stderr = &said
	printed, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("docker %s: %w\n%s", strings.Join(args, " "), err, said.Bytes())
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

// kill ends a function's container, and starts it again: Docker takes a kill for
// the owner's will, and not for a crash after which to start it.
func (c *compose) kill(t testing.TB, function string) int {
	t.Helper()
	c.mustDocker(t, "compose", "kill", function)
	c.mustDocker(t, "start", c.project+"-"+function+"-1") // compose start runs the jobs before it again, too
	return 1
}

func (c *compose) terminate(t testing.TB, function string) {
	t.Helper()
	c.mustDocker(t, "restart", c.project+"-"+function+"-1")
}

func (c *compose) folder(t testing.TB) string {
	t.Helper()
	folder, err := os.MkdirTemp(filepath.Join(programs, "shared"), "") //nolint:usetesting // a container has to see it
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

// tellErrors shows what the containers said went wrong, of a test that failed.
func (c *compose) tellErrors(t testing.TB) {
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

// mustLog returns all that a container has said.
func (c *compose) mustLog(t testing.TB, id string) string {
	t.Helper()
	said, err := exec.CommandContext(t.Context(), "docker", "logs", id).CombinedOutput()
	if err != nil {
		t.Errorf("docker logs %s: %v", id, err)
	}
	return string(said)
}

func (c *compose) stop(t testing.TB) {
	t.Helper()
	c.mustDocker(t, "compose", "stop")
}

func (c *compose) start(t testing.TB) local.Status {
	t.Helper()
	c.mustDocker(t, "compose", "up", "--detach", "--wait")
	if err := c.learn(); err != nil {
		t.Fatal(err)
	}
	containers.status = c.status // Servers may have other addresses now.
	return c.status
}
