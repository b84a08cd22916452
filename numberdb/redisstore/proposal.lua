-- Writes a proposal, new or changed, if it still has the version that the change was made from; 0 says that it is new. KEYS are the proposal,
-- the index of all, those of its state before and after, and that of what was approved and is not applied.
local proposal, all, before, after, unapplied = unpack(KEYS)
local id, version, text, waits, ttl = unpack(ARGV)
if (redis.call('HGET', proposal, 'v') or '0') ~= version then
  return redis.error_reply('SETTLED somebody else was faster')
end
redis.call('HSET', proposal, 'v', string.format('%.0f', version + 1), 'j', text)
redis.call('ZREM', before, id)
redis.call('ZADD', after, 0, id)
redis.call('ZADD', all, 0, id)
if waits == '1' then
  redis.call('ZADD', unapplied, 0, id)
else
  redis.call('ZREM', unapplied, id)
end
if ttl ~= '0' then redis.call('EXPIRE', proposal, ttl) end
return 1
