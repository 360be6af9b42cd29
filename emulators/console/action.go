package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// maxForm is the longest body of an action in bytes.
const maxForm = 256 << 10

// action changes something, with the values of the request's form, and returns a message
// for the user.
type action func(r *http.Request) (message string, err error)

// errInvalid is wrapped by errors of an action that are the user's.
var errInvalid = errors.New("invalid value")

// errNotAvailable is the error of an action whose source is unknown.
var errNotAvailable = fmt.Errorf("%w: not available in this system", errInvalid)

// actionPath returns the path of an action.
func actionPath(p page, name string) string { return "/actions/" + p.name + "/" + name }

// serveAction returns the handler of an action. It requires the cookie of the link that
// souk up prints.
func (c *Console) serveAction(do action) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !c.trusted(r) {
			c.reply(w, http.StatusForbidden, "Actions need the link that souk up prints. It is also in the output of: souk console")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			c.reply(w, http.StatusBadRequest, err.Error())
			return
		}
		message, err := do(r)
		switch {
		case errors.Is(err, errInvalid):
			c.reply(w, http.StatusBadRequest, err.Error())
		case err != nil:
			c.log.Warn("an action of the console failed", "path", r.URL.Path, "error", err)
			c.reply(w, http.StatusInternalServerError, err.Error())
		default:
			c.reply(w, http.StatusOK, message)
		}
	})
}

// reply responds to an action.
func (c *Console) reply(w http.ResponseWriter, status int, message string) {
	body, err := json.Marshal(map[string]string{"message": message})
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"message": "encode the response"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	c.write(w, body)
}
