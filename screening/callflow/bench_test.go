package callflow_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/screening/asterisk"
	"github.com/linewarden/linewarden/screening/callflow"
)

// BenchmarkCleanCall is one clean outbound call, from StasisStart to its one "continue", 64 at once, against an ARI in this process
// that answers from prepared bytes. cpu-ns/op is the processor time of the process, that ARI included; BenchmarkCleanCallARI shows
// what the ARI and the network cost by themselves.
func BenchmarkCleanCall(b *testing.B) {
	benchCalls(b, true)
}

// BenchmarkCleanCallARI is BenchmarkCleanCall with a glance that only continues: no numbers read, no list, no verdict.
func BenchmarkCleanCallARI(b *testing.B) {
	benchCalls(b, false)
}

func benchCalls(b *testing.B, screened bool) {
	const atOnce = 64
	ended := make(chan struct{}, atOnce)
	flow, err := callflow.New(callflow.Options{
		List: testList, Voice: dialplan.NewVoice(), Languages: []string{"en"}, Metrics: prometheus.NewRegistry(),
		Policies: map[string]callflow.Policy{"default": usPolicy},
		Observe:  func(callflow.Record) { ended <- struct{}{} },
	})
	if err != nil {
		b.Fatal(err)
	}
	glance := flow.Glance
	if !screened {
		glance = func(*asterisk.Channel) (asterisk.Place, func(error), bool) {
			return asterisk.Place{Context: "linewarden-verdict", Extension: "allow_clean", Priority: 1}, func(error) { ended <- struct{}{} }, true
		}
	}
	starts := make(chan []byte, atOnce)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { ari(w, r, starts) }))
	defer server.Close()
	client, err := asterisk.New(asterisk.Config{
		URL: server.URL + "/ari", App: "linewarden-bench", Username: "bench", Password: "bench", Transport: asterisk.TransportWebsocket,
		Glance: glance,
	}, flow.Handle)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- client.Run(ctx) }()
	for !client.Status().Connected {
		runtime.Gosched()
	}
	b.ReportAllocs()
	b.ResetTimer()
	before := cpuTime()
	for i := range b.N {
		if i >= atOnce {
			<-ended
		}
		starts <- fmt.Appendf(nil, stasisStart, i)
	}
	for range min(b.N, atOnce) {
		<-ended
	}
	b.StopTimer()
	b.ReportMetric(float64((cpuTime()-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
	cancel()
	close(starts)
	<-done // with a complaint about the server, which is no Asterisk
}

const stasisStart = `{"type":"StasisStart","application":"linewarden-bench","timestamp":"2026-01-01T00:00:00.000+0000",` +
	`"args":["v1","outbound","default","+12025550111","+12025550142","allowed_not_screened",""],` +
	`"channel":{"id":"17900000.%d","name":"PJSIP/subscriber-00000001","state":"Ring","protocol_id":"a84b4c76e66710",` +
	`"caller":{"name":"","number":"+12025550111"},"connected":{"name":"","number":""},"accountcode":"",` +
	`"dialplan":{"context":"linewarden-ask","exten":"s","priority":9,"app_name":"Stasis","app_data":""},` +
	`"creationtime":"2026-01-01T00:00:00.000+0000","language":"en"},"asterisk_id":"00:00:00:00:00:00"}`

// ari is as much of an Asterisk as a clean call needs: it sends what comes from starts, and answers every request with 200.
func ari(w http.ResponseWriter, r *http.Request, starts <-chan []byte) {
	if !strings.HasSuffix(r.URL.Path, "/events") {
		fmt.Fprint(w, "[]") // at the end: nothing is left waiting
		return
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"ari"}})
	if err != nil {
		return
	}
	defer conn.CloseNow()
	go func() {
		for start := range starts {
			if conn.Write(context.Background(), websocket.MessageText, start) != nil {
				return
			}
		}
	}()
	for {
		_, message, err := conn.Read(context.Background())
		if err != nil {
			return
		}
		var request struct {
			Transaction string `json:"transaction_id"`
			ID          string `json:"request_id"`
			URI         string `json:"uri"`
		}
		if json.Unmarshal(message, &request) != nil {
			return
		}
		body := "{}"
		if strings.HasPrefix(request.URI, "applications") {
			body = `[{"name":"linewarden-bench","channel_ids":[]},{"name":"live-linewarden-bench","channel_ids":[]}]`
		}
		reply := fmt.Appendf(nil, `{"type":"RESTResponse","transaction_id":%q,"request_id":%q,"status_code":200,"reason_phrase":"OK",`+
			`"uri":"","content_type":"application/json","message_body":%q}`, request.Transaction, request.ID, body)
		if conn.Write(context.Background(), websocket.MessageText, reply) != nil {
			return
		}
		if channel, _, ok := strings.Cut(strings.TrimPrefix(request.URI, "channels/"), "/continue"); ok {
			end := fmt.Appendf(nil, `{"type":"StasisEnd","application":"linewarden-bench","channel":{"id":%q}}`, channel)
			if conn.Write(context.Background(), websocket.MessageText, end) != nil {
				return
			}
		}
	}
}

// cpuTime is the processor time that this process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
