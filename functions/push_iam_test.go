package functions_test

import (
	"net/http"
	"strings"
	"testing"

	"souk/functions"
	"souk/shared/function/functiontest"
)

// TestPushBehindIAM sends every function that Pub/Sub calls requests as Cloud Run passes
// them on when IAM has checked them. IAM checks X-Serverless-Authorization alone where
// there is one, and then anyone could have written Authorization.
func TestPushBehindIAM(t *testing.T) {
	t.Parallel()
	tested := 0
	for _, service := range functions.Manifest().Services() {
		s := MustStart(t, service, functiontest.BehindIAM)
		token := s.Tokens.Push(t)
		checked := token[:strings.LastIndexByte(token, '.')+1] + "SIGNATURE_REMOVED_BY_GOOGLE"
		for _, f := range functions.Manifest().Of(service) {
			if f.HTTP != "" {
				continue
			}
			tested++
			t.Run(f.Name, func(t *testing.T) {
				t.Parallel()
				r := request(f, bearer(checked))
				if fault := fare(s.Do(t, r), letIn); fault != "" {
					t.Errorf("a request that IAM has checked: %s", fault)
				}
				for name, second := range map[string]string{
					"of another caller": "Bearer " + s.Tokens.PushWith(t, map[string]any{"email": "other@test.iam.gserviceaccount.com"}),
					"of Pub/Sub":        "Bearer " + token, "that is checked": "Bearer " + checked, "that is no token": "none",
				} {
					r.Header = map[string]string{"X-Serverless-Authorization": second}
					if fault := fare(s.Do(t, r), http.StatusUnauthorized); fault != "" {
						t.Errorf("with a second token %s: %s", name, fault)
					}
				}
			})
		}
	}
	if tested < 10 {
		t.Errorf("only %d functions were tested", tested)
	}
}
