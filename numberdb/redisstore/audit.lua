-- Appends entries to the audit chain, if its head is still the one that they follow: sequence number and hash of that, then of each entry
-- its ID, its bytes and its hash. Otherwise it says what the head is. Numbers are compared as text: Lua's lose digits.
local stream, head = unpack(KEYS)
local seq, hash = redis.call('HGET', head, 'seq') or '0', redis.call('HGET', head, 'hash') or ''
if seq == '0' and redis.call('EXISTS', stream) == 1 then
  return redis.error_reply('AUDITHEADLOST the audit chain has lost its head')
end
if seq ~= ARGV[1] or hash ~= ARGV[2] then return {seq, hash} end
for i = 3, #ARGV, 3 do
  local id, bytes, after = unpack(ARGV, i, i + 2)
  redis.call('XADD', stream, id, 'e', bytes, 'h', after)
  redis.call('HSET', head, 'seq', string.match(id, '^%d+'), 'hash', after)
end
return {}
