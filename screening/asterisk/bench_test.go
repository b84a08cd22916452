package asterisk

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// BenchmarkCleanCall is one call from StasisStart to StasisEnd with one continue, against a server in this process that answers from
// prepared bytes. Calls go one after the other, so ns/op is the time from start to end, with two trips through loopback.
// The server's own allocations are a part of allocs/op; BenchmarkServer shows that there are none.
func BenchmarkCleanCall(b *testing.B) {
	for _, parallel := range []int{1, 64} {
		b.Run(map[int]string{1: "one by one", 64: "64 at once"}[parallel], func(b *testing.B) {
			s := newBenchServer(b)
			ended := make(chan string, parallel)
			failed := make(chan error, 1)
			c, err := New(s.config(), func(ctx context.Context, ch *Channel) {
				if err := ch.Continue(ctx, Place{Context: "linewarden-verdict", Extension: "allow_clean", Priority: 1}); err != nil {
					select {
					case failed <- err:
					default:
					}
				}
				ended <- ch.ID()
			})
			if err != nil {
				b.Fatal(err)
			}
			ctx, stop := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() { done <- c.Run(ctx) }()
			conn := <-s.ready
			(&running{Client: c, t: b}).connected()

			// A channel that has ended starts again.
			starts := make(map[string][]byte)
			free := make([]string, parallel)
			for i := range free {
				free[i] = fmt.Sprintf("1795293534.%d", i)
				starts[free[i]] = bytes.ReplaceAll([]byte(captured[0]), []byte("1795293534.1"), []byte(free[i]))
			}
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				if len(free) == 0 {
					free = append(free, <-ended)
				}
				id := free[len(free)-1]
				free = free[:len(free)-1]
				if err := conn.Write(context.Background(), websocket.MessageText, starts[id]); err != nil {
					b.Fatal(err)
				}
			}
			for len(free) < parallel {
				free = append(free, <-ended)
			}
			b.StopTimer()
			select {
			case err := <-failed:
				b.Fatal(err)
			default:
			}
			stop()
			<-done
		})
	}
}

// BenchmarkServer is what the server of BenchmarkCleanCall and the network cost by themselves: one message each way.
func BenchmarkServer(b *testing.B) {
	s := newBenchServer(b)
	conn, _, err := websocket.Dial(context.Background(), "ws"+s.srv.URL[len("http"):], nil)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.CloseNow()
	request := []byte(`{"type":"RESTRequest","request_id":"123456","method":"GET","uri":"applications/linewarden-a"}`)
	var buf bytes.Buffer
	b.ReportAllocs()
	for b.Loop() {
		if err := conn.Write(context.Background(), websocket.MessageText, request); err != nil {
			b.Fatal(err)
		}
		_, r, err := conn.Reader(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		buf.Reset()
		if _, err := buf.ReadFrom(r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for i, name := range []string{"StasisStart", "RESTResponse", "ChannelDtmfReceived", "PlaybackFinished", "CallBroadcast"} {
		b.Run(name, func(b *testing.B) {
			raw := []byte(captured[i])
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := decode(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// benchServer answers every request on the websocket with 200, from bytes that it has ready.
type benchServer struct {
	srv   *httptest.Server
	ready chan *websocket.Conn
}

func newBenchServer(b *testing.B) *benchServer {
	s := &benchServer{ready: make(chan *websocket.Conn, 1)}
	s.srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"ari"}})
		if err != nil {
			return
		}
		s.ready <- conn
		b.Cleanup(func() { conn.CloseNow() })
		var in bytes.Buffer
		var out, end []byte
		for {
			_, r, err := conn.Reader(context.Background())
			if err != nil {
				return
			}
			in.Reset()
			if _, err := in.ReadFrom(r); err != nil {
				return
			}
			_, id, _ := bytes.Cut(in.Bytes(), []byte(`"request_id":"`))
			id, rest, _ := bytes.Cut(id, []byte(`"`))
			out = append(out[:0], `{"type":"RESTResponse","transaction_id":"","request_id":"`...)
			out = append(out, id...)
			out = append(out, `","status_code":200,"reason_phrase":"OK","uri":"x","message_body":"[{\"name\":\"linewarden-a\"},{\"name\":\"live-linewarden-a\"}]","application":"linewarden-a"}`...)
			if _, uri, ok := bytes.Cut(rest, []byte(`"uri":"channels/`)); ok {
				channel, _, _ := bytes.Cut(uri, []byte("/"))
				end = append(append(append(end[:0], `{"type":"StasisEnd","channel":{"id":"`...), channel...), `"},"application":"linewarden-a"}`...)
				if conn.Write(context.Background(), websocket.MessageText, end) != nil {
					return
				}
			}
			if conn.Write(context.Background(), websocket.MessageText, out) != nil {
				return
			}
		}
	}))
	b.Cleanup(s.srv.Close)
	return s
}

func (s *benchServer) config() Config {
	return Config{URL: s.srv.URL + "/ari", App: "linewarden-a", Username: "lw", Password: "secret", Transport: TransportWebsocket,
		PatrolInterval: time.Hour, PingInterval: time.Hour, RequestTimeout: time.Minute, DrainTimeout: time.Second}
}
