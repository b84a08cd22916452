package bench

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// patience bounds each wait for a program; the machine may stall for whole seconds meanwhile.
const patience = time.Minute

// A helper of another way than Linewarden is this test's own program, started again with helperVar naming what it is to be. It says
// on its standard output where it listens, when it is ready, and ends when its standard input does: with us, however we end.
const (
	helperVar  = "LINEWARDEN_BENCH_HELPER"
	redisVar   = "LINEWARDEN_BENCH_REDIS"
	ariPortVar = "LINEWARDEN_BENCH_ARI_PORT"
)

// helpers are what this program can be started as. Each serves until it fails, and calls ready when it can be asked.
var helpers = map[string]func(list list, ready func(address string)) error{
	"fastagi": serveFastAGI,
	"http":    serveHTTP,
	"ari":     serveARI,
}

func TestMain(m *testing.M) {
	name := os.Getenv(helperVar)
	if name == "" {
		flag.Parse()
		os.Exit(m.Run())
	}
	if err := help(name); err != nil {
		fmt.Fprintf(os.Stderr, "the helper %s: %v\n", name, err)
		os.Exit(1)
	}
}

// help serves until the benchmark ends.
func help(name string) error {
	serve, ok := helpers[name]
	if !ok {
		return errors.New("there is no such helper")
	}
	failed := make(chan error, 2)
	go func() {
		_, err := io.Copy(io.Discard, os.Stdin)
		failed <- err
	}()
	go func() {
		client := redis.NewClient(&redis.Options{Addr: os.Getenv(redisVar)})
		failed <- serve(list{client}, func(address string) { fmt.Println(address) })
	}()
	return <-failed
}

// list is what the other ways ask: a key in Redis for each listed number.
type list struct{ redis *redis.Client }

// Words of the other ways' helpers. What is neither is refused, so that a helper that does not work is noticed.
const (
	clean  = "clean"
	listed = "listed"
)

func listKey(number string) string { return "list:" + number }

// verdict is one of the words above, or empty if Redis did not answer.
func (l list) verdict(ctx context.Context, number string) string {
	switch _, err := l.redis.Get(ctx, listKey(number)).Result(); {
	case err == nil:
		return listed
	case errors.Is(err, redis.Nil):
		return clean
	}
	return ""
}

// startHelper starts this program as a helper that lives as long as the benchmark, and gives its process id and where it listens.
func startHelper(b *testing.B, name, redisAddr string, ariPort int) (pid int, address string) {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperVar+"="+name, redisVar+"="+redisAddr, fmt.Sprintf("%s=%d", ariPortVar, ariPort))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatalf("start the helper %s: %v", name, err)
	}
	b.Cleanup(func() {
		stdin.Close() // an error means that it has ended already, which Wait tells
		if err := cmd.Wait(); err != nil {
			b.Errorf("the helper %s: %v", name, err)
		}
	})
	line := make(chan string, 1)
	go func() {
		text, err := bufio.NewReader(stdout).ReadString('\n')
		if err != nil {
			text = ""
		}
		line <- strings.TrimSpace(text)
	}()
	select {
	case address := <-line:
		if address == "" {
			b.Fatalf("the helper %s did not start", name)
		}
		return cmd.Process.Pid, address
	case <-time.After(patience):
		b.Fatalf("the helper %s did not start within %v", name, patience)
	}
	return 0, ""
}
