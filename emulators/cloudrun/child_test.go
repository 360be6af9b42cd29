package cloudrun

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"souk/shared/health"
	"souk/shared/manifest"
)

func childMain(behaviour string) int {
	switch behaviour {
	case "crash":
		fmt.Fprintln(os.Stderr, "no database: the cause of the crash")
		return 7
	case "deaf":
		select {}
	case "ignore SIGTERM":
		signal.Ignore(syscall.SIGTERM)
		return childServe(context.Background())
	case "die of SIGTERM":
		// A process without a handler dies on SIGTERM.
		return childServe(context.Background())
	case "chatty":
		chat()
	}
	term, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return childServe(term)
}

// chat prints typical output of instances: JSON, text, blank lines, lines in parts.
func chat() {
	fmt.Print("\n{\"severity\":\"INFO\",\"message\":\"json\"}\n\n  \nplain \"text\"\n{}\nin ")
	fmt.Fprint(os.Stderr, "from stderr\n")
	fmt.Print("pieces\n")
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for range 50 {
				fmt.Fprintf(os.Stderr, "%s\n", strings.Repeat("x", 3000))
			}
		})
	}
	writers.Wait()
	fmt.Print("the last, without a newline")
}

// childServe serves until term is done, then finishes its requests.
func childServe(term context.Context) int {
	server := &http.Server{Addr: ":" + os.Getenv("PORT"), Handler: childHandler(term)}
	drained := make(chan error)
	go func() {
		<-term.Done()
		drained <- server.Shutdown(context.Background())
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := <-drained; err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func childHandler(term context.Context) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(health.Path, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Println(wasProbed)
		fmt.Fprint(w, "ok")
	})
	mux.HandleFunc(health.StartupPath, func(w http.ResponseWriter, _ *http.Request) {
		if marker := os.Getenv("STARTS_WHEN_GONE"); marker != "" {
			fmt.Println(wasAskedToStart)
			if _, err := os.Stat(marker); err == nil {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		}
	})
	mux.HandleFunc("/pid", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, os.Getpid()) })
	mux.HandleFunc("GET /environment", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(os.Environ())
	})
	mux.HandleFunc("/until-sigterm", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Println(insideRequest)
		<-term.Done()
		fmt.Fprint(w, "finished")
	})
	mux.HandleFunc("/until-end-of-body", func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(insideRequest)
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, "finished")
	})
	mux.HandleFunc("/burn", func(_ http.ResponseWriter, r *http.Request) {
		for n := 0; r.Context().Err() == nil; n++ { // all of a CPU until the client disconnects
			_ = fmt.Sprint(n)
		}
	})
	mux.HandleFunc("/grow", func(http.ResponseWriter, *http.Request) {
		var blocks [][]byte
		for len(blocks) < 1024 { // MiB, unless it is killed before
			block := make([]byte, 1<<20)
			for i := range block {
				block[i] = byte(len(blocks))
			}
			blocks = append(blocks, block)
		}
	})
	mux.HandleFunc("/leave-work", func(http.ResponseWriter, *http.Request) {
		go func() {
			for n := 0; ; n++ {
				_ = fmt.Sprint(n)
			}
		}()
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		w.Header()["X-Seen-Forwarded-For"] = r.Header["X-Forwarded-For"]
		w.Header().Set("X-Seen-Host", r.Host)
		_, _ = io.Copy(w, r.Body)
	})
	mux.HandleFunc("/die", func(http.ResponseWriter, *http.Request) { os.Exit(3) })
	// The process dies during its first request and responds to the second.
	mux.HandleFunc("/die-once", func(w http.ResponseWriter, r *http.Request) {
		file, err := os.OpenFile(r.URL.Query().Get("marker"), os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			_ = file.Close()
			os.Exit(3)
		}
		fmt.Fprint(w, "alive")
	})
	return mux
}

// parentMain runs a platform, prints the port of an instance, and waits to be killed.
func parentMain(binDir string) int {
	p, err := Start(context.Background(), Options{
		Manifest: greeter(), BinDir: binDir,
		Env: func(manifest.Function) []string { return []string{childVariable + "=ignore SIGTERM"} },
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	response, err := http.Get(p.URL("hello") + "/environment")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if _, err := io.Copy(os.Stdout, response.Body); err != nil {
		return 1
	}
	select {}
}
