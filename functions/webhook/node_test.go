package webhook_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/functions/webhook"
	"souk/shared/api"
)

// nodeReceiver is a receiver as docs/webhooks.md has it, with the library of Standard Webhooks for
// JavaScript. The secret is in the environment.
const nodeReceiver = `
const { createServer } = require('node:http')
const { Webhook } = require('standardwebhooks')
const webhook = new Webhook(process.env.WEBHOOK_SECRET)
const server = createServer((request, response) => {
  const chunks = []
  request.on('data', chunk => chunks.push(chunk))
  request.on('end', () => {
    try {
      const event = webhook.verify(Buffer.concat(chunks).toString('utf8'), request.headers)
      response.end('verified ' + event.id)
    } catch (error) {
      response.statusCode = 400
      response.end(String(error))
    }
  })
})
server.listen(Number(process.env.PORT || 0), '127.0.0.1', () => console.log(server.address().port))
`

// TestNode verifies a request by an independent library, in Node.
func TestNode(t *testing.T) {
	t.Parallel()
	node, nodeErr := exec.LookPath("node")
	npm, npmErr := exec.LookPath("npm")
	if nodeErr != nil || npmErr != nil {
		t.Skip("NOT CHECKED: signatures by the library for JavaScript: there is no node or npm")
	}
	folder := t.TempDir()
	install := exec.CommandContext(t.Context(), npm, "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "standardwebhooks@1.0.0")
	install.Dir = folder
	if output, err := install.CombinedOutput(); err != nil {
		t.Skipf("NOT CHECKED: signatures by the library for JavaScript: npm install: %v\n%s", err, output)
	}
	if err := os.WriteFile(filepath.Join(folder, "receiver.js"), []byte(nodeReceiver), 0o600); err != nil {
		t.Fatal(err)
	}
	f := open(t, nil)
	start := func(secret, port string) string {
		process := exec.CommandContext(t.Context(), node, "receiver.js")
		process.Dir, process.Env = folder, append(os.Environ(), "WEBHOOK_SECRET="+secret, "PORT="+port)
		output, err := process.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := process.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = process.Process.Kill()
			_ = process.Wait()
		})
		line, err := bufio.NewReader(output).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(line)
	}
	forged := start("whsec_"+strings.Repeat("A", 43)+"=", "")
	refused := f.mustCreate(t, "http://127.0.0.1:"+forged+"/", "*")
	created := f.mustCreate(t, "http://127.0.0.1:1/", "*") // the receiver needs the secret first
	port := start(created.Secret, "")
	f.change(t, "PATCH", created.ID, map[string]any{"url": "http://127.0.0.1:" + port + "/"}).MustBe(t, 200)
	e := f.mustPublish(t, uuid.New(), 1)
	f.mustPump(t)
	for id, want := range map[uuid.UUID]string{created.ID: "verified " + e.ID.String(), refused.ID: "WebhookVerificationError: No matching signature found"} {
		attempts := get[api.Page[webhook.Attempt]](t, f, path(id)+"/deliveries/"+e.ID.String()+"/attempts").Items
		if len(attempts) != 1 || !strings.Contains(attempts[0].Response, strings.TrimPrefix(want, "WebhookVerificationError: ")) {
			t.Errorf("attempts %+v, want the response %s", attempts, want)
		}
	}
}
