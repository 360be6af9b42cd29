package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/google/uuid"

	"souk/emulators/browsertest"
	emulator "souk/emulators/payment"
	"souk/functions/fixtures"
	"souk/functions/product"
)

// sellTea creates products as the example shows them, in a category of their own, and returns one that
// can be ordered.
func (s *system) sellTea(t *testing.T) product.Product {
	t.Helper()
	admin := s.admin(t)
	for _, listed := range []struct {
		name  string
		price int
	}{
		{"Sencha, 100 g", 1190}, {"Darjeeling First Flush, 100 g", 1850}, {"Earl Grey, 250 g", 1090}, {"Rooibos Vanilla, 200 g", 890},
		{"Jasmine Pearls, 50 g", 1420}, {"Gunpowder, 250 g", 990}, {"Cast-iron teapot, 0.8 l", 5900},
	} {
		body := fixtures.Product("TEA-"+uuid.NewString(), 40)
		body["name"], body["price"] = listed.name, fixtures.Price(listed.price)
		s.do(t, fixtures.CreateProduct(admin, body)).MustBe(t, http.StatusCreated)
	}
	return s.mustCreateProduct(t, admin, s.customer(t), 40)
}

// storefront is a tab with the pages of the example.
type storefront struct {
	browsertest.Tab

	origin, scheme string
	width          int64
}

func (f storefront) open(path string) { f.Open(f.origin+path, f.width, f.scheme) }

// fill types into fields, which are given by their names.
func (f storefront) fill(fields map[string]string) {
	for name, text := range fields {
		f.Do(chromedp.SendKeys(fmt.Sprintf(`input[name="%s"]`, name), text))
	}
}

// press presses the button with a text.
func (f storefront) press(text string) {
	button := fmt.Sprintf(`[...document.querySelectorAll("button, a")].find((b) => b.textContent.startsWith(%q))`, text)
	f.Wait(button)
	browsertest.Value[bool](f.Tab, button+`.click() ?? true`)
}

// buy puts a product into the cart, checks out and pays, and waits for the confirmed order.
func (f storefront) buy(id uuid.UUID, email string) {
	f.open("/products/" + id.String())
	f.press("Add to the cart")
	f.Wait(`location.pathname === "/cart" && document.querySelector("#count").textContent === "1"`)
	f.Check("storefront-cart", f.width, f.scheme)
	f.press("Check out")
	f.Wait(`document.querySelector("input[name=line1]")`)
	address := map[string]string{"name": "Amira Haddad", "line1": "12 Market Street", "postalCode": "10115", "city": "Berlin"}
	if email != "" {
		address["email"] = email
	}
	f.fill(address)
	f.press("Continue")
	f.Wait(`document.body.textContent.includes("To Amira Haddad")`)
	f.Check("storefront-checkout", f.width, f.scheme)
	f.press("Order and pay €")
	f.Wait(`document.activeElement.id === "number"`) // on the provider's page
	f.Type(emulator.CardApproved + "\t12/40\t123\r")
	f.Wait(fmt.Sprintf(`location.origin === %q && document.querySelector("#state")?.textContent === "confirmed"`, f.origin))
	f.Wait(`document.querySelector("#count").textContent === "0"`)
	f.Check("storefront-order", f.width, f.scheme)
}

// register creates an account on the pages, by the link in the mail.
func (f storefront) register(t *testing.T, s *system, email string) {
	t.Helper()
	f.open("/account")
	f.fill(map[string]string{"newEmail": email, "newPassword": "no"})
	f.Do(chromedp.SendKeys(`input[name="name"]`, "Amira"))
	f.Check("storefront-account", f.width, f.scheme)
	f.Do(chromedp.SendKeys(`input[name="newPassword"]`, " thing green lanterns"))
	f.press("Create an account")
	f.Wait(`document.querySelector("#registered")`)
	var link string
	eventually(t, "the mail has a link", func() bool {
		for _, mail := range s.mustReadMails(t, email, "") {
			if _, found, exists := strings.Cut(mail.Text, f.origin+"/confirm-email#token="); exists {
				link = "/confirm-email#token=" + strings.Fields(found)[0]
			}
		}
		return link != ""
	})
	f.open(link)
	f.Wait(`document.activeElement.tagName === "H1" && location.hash === ""`)
	f.fill(map[string]string{"password": "no thing green lanterns"})
	f.press("Confirm")
	f.Wait(`document.body.textContent.includes("Hello Amira")`)
}

// openStorefront builds the example, and starts a shop for its pages.
func openStorefront(t *testing.T) (*system, site) {
	t.Helper()
	requireTypeScript(t)
	var pages site
	if containers != nil {
		pages = containers.pages
	} else {
		pages = openSite()
		t.Cleanup(pages.server.Close)
	}
	s := startSystemFor(t, pages, paymentsOn)
	folder := t.TempDir()
	build := node("node", "scripts/build-example.mjs", folder)
	build.Env = append(os.Environ(), s.variables()...)
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the example: %v\n%s", err, output)
	}
	pages.show(folder)
	return s, pages
}

// TestStorefront has a guest and a new customer buy on the pages of the example in Chromium, which are
// of another origin than the shop.
func TestStorefront(t *testing.T) {
	parallel(t)
	browser := browsertest.Start(t)
	s, pages := openStorefront(t)
	tea := s.sellTea(t)
	open := func(t *testing.T, width int64, scheme string) storefront {
		t.Helper()
		return storefront{browsertest.NewTab(browser, t), pages.origin(), scheme, width}
	}
	t.Run("a guest buys in a wide window", func(t *testing.T) {
		f := open(t, 1600, "light")
		f.open("/")
		f.Wait(`document.querySelectorAll(".grid li").length >= 8`)
		f.Check("storefront", f.width, f.scheme)
		f.buy(tea.ID, uuid.NewString()+"@example.com")
	})
	t.Run("a new customer buys in a narrow window", func(t *testing.T) {
		f := open(t, 400, "dark")
		f.open("/")
		f.Wait(`document.querySelectorAll(".grid li").length >= 8`)
		f.Check("storefront", f.width, f.scheme)
		f.register(t, s, uuid.NewString()+"@example.com")
		f.buy(tea.ID, "")
		f.open("/account")
		f.Wait(`document.querySelector(".list a[href^='/orders/']")`)
		f.press("Sign out")
		f.Wait(`document.querySelector("input[name=newEmail]")`)
	})
}
