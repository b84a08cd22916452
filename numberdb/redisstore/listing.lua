-- The binary form of a listing (numberdb/encoding.go), read and written without the struct and bit libraries, which not every
-- Redis has. A listing is {marks = n, [role + 1] = {over, class, days, brand}}; days are those of numberdb.RoleListing in the
-- order override, block, warn, watch.

local EMPTY = '\1\0'

local function has(set, bit)
  return math.floor(set / bit) % 2 == 1
end

-- isBrand is numberdb.Brand.Valid, of a brand that is there.
local function isBrand(text)
  return #text <= 32 and string.find(text, '^[a-z0-9-]+$') ~= nil
end

local function decodeRole(s, at)
  local head, follows = string.byte(s, at, at + 1)
  if not follows or head >= 32 or follows >= 32 then return nil end
  local r = {over = head % 8, class = math.floor(head / 8), days = {0, 0, 0, 0}, brand = ''}
  if r.over > 5 or r.class > 2 then return nil end
  at = at + 2
  for i = 1, 4 do
    if has(follows, 2 ^ (i - 1)) then
      local high, low = string.byte(s, at, at + 1)
      if not low or high + low == 0 then return nil end
      r.days[i] = high * 256 + low
      at = at + 2
    end
  end
  if has(follows, 16) then
    local length = string.byte(s, at)
    if not length then return nil end
    r.brand = string.sub(s, at + 1, at + length)
    if #r.brand ~= length or not isBrand(r.brand) then return nil end
    at = at + 1 + length
  end
  if head == 0 and follows == 0 then return nil end
  return r, at
end

local function blank()
  return {over = 0, class = 0, days = {0, 0, 0, 0}, brand = ''}
end

-- decode gives the listing, or nil if the bytes are none.
local function decode(s)
  local version, head = string.byte(s, 1, 2)
  if version ~= 1 or not head or head >= 64 or math.floor(head / 4) % 4 ~= 0 then return nil end
  local l, at = {marks = math.floor(head / 16), blank(), blank()}, 3
  for role = 1, 2 do
    if has(head, role) then
      l[role], at = decodeRole(s, at)
      if not l[role] then return nil end
    end
  end
  if at ~= #s + 1 then return nil end
  return l
end

local function encodeRole(r)
  local follows, tail = 0, ''
  for i, day in ipairs(r.days) do
    if day ~= 0 then
      follows = follows + 2 ^ (i - 1)
      tail = tail .. string.char(math.floor(day / 256), day % 256)
    end
  end
  if r.brand ~= '' then
    follows = follows + 16
    tail = tail .. string.char(#r.brand) .. r.brand
  end
  local head = r.over + r.class * 8
  if head + follows == 0 then return nil end
  return string.char(head, follows) .. tail
end

local function encode(l)
  local head, tail = l.marks * 16, ''
  for role = 1, 2 do
    local r = encodeRole(l[role])
    if r then
      head = head + role
      tail = tail .. r
    end
  end
  return string.char(1, head) .. tail
end

-- fetch gives the listing of a target, its bytes, and whether they were corrupt, which counts as unlisted. Bytes of a newer
-- version must not be overwritten by us.
local function fetch(key, field)
  local raw = redis.call('HGET', key, field)
  if not raw then return {marks = 0, blank(), blank()}, EMPTY, 0 end
  local l = decode(raw)
  if l then return l, raw, 0 end
  local version = string.byte(raw)
  if version and version > 1 and version <= 15 then return nil end
  return {marks = 0, blank(), blank()}, raw, 1
end

-- store sets the bytes of a listing, and tells all followers.
local function store(key, changes, field, after, longest)
  if after == EMPTY then
    redis.call('HDEL', key, field)
  else
    redis.call('HSET', key, field, after)
  end
  redis.call('XADD', changes, 'MAXLEN', '~', longest, '*', 't', field, 'l', after)
end

-- keep stores a listing if that changes its bytes.
local function keep(key, changes, field, l, before, longest)
  local after = encode(l)
  if after ~= before then store(key, changes, field, after, longest) end
  return after
end

local NEWER = redis.error_reply('NEWERFORMAT the listing was written by a newer version')

-- inForce says whether a person's decision is in force, standing what holds on the day.
local function inForce(r, today)
  return r.over ~= 0 and (r.days[1] == 0 or today < r.days[1])
end

local function standing(r, today)
  if inForce(r, today) then return r.over end
  if today < r.days[2] then return 3 end
  if today < r.days[3] then return 2 end
  if today < r.days[4] then return 1 end
  return 0
end

-- setEnds sets the ends of block, warn and watch, each the later of two. A role about which nothing is left to say is blank.
local function setEnds(r, a, b)
  for i = 1, 3 do
    r.days[i + 1] = math.max(a[i], b[i])
  end
  if r.over == 0 and r.days[2] + r.days[3] + r.days[4] == 0 then
    r.class, r.brand, r.days = 0, '', {0, 0, 0, 0}
  end
end
