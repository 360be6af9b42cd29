package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"

	"github.com/spf13/cobra"
)

func (p *program) consoleCommand() *cobra.Command {
	printOnly, compose := false, false
	command := &cobra.Command{
		Use:   "console",
		Short: "Open the console in a browser",
		Long: `Open the console of the running system in a browser, and print its link. The link has
a token that allows actions: do not share it.

With --compose it is the console of the system that Docker Compose runs, in this folder
and with these variables, such as COMPOSE_PROJECT_NAME.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			link, err := p.consoleLink(command.Context(), compose)
			if err != nil {
				return err
			}
			return p.openLink(command.Context(), link, printOnly)
		},
	}
	p.stateDirFlag(command)
	command.Flags().BoolVar(&printOnly, "print", false, "print the link only")
	command.Flags().BoolVar(&compose, "compose", false, "open the console of Docker Compose")
	return command
}

// consoleLink returns the link of the system that runs, or of the one of Docker Compose.
func (p *program) consoleLink(ctx context.Context, compose bool) (string, error) {
	if !compose {
		status, err := p.status(ctx)
		return status.Console.Link, err
	}
	docker := exec.CommandContext(ctx, "docker", "compose", "run", "--rm", "--no-deps", "-T", "souk", "console", "--print")
	output, err := docker.Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", fmt.Errorf("read the link from a container: %w: %s", err, bytes.TrimSpace(failed.Stderr))
	}
	if err != nil {
		return "", fmt.Errorf("run docker: %w", err)
	}
	return string(bytes.TrimSpace(output)), nil
}

// openLink prints a link, and opens it unless printOnly is set.
func (p *program) openLink(ctx context.Context, link string, printOnly bool) error {
	if _, err := fmt.Fprintln(p.stdout, link); err != nil {
		return fmt.Errorf("write the link: %w", err)
	}
	if printOnly || p.inContainers() { // a container has no browser
		return nil
	}
	if err := p.openBrowser(ctx, link); err != nil {
		p.say("open it in a browser: %v", err)
	}
	return nil
}

// openBrowser opens a URL in the browser of this machine, if it has one.
func (p *program) openBrowser(ctx context.Context, url string) error {
	opener := "xdg-open"
	if runtime.GOOS == "darwin" {
		opener = "open"
	}
	if runtime.GOOS == "linux" && p.getenv("DISPLAY") == "" && p.getenv("WAYLAND_DISPLAY") == "" {
		return errors.New("this machine has no display")
	}
	if err := exec.CommandContext(ctx, opener, url).Run(); err != nil {
		return fmt.Errorf("%s: %w", opener, err)
	}
	return nil
}
