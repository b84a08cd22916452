-- Stores a new token, unless its name is a person's or another token's.
local users, tokens, byHash = unpack(KEYS)
local name, hash, record = unpack(ARGV)
if redis.call('HEXISTS', tokens, name) == 1 or redis.call('HEXISTS', users, name) == 1 or redis.call('HEXISTS', byHash, hash) == 1 then return 'taken' end
redis.call('HSET', tokens, name, record)
redis.call('HSET', byHash, hash, name)
return 'ok'
