package asterisk

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// noticing is how long Asterisk may take to notice that our websocket is gone. If it still shows us as connected then, another
// process has taken our name, and our calls with it.
const noticing = 2 * time.Second

// releaseLeftovers releases calls that came in while the connection was being closed, or whose handler did not end in time. It asks
// by HTTP, since the websocket is gone; Asterisk takes a moment to notice that, and until then calls may still come in.
func (c *Client) releaseLeftovers(ctx context.Context) error {
	plain := c.plainHTTP(nil)
	counted := make(map[string]struct{})
	for began := time.Now(); ; {
		a, _, err := c.applications(ctx, plain)
		switch {
		case err != nil:
			c.log.Warn("Asterisk does not say whether calls are left waiting", "error", err)
			return nil
		case a.live && time.Since(began) > noticing:
			return nil
		case a.live:
		case len(a.channels) == 0:
			return nil
		}
		for _, id := range a.channels {
			if a.live {
				break
			}
			err = errors.Join(err, c.free(ctx, plain, id))
			if _, again := counted[id]; !again {
				counted[id] = struct{}{}
				c.metrics.released[releaseLeftover].Inc()
			}
		}
		sleep(ctx, 50*time.Millisecond)
		switch {
		case ctx.Err() == nil:
		case a.live:
			return nil
		default:
			return errors.Join(fmt.Errorf("asterisk: %d calls are left waiting", len(a.channels)), err)
		}
	}
}

// awaitName waits until it may be worth to connect again after another process took our name. As long as that one is connected, we
// do not: two processes that each throw the other out would handle no call at all. The waits grow, for the case that the other is
// not an instance of ours and does not show that it is connected.
func (c *Client) awaitName(ctx context.Context) {
	plain := c.plainHTTP(nil)
	c.replaced = min(c.replaced+1, 8)
	wait := c.cfg.ReplacedWait << (c.replaced - 1)
	for ctx.Err() == nil {
		sleep(ctx, wait/2+rand.N(wait/2+1))
		a, _, err := c.applications(ctx, plain)
		if err != nil || !a.live {
			return
		}
		wait = c.cfg.ReplacedWait
	}
}
