package testbed

import (
	"bytes"
	"net"
	"strings"
	"sync"
)

// wire is a telephone's SIP socket. It lets a call carry a From that no SIP library would write or read: requests leave with
// the raw header in place of the library's, and what comes back is given to the library as if it had been its own.
type wire struct {
	net.PacketConn
	serving chan struct{} // closed when the library reads for the first time, and so has taken the socket up
	once    sync.Once

	mu   sync.Mutex
	from map[string]disguise // by Call-ID
}

type disguise struct{ raw, tidy string } // both are header values

func newWire(conn net.PacketConn) *wire {
	return &wire{PacketConn: conn, serving: make(chan struct{}), from: map[string]disguise{}}
}

// disguise makes all requests of a call carry raw where the library wrote tidy.
func (w *wire) disguise(callID string, d disguise) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.from[callID] = d
}

func (w *wire) disguiseOf(message []byte) (disguise, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.from) == 0 {
		return disguise{}, false
	}
	start, end := findHeader(message, "Call-ID", "i")
	_, callID, _ := strings.Cut(string(message[start:end]), ":")
	d, ok := w.from[strings.TrimSpace(callID)]
	return d, ok
}

func (w *wire) WriteTo(message []byte, to net.Addr) (int, error) {
	d, disguised := w.disguiseOf(message)
	if !disguised || isResponse(message) {
		return w.PacketConn.WriteTo(message, to)
	}
	if _, err := w.PacketConn.WriteTo(replaceHeader(message, d.raw, "From", "f"), to); err != nil {
		return 0, err
	}
	return len(message), nil // what the library asked for has been sent
}

func (w *wire) ReadFrom(buffer []byte) (int, net.Addr, error) {
	w.once.Do(func() { close(w.serving) })
	n, from, err := w.PacketConn.ReadFrom(buffer)
	if err != nil {
		return n, from, err
	}
	if d, disguised := w.disguiseOf(buffer[:n]); disguised {
		tidy := replaceHeader(buffer[:n], d.tidy, "To", "t") // in their requests we are the To
		if isResponse(buffer[:n]) {
			tidy = replaceHeader(buffer[:n], d.tidy, "From", "f")
		}
		n = copy(buffer, tidy)
	}
	return n, from, err
}

func isResponse(message []byte) bool { return bytes.HasPrefix(message, []byte("SIP/2.0 ")) }

// findHeader finds the first header of that name, with all lines that continue it but without the line break at its end.
// Without one it gives an empty range.
func findHeader(message []byte, name, short string) (start, end int) {
	head := message
	if i := bytes.Index(message, []byte("\r\n\r\n")); i >= 0 {
		head = message[:i]
	}
	at := 0
	found := false
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		continues := len(line) > 0 && (line[0] == ' ' || line[0] == '\t')
		if found && !continues {
			return start, end
		}
		if key, _, ok := bytes.Cut(line, []byte(":")); ok && !found && !continues {
			key := strings.TrimSpace(string(key))
			if strings.EqualFold(key, name) || strings.EqualFold(key, short) {
				found, start = true, at
			}
		}
		at += len(line)
		if found {
			end = at
		}
		at += len("\r\n")
	}
	if found {
		return start, end
	}
	return 0, 0
}

// replaceHeader gives the message with another value for its first header of that name.
func replaceHeader(message []byte, value, name, short string) []byte {
	start, end := findHeader(message, name, short)
	if start == end {
		return message
	}
	var out bytes.Buffer
	out.Write(message[:start])
	out.WriteString(name + ": " + value)
	out.Write(message[end:])
	return out.Bytes()
}
