package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"souk/functions/user"
	"souk/shared/database"
)

func (p *program) firstAdminCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "first-admin EMAIL",
		Short: "Make the first admin of a shop on Google Cloud",
		Long: `Give an account the role admin, in a shop that has no admin. Its owner has
registered it and confirmed the address like everybody else. Where there is an admin
it refuses: admins make others by PUT /v1/users/{id}/role.

It runs in the Cloud Run job migrate, which reaches the database (docs/deploy.md);
whoever may run that job with other arguments may make the first admin. The settings
are those of migrate-cloud-sql.`,
		Example: "  gcloud run jobs execute migrate --args=first-admin,amira@example.com --wait",
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			settings, err := p.cloudSQL("user")
			if err != nil {
				return err
			}
			return p.firstAdmin(command.Context(), settings, args[0])
		},
	}
}

func (p *program) firstAdmin(ctx context.Context, settings database.Config, email string) (err error) {
	db, err := database.Open(settings)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	id, err := user.FirstAdmin(ctx, db, email)
	if err != nil {
		return err
	}
	p.say("user %s is admin, from the next sign-in or refresh on", id)
	return nil
}
