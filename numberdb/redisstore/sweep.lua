-- Replaces listings in one bucket, unless they have changed since they were read: field, bytes then, bytes now ...
local bucket, changes = unpack(KEYS)
local swept = 0
for i = 2, #ARGV, 3 do
  local field, before, after = unpack(ARGV, i, i + 2)
  if redis.call('HGET', bucket, field) == before then
    store(bucket, changes, field, after, ARGV[1])
    swept = swept + 1
  end
end
return swept
