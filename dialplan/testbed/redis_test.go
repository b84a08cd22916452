package testbed

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// patience bounds every wait of these tests; reaching it is a failure. Fetching on a slow line is the longest of them.
const patience = 5 * time.Minute

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func startRedis(t *testing.T, args ...string) (*Redis, *redis.Client) {
	t.Helper()
	server := RedisFor(t, RedisOptions{Args: args})
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1})
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return server, client
}

func TestRedisKeepsAcknowledgedWritesThroughKill(t *testing.T) {
	t.Parallel()
	ctx := soon(t)
	server, client := startRedis(t)
	if err := client.Set(ctx, "key", "value", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("tcp", server.Addr()); err == nil {
		t.Fatal("a killed server still accepts connections")
	}
	if server.PID() != 0 {
		t.Error("a killed server has a process id")
	}
	addr := server.Addr()
	if err := server.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	if server.Addr() != addr {
		t.Errorf("after Restart it listens on %s, not on %s", server.Addr(), addr)
	}
	if got, err := client.Get(ctx, "key").Result(); got != "value" || err != nil {
		t.Errorf("after Kill and Restart the key holds %q (%v)", got, err)
	}
}

func TestRedisPauseAndResume(t *testing.T) {
	t.Parallel()
	ctx := soon(t)
	server, client := startRedis(t)
	if err := client.Ping(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	if err := server.Pause(); err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	go func() {
		hanging := redis.NewClient(&redis.Options{Addr: server.Addr(), ContextTimeoutEnabled: true, MaxRetries: -1})
		answered <- errors.Join(hanging.Ping(short).Err(), hanging.Close())
	}()
	if err := <-answered; err == nil {
		t.Error("a paused server answered")
	}
	if err := server.Resume(); err != nil {
		t.Fatal(err)
	}
	if err := client.Ping(ctx).Err(); err != nil {
		t.Errorf("a resumed server does not answer: %v", err)
	}
}

func TestRedisArgsWinOverDefaults(t *testing.T) {
	_, client := startRedis(t, "--cluster-enabled", "yes", "--appendfsync", "everysec")
	info, err := client.ConfigGet(soon(t), "appendfsync").Result()
	if err != nil {
		t.Fatal(err)
	}
	if info["appendfsync"] != "everysec" {
		t.Errorf("appendfsync is %q", info["appendfsync"])
	}
	state, err := client.ClusterInfo(soon(t)).Result()
	if err != nil {
		t.Errorf("cluster mode is off: %v", err)
	}
	t.Log(state)
}

func TestRedisStartFailureShowsTheLog(t *testing.T) {
	server, err := StartRedis(soon(t), RedisOptions{Args: []string{"--no-such-setting", "yes"}})
	if err == nil {
		t.Error("it started with a setting that does not exist", server.Close())
	} else if got := err.Error(); !strings.Contains(got, "no-such-setting") {
		t.Errorf("the error does not show what Redis said: %v", err)
	}
}

func TestCloseLeavesNoFiles(t *testing.T) {
	server, err := StartRedis(soon(t), RedisOptions{})
	if err != nil {
		t.Fatal(err)
	}
	folder := server.scratch.outside
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there (%v)", folder, err)
	}
}
