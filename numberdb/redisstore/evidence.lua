-- Evidence about a number, one hash for both roles, as numberdb.Evidence. Its fields begin with the role's digit.

local NUMBERS = {'short', 'long', 'last', 'forged', 'block', 'warn', 'watch'}
local SCORES = {short = true, long = true, forged = true} -- the others are days

-- readNumber takes whatever is no number that we write for zero: infinity would be halved for ever.
local function readNumber(text, most)
  local n = tonumber(text)
  return n and n >= 0 and n <= most and n or 0
end

local function readScore(text)
  return readNumber(text, 2 ^ 53)
end

local function readDay(text)
  return math.floor(readNumber(text, 65535))
end

local function readEvidence(hash, role)
  local e = {trusted = {}, source = {}, days = {}, brand = hash[role .. 'brand'] or ''}
  if not isBrand(e.brand) then e.brand = '' end
  for _, name in ipairs(NUMBERS) do
    local read = SCORES[name] and readScore or readDay
    e[name] = read(hash[role .. name])
  end
  for field, day in pairs(hash) do
    local of, kind, organisation = string.match(field, '^(%d)(%a+):(.*)$')
    if of == tostring(role) and (kind == 'trusted' or kind == 'source') then e[kind][organisation] = readDay(day) end
  end
  for day in string.gmatch(hash[role .. 'days'] or '', '%d+') do
    e.days[#e.days + 1] = readDay(day)
  end
  return e
end

local function readHash(key)
  local flat, hash = redis.call('HGETALL', key), {}
  for i = 1, #flat, 2 do hash[flat[i]] = flat[i + 1] end
  return hash
end

-- writeEvidence stores the numbers that are not zero or have to become it, and the one organisation that has changed. Redis writes
-- a number of Lua with all its digits.
local function writeEvidence(key, hash, role, e, kind, organisation)
  local fields = {}
  for _, name in ipairs(NUMBERS) do
    if e[name] ~= 0 or hash[role .. name] then
      fields[#fields + 1] = role .. name
      fields[#fields + 1] = e[name]
    end
  end
  if #e.days > 0 then
    fields[#fields + 1] = role .. 'days'
    fields[#fields + 1] = table.concat(e.days, ' ')
  end
  if e.brand ~= '' then
    fields[#fields + 1] = role .. 'brand'
    fields[#fields + 1] = e.brand
  end
  if kind and e[kind][organisation] then
    fields[#fields + 1] = role .. kind .. ':' .. organisation
    fields[#fields + 1] = e[kind][organisation]
  end
  if #fields > 0 then redis.call('HSET', key, unpack(fields)) end
end
