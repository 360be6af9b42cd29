package mysql

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// packageSets are packages of servers without a system service, so that only Souk starts
// them, each with the package that initializes a data folder.
var packageSets = [][]string{
	{"mariadb-server-core", "mariadb-client-core"},
	{"mysql-server-core"},
	{"mysql-server-core-8.4"},
}

// canInstall reports whether the system has apt-get and we are root.
func canInstall() bool {
	if os.Geteuid() != 0 {
		return false
	}
	if _, err := os.Stat("/etc/debian_version"); err != nil {
		return false
	}
	_, err := exec.LookPath("apt-get")
	return err == nil
}

// install installs the first available package set with apt-get. It fetches the package
// lists if they are missing or too old.
func install(ctx context.Context, o Options) error {
	packages := availableSet(ctx)
	updated := false
	for {
		if packages != nil {
			o.progress("Installing %s with apt-get (once; it starts no service)", strings.Join(packages, " and "))
			err := aptGet(ctx, o, append(installArguments(), packages...)...)
			if err == nil || updated || ctx.Err() != nil {
				return err
			}
		}
		if updated {
			return errors.New("apt-get has no package of a MySQL or MariaDB server")
		}
		updated = true
		o.progress("Fetching apt-get's package lists")
		if err := aptGet(ctx, o, "update"); err != nil {
			return err
		}
		packages = availableSet(ctx)
	}
}

// installArguments make apt-get wait for another apt-get, such as the system's daily one,
// and fail rather than remove a package.
func installArguments() []string {
	return []string{"install", "--yes", "--no-install-recommends", "--no-remove", "--option", "DPkg::Lock::Timeout=120"}
}

func availableSet(ctx context.Context) []string {
	for _, set := range packageSets {
		// The simulation also fails for a name that is only mentioned by other packages.
		args := append([]string{"install", "--simulate", "--no-install-recommends", "--no-remove"}, set...)
		if exec.CommandContext(ctx, "apt-get", args...).Run() == nil {
			return set
		}
	}
	return nil
}

// aptGet runs apt-get with its output as progress. Its error includes the full output.
func aptGet(ctx context.Context, o Options, args ...string) error {
	command := exec.CommandContext(ctx, "apt-get", args...)
	command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C")
	output, input := io.Pipe()
	command.Stdout, command.Stderr = input, input
	// On an interrupt, apt-get cleans up its locks and packages; on a kill it does not.
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	if err := command.Start(); err != nil {
		return fmt.Errorf("run apt-get %s: %w", args[0], err)
	}
	texts := make(chan string)
	go func() { texts <- relay(output, o) }()
	err := command.Wait()
	// The scanner ends with the input; closing a pipe never fails.
	_ = input.Close()
	text := <-texts
	if err != nil {
		return fmt.Errorf("apt-get %s: %w\n%s%s", args[0], err, lastLines(text), hintFor(text))
	}
	return nil
}

// relay reports the lines that show progress, and returns the whole output.
func relay(output io.Reader, o Options) string {
	var all strings.Builder
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		line := lines.Text()
		all.WriteString(line + "\n")
		for _, start := range []string{"Get:", "Unpacking ", "Setting up "} {
			if strings.HasPrefix(line, start) {
				o.progress("  %s", line)
			}
		}
	}
	// A line too long for the scanner must not block apt-get.
	_, _ = io.Copy(&all, output)
	return all.String()
}
