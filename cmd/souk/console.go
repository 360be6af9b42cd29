//go:build !container

package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"

	"github.com/spf13/cobra"
)

func (p *program) consoleCommand() *cobra.Command {
	printOnly := false
	command := &cobra.Command{
		Use:   "console",
		Short: "Open the console in a browser",
		Long: `Open the console of the running system in a browser, and print its link. The link has
a token that allows actions: do not share it.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return p.console(command.Context(), printOnly)
		},
	}
	p.stateDirFlag(command)
	command.Flags().BoolVar(&printOnly, "print", false, "print the link only")
	return command
}

func (p *program) console(ctx context.Context, printOnly bool) error {
	status, err := p.status(ctx)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(p.stdout, status.Console.Link); err != nil {
		return fmt.Errorf("write the link: %w", err)
	}
	if printOnly {
		return nil
	}
	if err := p.openBrowser(ctx, status.Console.Link); err != nil {
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
