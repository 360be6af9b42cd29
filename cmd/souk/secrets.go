package main

import (
	"github.com/spf13/cobra"
)

func (p *program) secretsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "secrets DIR",
		Short: "Create the secrets of a system of containers",
		Long: `Create passwords, keys and logins and write them to DIR, in one folder for each part of
a system of containers. A container mounts only the folders that it needs. Existing
secrets are not changed.

MYSQL_HOST is host:port of the database server (default mysql:3306), SMTP_HOST that
of the mail server (default mail:1025).`,
		Example: "  souk secrets /state/secrets",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			system := p.containers()
			system.Secrets = args[0]
			if err := system.WriteSecrets(); err != nil {
				return err
			}
			p.say("the secrets are in %s", args[0])
			return nil
		},
	}
}
