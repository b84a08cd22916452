package bench

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"github.com/CyCoreSystems/ari/v5"
	"github.com/CyCoreSystems/ari/v5/client/native"
)

// The application of the stock client, and where in the dialplan it sends calls on: the extension is the verdict.
const (
	stockApp     = "stock"
	stockVerdict = "stock-verdict"
)

// serveARI takes calls with the native client of CyCoreSystems/ari/v5 as it comes: events on its websocket, each request by HTTP.
func serveARI(list list, ready func(address string)) error {
	// The client uses the default transport, which keeps two idle connections: under load it would connect for every call.
	http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = 100
	base := "127.0.0.1:" + os.Getenv(ariPortVar) + "/ari"
	client, err := native.Connect(&native.Options{
		Application: stockApp, Username: ariUser, Password: ariPassword,
		URL: "http://" + base, WebsocketURL: "ws://" + base + "/events",
	})
	if err != nil {
		return fmt.Errorf("connect to Asterisk: %w", err)
	}
	calls := client.Bus().Subscribe(nil, ari.Events.StasisStart)
	ready(base)
	for e := range calls.Events() {
		start, ok := e.(*ari.StasisStart)
		if !ok {
			continue
		}
		go func() {
			verdict := list.verdict(context.Background(), start.Channel.Caller.Number)
			if err := client.Channel().Continue(start.Key(ari.ChannelKey, start.Channel.ID), stockVerdict, start.Args[0]+"-"+verdict, 1); err != nil {
				fmt.Fprintf(os.Stderr, "the helper ari: send a call on: %v\n", err)
			}
		}()
	}
	return nil
}
