package password

import "testing"

func TestValidate(t *testing.T) {
	t.Parallel()
	for password, invalid := range map[string]bool{
		goodPassword:        false,
		"password":          true,
		"PassWord":          true,
		"ｐａｓｓｗｏｒｄ":          true, // full-width mails
		"Passw0rd!":         true,
		"summer2024":        true,
		"aaaaaaaaaaaaaaaa":  true,
		"AaAaAaAa":          true,
		"        ":          true,
		"éééééééééé":        true,
		"ada.lovelace":      true,
		"Ada.Lovelace":      true,
		"ada.lovelace@x.y":  true,
		"ada.lovelace@x.yz": false,
		"augusta ada":       true,
		"12345678":          true,
		"12345679":          true,
		"82451907":          false,
	} {
		if message := Validate(password, " Ada.Lovelace@X.y", "Augusta Ada"); (message != "") != invalid {
			t.Errorf("%q: got %q, want a message: %t", password, message, invalid)
		}
	}
}
