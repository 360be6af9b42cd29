package mysql

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"souk/shared/database"
)

const (
	dockerImage   = "mysql:8.4"
	dockerTimeout = 10 * time.Second
	// dockerFolder is the folder in StateDir/mysql with the container's data.
	dockerFolder = "docker-data"
)

// dockerAvailable reports whether a Docker engine responds.
func dockerAvailable(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, dockerTimeout)
	defer cancel()
	return exec.CommandContext(ctx, "docker", "version", "--format", "{{.Server.Version}}").Run() == nil
}

// container is a server in a container that is named after its data folder.
type container struct {
	name    string
	dir     string
	in      *instance
	options Options
}

func startInDocker(ctx context.Context, o Options, dir string) (*Server, error) {
	what := fmt.Sprintf("start %s in Docker", dockerImage)
	if creator := readMaker(dir); creator.Kind != "" {
		return nil, fmt.Errorf("%s: the data in %s was created by %s %s, which is not installed any more: install it, or move the folder away to start with an empty shop",
			what, dir, creator.Kind, creator.Version)
	}
	data := filepath.Join(dir, dockerFolder)
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	unlock, err := lock(filepath.Join(dir, lockFile))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	c := &container{
		name: fmt.Sprintf("souk-mysql-%.6x", sha256.Sum256([]byte(dir))), dir: data,
		in: &instance{dir: dir, options: o}, options: o,
	}
	server, err := c.start(ctx)
	if err != nil {
		unlock()
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	server.stop = func(ctx context.Context) error {
		defer unlock()
		return c.stop(ctx)
	}
	return server, nil
}

func (c *container) start(ctx context.Context) (*Server, error) {
	// A container may remain from a souk that was killed; the lock ensures that it is unused.
	if err := c.stop(ctx); err != nil {
		return nil, err
	}
	c.in.readState()
	password, err := c.in.password()
	if err != nil {
		return nil, err
	}
	if c.in.state.Port, err = choosePort(ctx, c.in.state.Port); err != nil {
		return nil, err
	}
	if err := c.in.writeState(); err != nil {
		return nil, err
	}
	c.options.progress("Starting %s in a Docker container (the first time it fetches the image)", dockerImage)
	if _, err := c.docker(ctx, []string{"MYSQL_ROOT_PASSWORD=" + password}, c.runArguments()...); err != nil {
		return nil, err
	}
	url := database.URL(fmt.Sprintf("mysql://root:%s@127.0.0.1:%d/", password, c.in.state.Port))
	server := &Server{Private: true, From: "Docker container " + c.name, adminURL: url}
	if server.Kind, server.Version, err = c.waitReady(ctx, url); err != nil {
		return nil, errors.Join(err, c.stop(context.WithoutCancel(ctx)))
	}
	return server, nil
}

func (c *container) runArguments() []string {
	args := []string{
		"run", "--detach", "--rm", "--name", c.name,
		// The client reads the value from its environment, so that it is not an argument.
		"--env", "MYSQL_ROOT_PASSWORD",
		"--publish", fmt.Sprintf("127.0.0.1:%d:3306", c.in.state.Port),
		// The data then belongs to the user who runs souk.
		"--user", fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid()),
		"--volume", c.dir + ":/var/lib/mysql",
		dockerImage,
		fmt.Sprintf("--max-connections=%d", MaxConnections), "--skip-name-resolve", "--mysqlx=OFF", "--skip-log-bin",
		"--innodb-buffer-pool-size=96M", "--performance-schema=OFF",
	}
	c.in.program.kind = kindMySQL
	return append(args, c.in.durability()...)
}

func (c *container) waitReady(ctx context.Context, url database.URL) (kind, version string, err error) {
	admin, err := openAdmin(url)
	if err != nil {
		return "", "", err
	}
	defer admin.Close()
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if kind, version, err = readVersion(ctx, admin); err == nil {
			return kind, version, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			log := c.log(context.WithoutCancel(ctx))
			return "", "", fmt.Errorf("the container does not respond: %w; the end of its log:\n%s%s", err, lastLines(log), hintFor(log))
		}
	}
}

// stop shuts the container down, which removes it. The data stays.
func (c *container) stop(ctx context.Context) error {
	running, err := c.docker(ctx, nil, "ps", "--all", "--quiet", "--filter", "name=^"+c.name+"$")
	if err != nil || running == "" {
		return err
	}
	if _, err := c.docker(ctx, nil, "stop", "--time", "30", c.name); err != nil {
		return err
	}
	return c.waitRemoved(ctx)
}

// waitRemoved waits until --rm has removed the container, which docker stop does not.
func (c *container) waitRemoved(ctx context.Context) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		ids, err := c.docker(ctx, nil, "ps", "--all", "--quiet", "--filter", "name=^"+c.name+"$")
		if err != nil || ids == "" {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for container %s to be removed: %w", c.name, context.Cause(ctx))
		}
	}
}

// log returns the container's log, or the error of reading it.
func (c *container) log(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "docker", "logs", c.name).CombinedOutput()
	if err != nil {
		return fmt.Sprintf("%s(docker logs: %v)", out, err)
	}
	return string(out)
}

func (c *container) docker(ctx context.Context, env []string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "docker", args...)
	command.Env = append(os.Environ(), env...)
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("docker %s: %w%s", args[0], err, stderrOf(err))
	}
	return strings.TrimSpace(string(out)), nil
}
