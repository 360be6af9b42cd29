package health

// StartupWithin is Startup with other times.
var StartupWithin = startup
