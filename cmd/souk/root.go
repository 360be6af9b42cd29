package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"souk/emulators/local"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

const defaultStateDir = ".souk"

// program is what all commands share.
type program struct {
	getenv         func(string) string
	stdout, stderr io.Writer
	// stateDir is the folder of the system that a command is about.
	stateDir string
	// understood is set once a command's flags and arguments make sense.
	understood bool
}

// exitCode is an error that has already been reported or needs no report.
type exitCode int

func (code exitCode) Error() string { return fmt.Sprintf("exit status %d", int(code)) }

// run runs one command line and returns the exit code.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	p := &program{getenv: getenv, stdout: stdout, stderr: stderr}
	root := p.rootCommand()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	command, err := root.ExecuteContextC(ctx)
	var code exitCode
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &code):
		return int(code)
	case !p.understood:
		p.sayError(err)
		p.say("See: %s --help", command.CommandPath())
		return exitUsage
	default:
		p.sayError(err)
		return exitFailed
	}
}

func (p *program) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "souk",
		Short: "Run and operate the shop",
		Long: `Souk is a serverless shop. This program runs all of it on one machine, without
Docker or a cloud: the functions, a database server and Pub/Sub.`,
		Example: `  souk up                    start everything; Ctrl-C stops it
  souk up --detach           the same, in the background
  eval "$(souk env)"         set URLs and logins in the shell
  souk status                show what runs
  souk console               watch it in a browser
  souk audit                 check the data`,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRun: func(*cobra.Command, []string) {
			p.understood = true
		},
	}
	p.addCommands(root)
	return root
}

// addCommands adds every command to the group that help lists it in.
func (p *program) addCommands(root *cobra.Command) {
	for _, group := range []struct {
		id, title string
		commands  []*cobra.Command
	}{
		{"local", "Run the shop on this machine:", []*cobra.Command{
			p.upCommand(), p.downCommand(), p.statusCommand(), p.consoleCommand(), p.envCommand(), p.listenCommand(), p.loadCommand(), p.labCommand(),
			p.schedulerCommand(), p.databaseCommand(),
		}},
		{"operate", "Look after a shop, on this machine or in the cloud:", []*cobra.Command{
			p.auditCommand(), p.deadLettersCommand(), p.keysCommand(), p.trailCommand(), p.costCommand(), p.firstAdminCommand(), p.syntheticOrderCommand(),
		}},
		{"machine", "For containers and pipelines:", []*cobra.Command{
			p.secretsCommand(), p.migrateCommand(), p.topicsCommand(), p.gatewayCommand(), p.relayCommand(), p.mailCommand(), p.paymentCommand(),
			p.healthcheckCommand(), p.migrateCloudSQLCommand(), p.rolloutCommand(),
		}},
	} {
		root.AddGroup(&cobra.Group{ID: group.id, Title: group.title})
		for _, command := range group.commands {
			command.GroupID = group.id
			root.AddCommand(command)
		}
	}
	root.SetHelpCommandGroupID("local")
	root.SetCompletionCommandGroupID("local")
	root.CompletionOptions.HiddenDefaultCmd = true
}

// usageError is a fault of the command line that no flag type can find.
func (p *program) usageError(format string, args ...any) error {
	p.understood = false
	return fmt.Errorf(format, args...)
}

func (p *program) stateDirFlag(command *cobra.Command) {
	command.Flags().StringVar(&p.stateDir, "state-dir", defaultStateDir, "folder of the system: its data, logins and logs")
}

// say writes a message to the person at the terminal.
func (p *program) say(format string, args ...any) {
	fmt.Fprintf(p.stderr, format+"\n", args...)
}

// sayError reports an error and, on the next line, what to do.
func (p *program) sayError(err error) {
	var advice *local.Advice
	if !errors.As(err, &advice) {
		p.say("%s %v", p.red("souk:"), err)
		return
	}
	text := strings.ReplaceAll(err.Error(), "\n"+advice.Do, "")
	p.say("%s %s", p.red("souk:"), text)
	p.say("%s", advice.Do)
}

// printJSON writes data for other programs.
func (p *program) printJSON(data any) error {
	encoder := json.NewEncoder(p.stdout)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(data); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}
