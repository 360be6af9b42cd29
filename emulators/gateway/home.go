package gateway

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"strings"

	"souk/shared/manifest"
)

// Link is a link on the page at /.
type Link struct{ Title, URL, Text string }

// ConsoleLink returns a link to the console.
func ConsoleLink(url string) Link {
	return Link{"Console", url, "Watch the system: functions, messages, databases, logs."}
}

// PaymentLink returns a link to the page of the payment provider.
func PaymentLink(url string) Link {
	return Link{"Payments", url, "The payment provider: test cards, payments and what was captured."}
}

// MailLink returns a link to the page of the mail server.
func MailLink(url string) Link {
	return Link{"Mail", url, "Mails of the shop, including tokens to confirm an address."}
}

//go:embed page/index.html
var homeText string

//go:embed page/favicon.ico
var favicon []byte

var homePage = template.Must(template.New("home").Parse(homeText))

// home is the data of the page at /.
type home struct {
	Operations int
	Links      []Link
	Services   []homeService
}

type homeService struct {
	Name      string
	Functions []homeFunction
}

type homeFunction struct{ Name, Trigger, Access string }

// addHome adds the route of the page at /, with links and a list of the functions.
func (g *Gateway) addHome() error {
	var page bytes.Buffer
	if err := homePage.Execute(&page, describeHome(g.options)); err != nil {
		return fmt.Errorf("render the page at /: %w", err)
	}
	policy := contentPolicy(page.Bytes())
	g.router.Handle("GET /{$}", documentation(policy, content("text/html; charset=utf-8", page.Bytes())))
	g.router.Handle("GET /favicon.ico", documentation(policy, content("image/x-icon", favicon)))
	return nil
}

func describeHome(options Options) home {
	var h home
	if options.OpenAPI != nil {
		h.Links = append(h.Links,
			Link{"API documentation", DocsPath, "Read and try every operation."},
			Link{"OpenAPI document", OpenAPIPath, "The same for programs, also at " + OpenAPIJSONPath + "."})
	}
	h.Links = append(h.Links, options.Links...)
	h.Links = append(h.Links, Link{"Health", LivenessPath, "Responds while the gateway runs."})
	for _, name := range options.Manifest.Services() {
		service := homeService{Name: name}
		for _, f := range options.Manifest.FunctionsOf(name) {
			if f.HTTP != "" {
				h.Operations++
			}
			service.Functions = append(service.Functions, describeFunction(f))
		}
		h.Services = append(h.Services, service)
	}
	return h
}

func describeFunction(f manifest.Function) homeFunction {
	d := homeFunction{Name: f.Name, Trigger: f.HTTP, Access: string(f.Access)}
	switch {
	case f.Schedule != "":
		d.Trigger, d.Access = "schedule "+f.Schedule, "scheduler"
	case f.HTTP == "":
		d.Trigger, d.Access = "event "+strings.Join(f.Events, ", "), "Pub/Sub"
	}
	return d
}
