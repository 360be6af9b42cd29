package user

import "testing"

func TestNameFault(t *testing.T) {
	t.Parallel()
	for name, faulty := range map[string]bool{
		"Ada": false, "Nguyễn Văn A": false, "李": false,
		" ": true, "\u00a0": true, "Ada\x00": true, "Ada\nLovelace": true,
	} {
		if fault := validateName(name); (fault != "") != faulty {
			t.Errorf("%q: got fault %q, want one: %t", name, fault, faulty)
		}
	}
}
