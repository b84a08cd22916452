-- Appends entries to the audit chain, if its head is still the one that they follow: the writer's name, sequence number and hash of that,
-- then of each entry its ID, its bytes and its hash. Otherwise it says what the head is, and whether the writer now has the turn: nobody else
-- appends while they work out their hashes anew, for a tenth of a second at most. Numbers are compared as text: Lua's lose digits.
local stream, head = unpack(KEYS)
local writer = ARGV[1]
local seq, hash = redis.call('HGET', head, 'seq') or '0', redis.call('HGET', head, 'hash') or ''
if seq == '0' and redis.call('EXISTS', stream) == 1 then
  return redis.error_reply('AUDITHEADLOST the audit chain has lost its head')
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local turn = redis.call('HGET', head, 'turn')
if turn and now >= tonumber(redis.call('HGET', head, 'until')) then turn = nil end
if turn and turn ~= writer then return {seq, hash, 0} end
if seq ~= ARGV[2] or hash ~= ARGV[3] then
  redis.call('HSET', head, 'turn', writer, 'until', string.format('%.0f', now + 100))
  return {seq, hash, 1}
end
for i = 4, #ARGV, 3 do
  local id, bytes, after = unpack(ARGV, i, i + 2)
  redis.call('XADD', stream, id, 'e', bytes, 'h', after)
  redis.call('HSET', head, 'seq', string.match(id, '^%d+'), 'hash', after)
end
redis.call('HDEL', head, 'turn', 'until')
return {}
