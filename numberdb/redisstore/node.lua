-- Keeps what a node tells of itself for some seconds, and when it did so by the clock of Redis, which all nodes share: the node's key and the index, then
-- its name, the seconds and the record. Nodes that have been silent for longer leave the index.
local now = tonumber(redis.call('TIME')[1])
redis.call('SET', KEYS[1], ARGV[3], 'EX', ARGV[2])
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[2])
return redis.call('EXPIRE', KEYS[2], ARGV[2])
