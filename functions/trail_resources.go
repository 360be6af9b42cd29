package functions

// TrailResources are the kinds of the resources in the trail, with the service of each: a list of the
// changes of one kind need not read the trails of other services.
var TrailResources = map[string]string{
	"discount": "order", "order": "order", "settings": "order",
	"payment": "payment",
	"product": "product",
	"key":     "user", "role": "user", "user": "user",
	"webhook": "webhook",
}
