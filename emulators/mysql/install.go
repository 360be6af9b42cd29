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

// packageSets are servers without a system service, so that nothing starts but
// what Souk starts; each with what it needs to make a data folder.
var packageSets = [][]string{
	{"mariadb-server-core", "mariadb-client-core"},
	{"mysql-server-core"},
	{"mysql-server-core-8.4"},
}

// canInstall says whether this is Debian or one of its kin, and we are root.
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

// install has apt-get install the first set that there is, fetching the package
// lists if they are missing or too old to fetch packages by.
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
			return errors.New("apt-get knows no package of a MySQL or MariaDB server")
		}
		updated = true
		o.progress("Fetching apt-get's package lists")
		if err := aptGet(ctx, o, "update"); err != nil {
			return err
		}
		packages = availableSet(ctx)
	}
}

// installArguments wait for another apt-get, such as the system's daily one, to
// end, and give up rather than remove a package.
func installArguments() []string {
	return []string{"install", "--yes", "--no-install-recommends", "--no-remove", "--option", "DPkg::Lock::Timeout=120"}
}

func availableSet(ctx context.Context) []string {
	for _, set := range packageSets {
		// Fails too for a name that other packages mention and none has.
		args := append([]string{"install", "--simulate", "--no-install-recommends", "--no-remove"}, set...)
		if exec.CommandContext(ctx, "apt-get", args...).Run() == nil {
			return set
		}
	}
	return nil
}

// aptGet shows what apt-get is at as progress, and all it said if it fails.
func aptGet(ctx context.Context, o Options, args ...string) error {
	command := exec.CommandContext(ctx, "apt-get", args...)
	command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C")
	output, input := io.Pipe()
	command.Stdout, command.Stderr = input, input
	// Interrupted, apt-get leaves its locks and the packages in order; killed, not.
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	if err := command.Start(); err != nil {
		return fmt.Errorf("run apt-get %s: %w", args[0], err)
	}
	said := make(chan string)
	go func() { said <- relay(output, o) }()
	err := command.Wait()
	// The reader ends with what it was given; closing a pipe never fails.
	_ = input.Close()
	text := <-said
	if err != nil {
		return fmt.Errorf("apt-get %s: %w\n%s%s", args[0], err, lastLines(text), hintFor(text))
	}
	return nil
}

// relay passes on the lines that show that something moves, and returns all.
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
	// A line too long for the scanner must not leave apt-get writing to nobody.
	_, _ = io.Copy(&all, output)
	return all.String()
}
