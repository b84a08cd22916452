-- Removes a token.
local tokens, byHash = unpack(KEYS)
local record = redis.call('HGET', tokens, ARGV[1])
if not record then return 0 end
redis.call('HDEL', byHash, cjson.decode(record).hash)
return redis.call('HDEL', tokens, ARGV[1])
