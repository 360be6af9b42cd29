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
		Short: "Create the first owner of a shop on Google Cloud",
		Long: `Give an account the role owner in a shop without an owner. The account must be
registered and its e-mail address confirmed. The command fails if the shop has an
owner: owners appoint others with PUT /v1/users/{id}/role.

Run it in the Cloud Run job migrate, which reaches the database (docs/deploy.md). An
account that may run that job with other arguments can create the first owner. The
settings are those of migrate-cloud-sql.`,
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
	p.say("user %s is an owner, from the next sign-in or refresh on", id)
	return nil
}
