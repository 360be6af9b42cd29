package main

import (
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
)

// keysPath is the path of the operations for API keys.
const keysPath = "/v1/keys"

// shopKey is an API key as the shop shows it.
type shopKey struct {
	ID                  string     `json:"id"`
	Name                string     `json:"name"`
	Scopes              []string   `json:"scopes"`
	Networks            []string   `json:"networks,omitempty"`
	RatePerMinute       int        `json:"ratePerMinute"`
	Hint                string     `json:"hint"`
	ExpiresAt           *time.Time `json:"expiresAt,omitempty"`
	PreviousSecretUntil *time.Time `json:"previousSecretUntil,omitempty"`
	CreatedBy           string     `json:"createdBy,omitempty"`
	LastUsedAt          *time.Time `json:"lastUsedAt,omitempty"`
	RotatedAt           time.Time  `json:"rotatedAt"`
	Version             int64      `json:"version"`
	CreatedAt           time.Time  `json:"createdAt"`
	UpdatedAt           time.Time  `json:"updatedAt"`
	// Secret is in the responses to a creation and a rotation only.
	Secret string `json:"secret,omitempty"`
}

func (p *program) keysCommand() *cobra.Command {
	var shop shopFlags
	command := &cobra.Command{
		Use:   "keys",
		Short: "List, create, rotate or revoke API keys",
		Long: `List, create, rotate or revoke API keys, with which programs call the shop. A secret is
printed once, alone on standard output.

` + shopLogin,
		Example: `  souk keys create "Warehouse of Potsdam" --scope orders.read,stock.write --network 203.0.113.0/24
  souk keys list
  souk keys rotate 0199c0de-0000-7000-8000-000000000001 --overlap 24h
  souk keys revoke 0199c0de-0000-7000-8000-000000000001`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	shop.add(p, command)
	command.AddCommand(p.listKeys(&shop), p.createKey(&shop), p.rotateKey(&shop), p.revokeKey(&shop))
	return command
}

func (p *program) listKeys(flags *shopFlags) *cobra.Command {
	asJSON := false
	command := &cobra.Command{
		Use:   "list",
		Short: "List the keys of the shop",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return p.withShop(command.Context(), *flags, func(shop *shopClient) error {
				// A shop has 100 keys at most: one page.
				var page struct{ Items []shopKey }
				if err := shop.call(command.Context(), http.MethodGet, keysPath+"?pageSize=100", nil, &page); err != nil {
					return err
				}
				if asJSON {
					return p.printJSON(page.Items)
				}
				return p.printKeys(page.Items)
			})
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return command
}

func (p *program) printKeys(keys []shopKey) error {
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	if len(keys) > 0 {
		fmt.Fprintf(table, "ID\tNAME\tSECRET\tSCOPES\tNETWORKS\tRATE\tLAST USED\tEXPIRES\n")
	}
	for _, k := range keys {
		networks := "any"
		if len(k.Networks) > 0 {
			networks = strings.Join(k.Networks, ",")
		}
		fmt.Fprintf(table, "%s\t%s\t%s…\t%s\t%s\t%d/min\t%s\t%s\n", k.ID, k.Name, k.Hint, strings.Join(k.Scopes, ","), networks, k.RatePerMinute,
			timeOr(k.LastUsedAt, "never"), timeOr(k.ExpiresAt, "never"))
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write the list: %w", err)
	}
	p.say("%d keys", len(keys))
	return nil
}

// timeOr returns a time as text, or another text without one.
func timeOr(t *time.Time, without string) string {
	if t == nil {
		return without
	}
	return t.Format(time.RFC3339)
}

func (p *program) createKey(flags *shopFlags) *cobra.Command {
	var scopes, networks []string
	rate, expires := 0, time.Duration(0)
	command := &cobra.Command{
		Use:   "create NAME",
		Short: "Create a key and print its secret",
		Args:  cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			body := map[string]any{"name": args[0], "scopes": scopes}
			if len(networks) > 0 {
				body["networks"] = networks
			}
			if rate != 0 {
				body["ratePerMinute"] = rate
			}
			if expires != 0 {
				body["expiresAt"] = time.Now().Add(expires).UTC().Truncate(time.Second)
			}
			return p.printSecret(command, *flags, keysPath, body)
		},
	}
	command.Flags().StringSliceVar(&scopes, "scope", nil, "permissions of the key, such as orders.read")
	command.Flags().StringSliceVar(&networks, "network", nil, "networks from which the key may be used, such as 203.0.113.0/24 (default any)")
	command.Flags().IntVar(&rate, "rate", 0, "requests per minute to each service (default 600)")
	command.Flags().DurationVar(&expires, "expires-in", 0, "time until the key expires, such as 2160h (default never)")
	if err := command.MarkFlagRequired("scope"); err != nil {
		panic(err) // the flag is defined above
	}
	return command
}

// printSecret sends a request that creates a secret, and prints the secret.
func (p *program) printSecret(command *cobra.Command, flags shopFlags, path string, body any) error {
	return p.withShop(command.Context(), flags, func(shop *shopClient) error {
		var created shopKey
		if err := shop.call(command.Context(), http.MethodPost, path, body, &created); err != nil {
			return err
		}
		p.say("key %s (%s): store the secret now, it is not shown again", created.ID, created.Name)
		if created.PreviousSecretUntil != nil {
			p.say("the secret so far is accepted until %s", created.PreviousSecretUntil.Format(time.RFC3339))
		}
		if _, err := fmt.Fprintln(p.stdout, created.Secret); err != nil {
			return fmt.Errorf("write the secret: %w", err)
		}
		return nil
	})
}

func (p *program) rotateKey(flags *shopFlags) *cobra.Command {
	overlap := 24 * time.Hour
	command := &cobra.Command{
		Use:   "rotate ID",
		Short: "Create another secret of a key and print it",
		Args:  cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			path, err := p.keyPath(args[0])
			if err != nil {
				return err
			}
			return p.printSecret(command, *flags, path+"/rotate", map[string]any{"overlapSeconds": int(overlap.Seconds())})
		},
	}
	command.Flags().DurationVar(&overlap, "overlap", overlap, "for how long the secret so far is still accepted, 168h at most")
	return command
}

func (p *program) revokeKey(flags *shopFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "revoke ID",
		Short: "Revoke a key",
		Args:  cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			path, err := p.keyPath(args[0])
			if err != nil {
				return err
			}
			return p.withShop(command.Context(), *flags, func(shop *shopClient) error {
				if err := shop.call(command.Context(), http.MethodDelete, path, nil, nil); err != nil {
					return err
				}
				p.say("key %s is revoked: all services refuse it within 5 seconds", args[0])
				return nil
			})
		},
	}
}

// keyPath returns the path of a key.
func (p *program) keyPath(id string) (string, error) {
	parsed, err := uuid.Parse(id)
	if err != nil {
		return "", p.usageError("%q is not the id of a key: see souk keys list", id)
	}
	return keysPath + "/" + parsed.String(), nil
}
