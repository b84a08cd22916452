-- Sets or takes off one mark.
local bucket, changes, decisions = unpack(KEYS)
local field, filed, audit, mark, on, longest = unpack(ARGV)
mark = tonumber(mark)

local listing, raw, corrupt = fetch(bucket, field)
if not listing then return NEWER end
if has(listing.marks, mark) then listing.marks = listing.marks - mark end
if on == '1' then listing.marks = listing.marks + mark end
redis.call('XADD', decisions, '*', 'm', filed, 'a', audit)
return {keep(bucket, changes, field, listing, raw, longest), corrupt}
