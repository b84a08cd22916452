-- Sets what is known of a company, if nobody has done so since the version that the change was made from; '0' says that there is none yet.
local companies = KEYS[1]
local slug, version, text = unpack(ARGV)
local there = redis.call('HGET', companies, slug)
local current = there and string.match(there, '^%d+') or '0'
if current ~= version then return redis.error_reply('OUTDATED somebody else was faster') end
redis.call('HSET', companies, slug, string.format('%.0f ', version + 1) .. text)
return 1
