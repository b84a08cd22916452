-- Gives a token by its hash, its owner if it has one, and how often it was used in this minute, with this use.
local users, tokens, byHash, uses = unpack(KEYS)
local hash = ARGV[1]
local name = redis.call('HGET', byHash, hash)
local record = name and redis.call('HGET', tokens, name)
if not record then return {} end
local owner = cjson.decode(record).owner
local count = redis.call('INCR', uses)
redis.call('EXPIRE', uses, 120)
return {record, owner and redis.call('HGET', users, owner) or '', count}
