package health

// StartupWithin is like Startup, with other timeouts.
var StartupWithin = startup
