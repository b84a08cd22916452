package redisstore

import (
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// A position is the ID of an entry in a partition's stream of changes: all changes up to it are known. It may be the ID of one that is gone,
// if nothing came after it.

// start is the position before the first change.
const start = "0-0"

// isPosition says whether a text that a caller kept is a position.
func isPosition(s string) bool {
	ms, seq, found := strings.Cut(s, "-")
	_, err1 := strconv.ParseUint(ms, 10, 64)
	_, err2 := strconv.ParseUint(seq, 10, 64)
	return found && err1 == nil && err2 == nil
}

// end is the position behind all changes in a stream.
func end(info *redis.XInfoStream) string {
	switch {
	case info.Length > 0:
		return info.LastEntry.ID
	case info.LastGeneratedID != "":
		return info.LastGeneratedID // every entry is gone
	}
	return start
}

// streamInfo is the answer to a question about a stream. One that nothing was ever added to is an empty one.
func streamInfo(answer *redis.XInfoStreamCmd) (*redis.XInfoStream, error) {
	info, err := answer.Result()
	if redis.HasErrorPrefix(err, "no such key") {
		return &redis.XInfoStream{}, nil
	}
	return info, err
}
