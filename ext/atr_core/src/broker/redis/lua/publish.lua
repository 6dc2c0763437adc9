-- Appends an event to its scope's log and publishes it. Answers its position, 1 when it was there before (then without a
-- position when the log has it no more), and what Redis says when it refuses the scope's channel, and the tap.
local channel, tap = ARGV[1], ARGV[2]
local id, name, attributes, json = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local size, log_ttl, meta_ttl = ARGV[7], ARGV[8], ARGV[9]
local new_epoch, run = ARGV[10], run_of(ARGV[11])
-- '-' for the first attempt, '+' for a further one.
local is_further = ARGV[12] == '+'
-- Who publishes, and a number that grows with each event of theirs; both may be absent. By it a further attempt is known,
-- and a first one that was on its way for so long that a further one came before it.
local publisher, number = ARGV[13], tonumber(ARGV[14])

local SEARCHED_AT_ONCE = 100
-- So many publishers of a scope are remembered, with the last number and position of each, in fields of meta.
local PUBLISHER, MAX_PUBLISHERS = 'by:', 32
local OTHER_FIELDS = 4

-- The position of this event, if it is in the log, which ends at this offset.
local function search(epoch, last)
  local from = entry_id(last)
  repeat
    local entries = try('XREVRANGE', KEYS[1], from, '-', 'COUNT', SEARCHED_AT_ONCE) or {}
    for _, entry in ipairs(entries) do
      if entry[2][2] == id then return position(epoch, tonumber(string.match(entry[1], '^%d+'))) end
      from = '(' .. entry[1]
    end
  until #entries < SEARCHED_AT_ONCE
end

-- Whether the event was there before, and its position if that is still known.
local function find_before(epoch, last)
  local done = publisher and try('HGET', KEYS[2], PUBLISHER .. publisher)
  local last_number, at = string.match(done or '', '^(%d+) (.+)$')
  if not last_number then
    at = is_further and search(epoch, last)
    return at, at
  end
  last_number = tonumber(last_number)
  if last_number > number then return true, search(epoch, last) end
  return last_number == number, at
end

-- Notes where the log ends, and who has published that.
local function remember(offset, at)
  if not publisher then return redis.call('HSET', KEYS[2], 'offset', spell(offset)) end
  local field = PUBLISHER .. publisher
  local is_new = redis.call('HSET', KEYS[2], 'offset', spell(offset), field, spell(number) .. ' ' .. at)
  if is_new == 0 or redis.call('HLEN', KEYS[2]) <= OTHER_FIELDS + MAX_PUBLISHERS then return end
  for _, other in ipairs(redis.call('HKEYS', KEYS[2])) do
    if other ~= field and string.sub(other, 1, #PUBLISHER) == PUBLISHER then redis.call('HDEL', KEYS[2], other) end
  end
end

local function append(offset)
  return try('XADD', KEYS[1], 'MAXLEN', '~', size, entry_id(offset), 'i', id, 'n', name, 'a', attributes, 'd', json)
end

local epoch, last = find_head(new_epoch, run)
local is_before, before = find_before(epoch, last)
if is_before then return {before or false, 1} end

local offset = last + 1
if not append(offset) then
  begin(new_epoch, run)
  epoch, offset = new_epoch, 1
  append(offset)
end
local at = position(epoch, offset)
remember(offset, at)
redis.call('PEXPIRE', KEYS[1], log_ttl)
redis.call('PEXPIRE', KEYS[2], meta_ttl)

-- What Redis says when it refuses. The event is in the log by now: it is published, whoever may not be told at once.
local function tell(to, message)
  local told = redis.pcall('PUBLISH', to, message)
  return type(told) == 'table' and told.err
end

local refusal = tell(channel, '1 ' .. at .. ' ' .. id .. ' ' .. name .. ' ' .. attributes .. ' ' .. json)
-- For any other program that listens to Redis.
return {at, 0, refusal, tap ~= '' and tell(tap, json)}
