package bench

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"time"
)

// serveFastAGI answers Asterisk's AGI requests by TCP: one connection for each call, on which Asterisk says what it knows of the
// call and then takes commands.
func serveFastAGI(list list, ready func(address string)) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ready(listener.Addr().String())
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go answerAGI(conn, list)
	}
}

// answerAGI looks up the calling number and sets the channel variable VERDICT.
func answerAGI(conn net.Conn, list list) {
	defer conn.Close()
	if conn.SetDeadline(time.Now().Add(5*time.Second)) != nil {
		return
	}
	lines := bufio.NewScanner(conn)
	number := ""
	for lines.Scan() && lines.Text() != "" {
		if value, ok := strings.CutPrefix(lines.Text(), "agi_callerid: "); ok {
			number = value
		}
	}
	if _, err := fmt.Fprintf(conn, "SET VARIABLE VERDICT %s\n", list.verdict(context.Background(), number)); err == nil {
		lines.Scan() // 200 result=1
	}
}
