package testbed

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/pion/rtp"
)

// Sound goes in packets of 20 ms, as telephones send it.
const (
	packetTime    = 20 * time.Millisecond
	packetSamples = SampleRate / 50
)

// media is the sound of one call in both directions. It sends from connect on, without a break, as telephones do: silence,
// then what play is given, with digits in between.
type media struct {
	codec Codec
	conn  *net.UDPConn
	heard *recording

	mu     sync.Mutex
	peer   peer         // its addr is not valid before connect
	early  []heldPacket // what came before the other side's description told where its sound comes from
	repeat []int16      // what is being played, over and over; empty for silence

	digits  chan digit
	stop    chan struct{}
	stopped sync.Once
	running sync.WaitGroup
}

type heldPacket struct {
	from   netip.AddrPort
	packet rtp.Packet
}

// digit is one key to be sent, and who waits for that.
type digit struct {
	event uint8
	sent  chan struct{}
}

// openMedia listens on a free port. Nothing is sent before connect.
func openMedia(codec Codec, grown func()) (*media, error) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		return nil, fmt.Errorf("opening a port for RTP: %w", err)
	}
	m := &media{codec: codec, conn: conn, heard: &recording{codec: codec, grown: grown},
		digits: make(chan digit), stop: make(chan struct{})}
	m.running.Go(m.receive)
	return m, nil
}

func (m *media) port() int { return m.conn.LocalAddr().(*net.UDPAddr).Port }

// connect tells where the other side is. The first call starts the sending, later ones move it.
func (m *media) connect(to peer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	first := !m.peer.addr.IsValid()
	m.peer = to
	for _, held := range m.early {
		if held.from == to.addr {
			m.heard.add(&held.packet)
		}
	}
	m.early = nil
	if first {
		select {
		case <-m.stop:
		default:
			m.running.Go(m.send)
		}
	}
}

// play plays a sound over and over instead of silence.
func (m *media) play(sound []int16) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.repeat = sound
}

// close stops both directions and waits for their end. The recording stays.
func (m *media) close() error {
	var err error
	m.stopped.Do(func() {
		m.mu.Lock() // no connect may start the sending after this
		close(m.stop)
		m.mu.Unlock()
		err = m.conn.Close()
	})
	m.running.Wait()
	return err
}

// The most packets kept before the other side's description has come: two seconds.
const mostHeld = 100

func (m *media) receive() {
	buffer := make([]byte, 1500)
	for {
		n, from, err := m.conn.ReadFromUDPAddrPort(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // such as an ICMP answer to what we sent
		}
		var packet rtp.Packet
		if packet.Unmarshal(append([]byte{}, buffer[:n]...)) != nil || packet.PayloadType != m.codec.payloadType() {
			continue // RTCP, telephone-event, comfort noise, or strangers
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		m.mu.Lock()
		switch known := m.peer.addr; {
		case !known.IsValid() && len(m.early) < mostHeld:
			m.early = append(m.early, heldPacket{from, packet})
		case known == from:
			m.heard.add(&packet)
		}
		m.mu.Unlock()
	}
}

// send sends one packet each 20 ms until close. When the machine stalls the stream is late, not broken.
func (m *media) send() {
	clock := time.NewTicker(packetTime)
	defer clock.Stop()
	out := rtp.Packet{Header: rtp.Header{Version: 2, Marker: true, SSRC: rand.Uint32(),
		SequenceNumber: uint16(rand.Uint32()), Timestamp: rand.Uint32()}}
	position := 0
	var key *keyPress
	for {
		select {
		case <-m.stop:
			return
		case <-clock.C:
		}
		digits := m.digits
		if key != nil {
			digits = nil // one at a time
		}
		select {
		case next := <-digits:
			key = &keyPress{digit: next, start: out.Timestamp}
		default:
		}
		m.mu.Lock()
		to, sound := m.peer, m.repeat
		m.mu.Unlock()
		packet := out
		if key != nil && key.sending() {
			key.fill(&packet, to.eventType)
		} else {
			packet.PayloadType = m.codec.payloadType()
			packet.Payload, position = m.frame(sound, position)
		}
		m.write(&packet, to.addr)
		out.SequenceNumber++
		out.Timestamp += packetSamples
		out.Marker = false
		if key != nil && key.step() {
			key = nil
		}
	}
}

// frame encodes the next 20 ms of a repeated sound.
func (m *media) frame(sound []int16, position int) ([]byte, int) {
	payload := make([]byte, packetSamples)
	for i := range payload {
		sample := int16(0)
		if len(sound) > 0 {
			position %= len(sound)
			sample = sound[position]
			position++
		}
		payload[i] = m.codec.encode(sample)
	}
	return payload, position
}

// write sends one packet. Losing it is no error: that is what UDP does.
func (m *media) write(packet *rtp.Packet, to netip.AddrPort) {
	if wire, err := packet.Marshal(); err == nil {
		_, _ = m.conn.WriteToUDPAddrPort(wire, to)
	}
}

// A keyPress is a digit on its way as RFC 4733 telephone-events: 160 ms of tone, its last packet sent three times, and a
// pause of 100 ms before the next.
type keyPress struct {
	digit
	start  uint32 // its RTP timestamp, the same in all its packets
	packet int    // how many packet times have passed
}

const (
	keyPackets   = 8
	keyEnds      = 3
	pausePackets = 5
)

func (k *keyPress) sending() bool { return k.packet < keyPackets+keyEnds-1 }

// fill makes the packet one of the event's.
func (k *keyPress) fill(packet *rtp.Packet, eventType uint8) {
	const end, volume = 0x80, 10 // volume in dBm0, without the sign
	packet.Timestamp = k.start
	packet.PayloadType = eventType
	packet.Marker = k.packet == 0
	flags := byte(volume)
	if k.packet >= keyPackets-1 {
		flags |= end
	}
	duration := uint16(min(k.packet+1, keyPackets) * packetSamples)
	packet.Payload = binary.BigEndian.AppendUint16([]byte{k.event, flags}, duration)
}

// step counts one packet time and tells whether the key and the pause after it are over. The key counts as sent with the
// first packet that says its end: the other side may hang up at that.
func (k *keyPress) step() bool {
	k.packet++
	if k.packet == keyPackets {
		close(k.sent)
	}
	return k.packet >= keyPackets+keyEnds-1+pausePackets
}

// press sends digits and returns when the last one has been sent.
func (m *media) press(ctx context.Context, digits string) error {
	const keys = "0123456789*#ABCD" // in the order of RFC 4733, table 3
	m.mu.Lock()
	to := m.peer
	m.mu.Unlock()
	if !to.addr.IsValid() {
		return errors.New("there is no sound in this direction yet: wait for early media or an answer")
	}
	if to.eventType == 0 {
		return errors.New("the other side takes no telephone-events")
	}
	for i, key := range strings.ToUpper(digits) {
		event := strings.IndexRune(keys, key)
		if event < 0 {
			return fmt.Errorf("%q is no key", key)
		}
		d := digit{uint8(event), make(chan struct{})}
		select {
		case m.digits <- d:
		case <-m.stop:
			return ErrEnded
		case <-ctx.Done():
			return ctx.Err()
		}
		select {
		case <-d.sent:
		case <-m.stop:
			if i < len(digits)-1 {
				return ErrEnded
			}
			// The other side hung up because of the last key.
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
