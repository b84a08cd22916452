package bench

import (
	"io"
	"net"
	"net/http"
	"time"
)

// serveHTTP answers what the dialplan asks with the function CURL: the verdict about the number in the query, as plain text.
func serveHTTP(list list, ready func(address string)) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ready(listener.Addr().String())
	mux := http.NewServeMux()
	mux.HandleFunc("GET /verdict", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, list.verdict(r.Context(), r.URL.Query().Get("number"))) // Asterisk has hung up otherwise
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	return server.Serve(listener)
}
