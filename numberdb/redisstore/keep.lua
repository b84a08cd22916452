-- Sets fields of one hash of the journal, and when it ends: together, so that nothing can be left that never ends.
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
return redis.call('EXPIREAT', KEYS[1], ARGV[1])
