package user

import "testing"

func TestValidateName(t *testing.T) {
	t.Parallel()
	for name, invalid := range map[string]bool{
		"Ada": false, "Nguyễn Văn A": false, "李": false,
		" ": true, "\u00a0": true, "Ada\x00": true, "Ada\nLovelace": true,
	} {
		if message := validateName(name); (message != "") != invalid {
			t.Errorf("%q: got %q, want a message: %t", name, message, invalid)
		}
	}
}
