package functions_test

import (
	"net/http"
	"strings"
	"testing"

	"souk/functions"
	"souk/shared/function/functiontest"
)

// TestPushBehindIAM sends every function that Pub/Sub calls requests as Cloud Run forwards
// them after IAM has checked them. If X-Serverless-Authorization is present, IAM checks it
// alone, and any caller may have set Authorization.
func TestPushBehindIAM(t *testing.T) {
	t.Parallel()
	tested := 0
	for _, service := range functions.Manifest().Services() {
		s := mustStart(t, service, functiontest.BehindIAM)
		token := s.Tokens.Push(t)
		checked := token[:strings.LastIndexByte(token, '.')+1] + "SIGNATURE_REMOVED_BY_GOOGLE"
		for _, f := range functions.Manifest().FunctionsOf(service) {
			if f.HTTP != "" {
				continue
			}
			tested++
			t.Run(f.Name, func(t *testing.T) {
				t.Parallel()
				r := request(f, bearer(checked))
				if violation := checkStatus(s.Do(t, r), granted); violation != "" {
					t.Errorf("a request that IAM has checked: %s", violation)
				}
				for name, second := range map[string]string{
					"of another caller": "Bearer " + s.Tokens.PushWith(t, map[string]any{"email": "other@test.iam.gserviceaccount.com"}),
					"of Pub/Sub":        "Bearer " + token, "that is checked": "Bearer " + checked, "that is not a token": "none",
				} {
					r.Header = map[string]string{"X-Serverless-Authorization": second}
					if violation := checkStatus(s.Do(t, r), http.StatusUnauthorized); violation != "" {
						t.Errorf("with a second token %s: %s", name, violation)
					}
				}
			})
		}
	}
	if tested < 10 {
		t.Errorf("only %d functions were tested", tested)
	}
}
