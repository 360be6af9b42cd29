package terraform_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"souk/deploy/gcloudtest"
	"souk/functions"
)

const deployPage = "../docs/deploy.md"

// commands returns the blocks of commands of a page, in order.
func commands(page string) (blocks []string) {
	for _, match := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(page, -1) {
		blocks = append(blocks, match[1])
	}
	return blocks
}

// pageFaults says what is wrong with a page that can be read in it.
func pageFaults(page string) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	for i, match := range regexp.MustCompile(`(?m)^## ([0-9]+)[.] `).FindAllStringSubmatch(page, -1) {
		if match[1] != strconv.Itoa(i+1) {
			fault("step %s comes where step %d should", match[1], i+1)
		}
	}
	set := map[string]bool{}
	for line := range strings.Lines(strings.Join(commands(page), "")) {
		for _, name := range all(`\$\{?([A-Za-z_]+)`, line) {
			if !set[name] {
				fault("%s is used before it is set: %s", name, strings.TrimSpace(line))
			}
		}
		for _, name := range append(all(`(?:^|\s)([A-Z_]+)=`, line), all(`for ([a-z]+) in`, line)...) {
			set[name] = true
		}
	}
	text := page
	for _, block := range commands(page) {
		text = strings.ReplaceAll(text, block, "")
	}
	for _, link := range all(`\]\(([^)#]+)[^)]*\)`, text) {
		_, noPipeline := os.Stat("../cloudbuild.yaml")
		if strings.Contains(link, "://") || link == "rollout.md" && noPipeline != nil { // it comes with the pipeline
			continue
		}
		if _, err := os.Stat(filepath.Join("../docs", link)); err != nil {
			fault("there is no %s", link)
		}
	}
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		fault("%v", err)
	}
	for _, target := range all("(?:^|`|\n)make ([a-z-]+)", page) {
		if !strings.Contains(string(makefile), "\n"+target+":") {
			fault("there is no make %s", target)
		}
	}
	return faults
}

// TestQuotas requires that the page counts what grows with the functions: backend
// services, and for both granularities network endpoint groups and service accounts.
func TestQuotas(t *testing.T) {
	t.Parallel()
	clients, all := 0, 0
	clientServices, allServices := map[string]bool{}, map[string]bool{}
	for _, f := range functions.Manifest().Functions {
		run := fmt.Sprintf("%s-%s", f.Service, f.Kind())
		all++
		if allServices[run] = true; f.HTTP != "" {
			clients++
			clientServices[run] = true
		}
	}
	page := mustRead(t, deployPage)
	want := page
	for name, cell := range map[string]string{
		"Backend services":                   fmt.Sprint(clients),
		"Network endpoint groups, by region": fmt.Sprintf("%d, or %d with `granularity = \"service\"`", clients, len(clientServices)),
		"Service accounts":                   fmt.Sprintf("%d, or %d with `granularity = \"service\"`, and about ten of the platform", all, len(allServices)),
	} {
		row := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(name) + ` \| [^|]+ \|`)
		if !row.MatchString(want) {
			t.Fatalf("it has no row for %q", name)
		}
		want = row.ReplaceAllLiteralString(want, fmt.Sprintf("| %s | %s |", name, cell))
	}
	if *update {
		if err := os.WriteFile(deployPage, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != page {
		t.Error("it counts something else than the functions need: run `make generate`")
	}
}

func TestDeployPage(t *testing.T) {
	t.Parallel()
	page := mustRead(t, deployPage)
	t.Run("has no fault that can be read in it", func(t *testing.T) {
		t.Parallel()
		for _, fault := range pageFaults(page) {
			t.Error(fault)
		}
	})
	t.Run("the commands are valid shell", func(t *testing.T) {
		t.Parallel()
		for _, fault := range shellFaults(t, strings.Join(commands(page), "\n")) {
			t.Error(fault)
		}
	})
	t.Run("what is wrong is found", func(t *testing.T) {
		t.Parallel()
		for broken, want := range map[string]string{
			"## 1. a\n## 3. b\n":                       "step 3 comes where step 2 should",
			"```sh\necho \"$PROJECT\"\nPROJECT=a\n```": "PROJECT is used before it is set",
			"see [that](runbooks/no-such.md#here)":     "there is no runbooks/no-such.md",
			"by `make nothing`":                        "there is no make nothing",
		} {
			if got := strings.Join(pageFaults(broken), "\n"); !strings.Contains(got, want) {
				t.Errorf("%q: got %q, want %q", broken, got, want)
			}
		}
		if got := shellFaults(t, "for a in b; do echo\n"); len(got) == 0 {
			t.Error("a loop without an end is not found")
		}
	})
}

// shellFaults has bash, and shellcheck where it is there, read a script.
func shellFaults(t *testing.T, script string) (faults []string) {
	t.Helper()
	for _, checker := range [][]string{{"bash", "-n"}, {"shellcheck", "--shell=bash", "-"}} {
		if _, err := exec.LookPath(checker[0]); err != nil {
			t.Logf("NOT CHECKED: %v", err)
			continue
		}
		cmd := exec.CommandContext(t.Context(), checker[0], checker[1:]...)
		cmd.Stdin = strings.NewReader(script)
		if said, err := cmd.CombinedOutput(); err != nil {
			faults = append(faults, fmt.Sprintf("%s: %v\n%s", checker[0], err, said))
		}
	}
	return faults
}

// TestFollowDeployPage does what the page says, from its first command to its last.
func TestFollowDeployPage(t *testing.T) {
	t.Parallel()
	calls := follow(t, mustRead(t, deployPage))
	t.Run("gcloud has the commands and flags", func(t *testing.T) {
		gcloud := gcloudtest.Installed(t)
		if len(calls["gcloud"]) < 25 {
			t.Errorf("gcloud is called %d times only", len(calls["gcloud"]))
		}
		for _, args := range calls["gcloud"] {
			if fault := gcloud.Fault(args); fault != "" {
				t.Error(fault)
			}
		}
	})
	t.Run("souk has the commands and flags", func(t *testing.T) {
		for _, fault := range soukFaults(t, calls) {
			t.Error(fault)
		}
	})
	t.Run("Terraform has the names", func(t *testing.T) {
		for _, args := range calls["terraform"] {
			for _, fault := range terraformFaults(t, args) {
				t.Errorf("terraform %s: %s", strings.Join(args, " "), fault)
			}
		}
	})
	t.Run("every image is built of a recipe that is there", func(t *testing.T) {
		var services []string
		for _, args := range calls["docker"] {
			line := strings.Join(args, " ")
			services = append(services, all(`SERVICE=([a-z]+)`, line)...)
			for _, recipe := range all(`-f (\S+)`, line) {
				mustRead(t, filepath.Join("..", recipe))
			}
		}
		if want := append(functions.Manifest().Services(), "souk"); !slices.Equal(services, want) {
			t.Errorf("images of %q are built, want %q", services, want)
		}
	})
	t.Run("every secret gets its first version", func(t *testing.T) {
		var filled []string
		for _, args := range calls["gcloud"] {
			if len(args) > 3 && args[0] == "secrets" && args[2] == "add" {
				filled = append(filled, args[3])
			}
		}
		for _, f := range functions.Manifest().Functions {
			for _, secret := range f.Secrets {
				if !slices.Contains(filled, secret) {
					t.Errorf("%s needs %s", f.Name, secret)
				}
			}
		}
	})
}

// soukFaults says which commands and flags of souk there are not, among those that the
// shell and the migration job call.
func soukFaults(t *testing.T, calls map[string][][]string) (faults []string) {
	t.Helper()
	program := mustSouk(t)
	var lines [][]string
	for _, args := range calls["go"] {
		lines = append(lines, args[2:])
	}
	for _, args := range calls["gcloud"] {
		for _, given := range all(`(?m)^--args=(.*)$`, strings.Join(args, "\n")) {
			lines = append(lines, strings.Split(given, ","))
		}
	}
	if len(lines) < 3 {
		faults = append(faults, fmt.Sprintf("souk is called as %q only", lines))
	}
	for _, line := range lines {
		words := []string{}
		for _, word := range line {
			if strings.HasPrefix(word, "-") || strings.Contains(word, "@") {
				break
			}
			words = append(words, word)
		}
		help, err := exec.CommandContext(t.Context(), program, append(words, "--help")...).Output()
		if err != nil || !strings.Contains(string(help), "souk "+strings.Join(words, " ")) {
			faults = append(faults, fmt.Sprintf("there is no souk %s (%v)", strings.Join(words, " "), err))
		}
		for _, flag := range line[len(words):] {
			if name, _, _ := strings.Cut(flag, "="); strings.HasPrefix(flag, "--") && !regexp.MustCompile(regexp.QuoteMeta(name)+`\b`).Match(help) {
				faults = append(faults, fmt.Sprintf("souk %s has no %s", strings.Join(words, " "), name))
			}
		}
	}
	return faults
}

// terraformFaults says which names of a call of Terraform are in none of its files.
func terraformFaults(t *testing.T, args []string) (faults []string) {
	t.Helper()
	folder, module := "..", ""
	for _, arg := range args {
		if dir, given := strings.CutPrefix(arg, "-chdir="); given {
			folder = filepath.Join(folder, dir)
		}
	}
	files, err := filepath.Glob(folder + "/*.tf")
	if err != nil || len(files) == 0 {
		return []string{"there is no module in " + folder}
	}
	for _, file := range files {
		module += mustRead(t, file)
	}
	mustHave := func(block string, name ...any) {
		if want := fmt.Sprintf(block, name...); !strings.Contains(module, want) {
			faults = append(faults, "there is no "+want)
		}
	}
	line := strings.Join(args, " ")
	for _, target := range all(`-target=(\S+)`, line) {
		kind, name, _ := strings.Cut(target, ".")
		mustHave("resource %q %q", kind, name)
	}
	for _, name := range all(`-var (\w+)=`, line) {
		mustHave("variable %q", name)
	}
	for _, name := range all(` output -raw (\w+)`, line) {
		mustHave("output %q", name)
	}
	return faults
}
