-- Counts an attempt as if it had failed, unless there may be none now (access.Lockout): then it says for how many milliseconds. An attempt that
-- comes too early is not counted, so that nobody is kept out by others who keep trying.
local now, free, first, longest, keep = unpack(ARGV)
now, free, first, longest = tonumber(now), tonumber(free), tonumber(first), tonumber(longest)
local state = redis.call('HMGET', KEYS[1], 'failed', 'until')
local failed, till = tonumber(state[1] or '0') + 1, tonumber(state[2] or '0')
if till > now then return math.min(till - now, longest) end
local delay = 0
if free > 0 and failed >= free then delay = math.min(first * 2 ^ (failed - free), longest) end
redis.call('HSET', KEYS[1], 'failed', failed, 'until', string.format('%.0f', now + delay))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', delay + keep))
return 0
