-- Appends an event to its scope's log and publishes it. Answers its position, and 1 when it was there before.
local channel, tap = ARGV[1], ARGV[2]
local id, name, attributes, json = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local size, log_ttl, meta_ttl = ARGV[7], ARGV[8], ARGV[9]
local new_epoch, run = ARGV[10], ARGV[11]
-- Absent when it is the first attempt. In a further one: the event that the same publisher sent to this scope before,
-- or an empty string. What is older than that one need not be searched.
local previous_id = ARGV[12]

local SEARCHED_AT_ONCE = 100

-- The offset of this event when an earlier attempt has appended it.
local function offset_from_before(last)
  local from = entry_id(last)
  repeat
    local entries = try('XREVRANGE', KEYS[1], from, '-', 'COUNT', SEARCHED_AT_ONCE) or {}
    for _, entry in ipairs(entries) do
      local found_id = entry[2][2]
      if found_id == id then return tonumber(string.match(entry[1], '^%d+')) end
      if found_id == previous_id then return nil end
      from = '(' .. entry[1]
    end
  until #entries < SEARCHED_AT_ONCE
end

local function append(offset)
  return try('XADD', KEYS[1], 'MAXLEN', '~', size, entry_id(offset), 'i', id, 'n', name, 'a', attributes, 'd', json)
end

local epoch, last = find_head(new_epoch, run)
if previous_id then
  local before = offset_from_before(last)
  if before then return {position(epoch, before), 1} end
end

local offset = last + 1
if not append(offset) then
  begin(new_epoch, run)
  epoch, offset = new_epoch, 1
  append(offset)
end
redis.call('HSET', KEYS[2], 'offset', spell(offset))
redis.call('PEXPIRE', KEYS[1], log_ttl)
redis.call('PEXPIRE', KEYS[2], meta_ttl)

local at = position(epoch, offset)
redis.call('PUBLISH', channel, '1 ' .. at .. ' ' .. id .. ' ' .. name .. ' ' .. attributes .. ' ' .. json)
-- For any other program that listens to Redis. Not being allowed to tell them is no reason to fail.
if tap ~= '' then redis.pcall('PUBLISH', tap, json) end
return {at, 0}
