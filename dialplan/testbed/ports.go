package testbed

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports come from two ranges below the one from which Linux gives out ports by itself (from 32768), so that no outgoing
// connection of anyone takes a port between our choosing it and a server's binding it, or while a server is down
// between Kill and Restart.
const (
	servicePorts      = 10000 // first of the blocks for SIP, HTTP and Redis
	servicePortsBlock = 16
	rtpPorts          = 16000 // first of the blocks for RTP
	rtpPortsBlock     = 400   // two ports a leg, two legs a call: 100 calls at once
	endOfPorts        = 32000
)

// A portBlock is a run of ports that no other user of this package on this machine (network namespace) gets until it is
// released or the process ends. The claim is the name of an abstract Unix socket: it vanishes with its holder.
type portBlock struct {
	first int
	claim net.Listener
}

func (b *portBlock) release() error { return b.claim.Close() }

func reserveServicePorts() (*portBlock, error) {
	return reservePorts(servicePorts, rtpPorts, servicePortsBlock)
}

func reserveRTPPorts() (*portBlock, error) {
	return reservePorts(rtpPorts, endOfPorts, rtpPortsBlock)
}

// reservePorts claims a block in [low, high) of which no port is in use on loopback.
func reservePorts(low, high, size int) (*portBlock, error) {
	blocks := (high - low) / size
	start := rand.IntN(blocks)
	for i := range blocks {
		first := low + (start+i)%blocks*size
		claim, err := net.Listen("unix", "@linewarden-testbed-ports-"+strconv.Itoa(first))
		if err != nil {
			continue // another testbed has it
		}
		if err := allFree(first, size); err == nil {
			return &portBlock{first, claim}, nil
		} else if closeErr := claim.Close(); closeErr != nil {
			return nil, errors.Join(err, closeErr)
		}
	}
	return nil, fmt.Errorf("no free run of %d ports between %d and %d on 127.0.0.1; end other users of them", size, low, high)
}

func allFree(first, size int) error {
	for port := first; port < first+size; port++ {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		tcp, err := net.Listen("tcp4", addr)
		if err != nil {
			return err
		}
		udp, err := net.ListenPacket("udp4", addr)
		if err := errors.Join(err, tcp.Close()); err != nil {
			return err
		}
		if err := udp.Close(); err != nil {
			return err
		}
	}
	return nil
}
