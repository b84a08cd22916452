-- Says which buckets of a partition hold anything, by their place in KEYS.
local full = {}
for i, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then full[#full + 1] = i - 1 end
end
return full
