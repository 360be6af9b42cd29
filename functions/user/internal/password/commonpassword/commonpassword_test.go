package commonpassword

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"unicode/utf8"
)

// minLength is the minimum length of a password (user-register).
const minLength = 8

func TestIs(t *testing.T) {
	t.Parallel()
	for _, password := range []string{
		"Passw0rd!", "summer2024", "Password1", "qwerty123", "12345678", "letmein1", "P@ssw0rd", "p@$$w0rd", "PASSWORD", "Pa55word",
		"passw0rd123", "!Password1!", "Welcome1", "Welcome@123", "Admin@123", "admin2023!", "Winter2025!", "Liverpool1", "iloveyou2",
		"trustno1", "1qaz2wsx", "1qaz@WSX", "zaq12wsx", "q1w2e3r4", "1q2w3e4r5t", "qwertyuiop", "asdfghjkl", "asdfgh123", "zxcvbnm1",
		"abcd1234", "abcdefgh", "87654321", "11112222", "12341234", "asdasdasd", "123qweasd", "qweasdzxc", "147258369", "24121985",
		"19851224", "michael1", "Jennifer!", "m1chael99", "sunsh1ne", "5unshine", "monkey123456", "dragon!!", "123456789a", "a123456789",
		"lovelove", "testtest", "superman", "Sup3rm@n", "starwars1977", "1234567890", "Qwerty123456", "abc123abc", "souk2026", "letme1n!",
	} {
		if !Is(password) {
			t.Errorf("%q is not recognized", password)
		}
	}
	for _, password := range []string{
		"seven green bicycles", "nine blue umbrellas", "correct horse battery staple", "attacker's password", "kR7vQz2m", "tulip-gravel-07-moth",
		"Vb5vP0hQk2m8", "82451907", "summersale2024x", "monkeywrench", "password of my aunt", "xkcd936xkcd", "éléphantine", "passwords83920174",
	} {
		if Is(password) {
			t.Errorf("%q is recognized", password)
		}
	}
}

// The usual variants of the words with the minimum length or more are all recognized. They
// are at least the 3,000 passwords that ASVS 5.0, 6.2.4, requires. So are the words alone,
// and the listed passwords.
func TestIsKnowsAtLeast3000Passwords(t *testing.T) {
	t.Parallel()
	passwords := map[string]bool{}
	for word := range known() {
		if len(word)%3 != 0 { // all of them would take seconds
			continue
		}
		capital := strings.ToUpper(word[:1]) + word[1:]
		passwords[word] = true
		if strings.ContainsAny(word, "0123456789!@$.") {
			continue
		}
		for _, after := range []string{"", "1", "12", "123", "1234", "123456", "!", "1!", "01", "2024", "2025!", "@123", "_1990"} {
			passwords[word+after], passwords[capital+after] = true, true
		}
		passwords["123"+word], passwords[strings.ToUpper(word)] = true, true
		passwords[strings.NewReplacer("a", "@", "o", "0", "e", "3", "i", "1", "s", "$").Replace(capital)+"1"] = true
	}
	refused := 0
	for password := range passwords {
		if utf8.RuneCountInString(password) < minLength {
			continue
		}
		if !Is(password) {
			t.Errorf("%q is not recognized", password)
		}
		refused++
	}
	if refused < 3000 {
		t.Errorf("%d passwords of %d characters are recognized, want 3000", refused, minLength)
	}
	t.Logf("%d passwords", refused)
}

// The initialization of the package allocates almost no memory. The lists, which take 200
// KiB, are read later.
func TestListsAreReadOnFirstUse(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), program, "-test.run=^$")
	command.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	trace, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, trace)
	}
	if !strings.Contains(string(trace), "init runtime @") {
		t.Fatalf("there is no trace of initializations in\n%s", trace)
	}
	for line := range strings.Lines(string(trace)) {
		var at, took float64
		var bytes int
		if _, err := fmt.Sscanf(line, "init souk/functions/user/internal/password/commonpassword @%f ms, %f ms clock, %d bytes", &at, &took, &bytes); err == nil && bytes > 16<<10 {
			t.Errorf("the initialization allocates %d bytes", bytes)
		}
	}
}

func TestListsAreInTheFormThatIsLookedFor(t *testing.T) {
	t.Parallel()
	for word := range known() {
		if word != strings.ToLower(word) || len(word) < minRun || strings.ContainsAny(word, " \t#:") {
			t.Errorf("%q can never match", word)
		}
	}
}

// The work is bounded for any password.
func FuzzIs(f *testing.F) {
	f.Add("Passw0rd!")
	f.Add(strings.Repeat("1q2w3e", 21))
	f.Add("é\x00\xff")
	f.Add(strings.Repeat("a", maxSearched-1) + "X")
	f.Fuzz(func(_ *testing.T, password string) { Is(password) })
}

func BenchmarkIs(b *testing.B) {
	for _, password := range []string{"Passw0rd!", "seven green bicycles", strings.Repeat("123", 13), strings.Repeat("a", 35) + "X9k"} {
		b.Run(fmt.Sprint(len(password)), func(b *testing.B) {
			for b.Loop() {
				Is(password)
			}
		})
	}
}
