package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func (p *program) envCommand() *cobra.Command {
	command := &cobra.Command{
		Use:     "env",
		Short:   "Print URLs and logins as shell variables",
		Example: `  eval "$(souk env)"; curl -s "$SOUK_URL/v1/products"`,
		Long: `Print the URLs and logins of the running system as shell variables. They are for
your own commands and do not configure souk.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			s, err := p.status(command.Context())
			if err != nil {
				return err
			}
			for _, variable := range [][2]string{
				{"SOUK_URL", s.Gateway},
				{"SOUK_MAIL_URL", s.Mail.URL},
				{paymentPageVariable, s.Payments.URL},
				{"SOUK_ADMIN_EMAIL", s.Admin.Email},
				{"SOUK_ADMIN_PASSWORD", s.Admin.Password},
				{"SOUK_CUSTOMER_EMAIL", s.Customer.Email},
				{"SOUK_CUSTOMER_PASSWORD", s.Customer.Password},
			} {
				if _, err := fmt.Fprintf(p.stdout, "export %s=%s\n", variable[0], shellQuote(variable[1])); err != nil {
					return fmt.Errorf("write the variables: %w", err)
				}
			}
			return nil
		},
	}
	p.stateDirFlag(command)
	return command
}

// shellQuote makes one word of a POSIX shell of any text.
func shellQuote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
