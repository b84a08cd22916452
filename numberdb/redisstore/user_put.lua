-- Stores a person, if their version is one above the stored one's. Where the fourth argument is not negative, it does it only while no more
-- than so many are administrators who can sign in. Who is, or was, a reviewer is remembered for ever.
local users, tokens, reviewers = unpack(KEYS)
local name, version, record, most = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local stored = redis.call('HGET', users, name)
local before = stored and cjson.decode(stored).version or 0
if not stored and redis.call('HEXISTS', tokens, name) == 1 then return 'taken' end
if before + 1 ~= tonumber(version) then return version == '1' and 'taken' or 'changed' end
if most >= 0 then
  for _, other in ipairs(redis.call('HVALS', users)) do
    local u = cjson.decode(other)
    if u.role == 'administrator' and not u.disabled then most = most - 1 end
  end
  if most < 0 then return 'administrator' end
end
if cjson.decode(record).role == 'reviewer' or stored and cjson.decode(stored).role == 'reviewer' then
  redis.call('SADD', reviewers, name)
end
redis.call('HSET', users, name, record)
return 'ok'
