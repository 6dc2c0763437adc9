-- The beginning of both scripts: a scope's log, and where it ends.
-- KEYS 1 log: a stream, whose entry "<offset>-0" is the event with this offset: i id, n name, a attributes, d JSON
-- KEYS 2 meta: a hash; epoch, offset of the last event, run (see run_of), past
-- past: earlier epochs of the same log, newest first, each with the last offset that this log shares with it

local EPOCH_PATTERN, EPOCH_LENGTH = '^[0-9a-f]+$', 16
local OFFSET_PATTERN, MAX_OFFSET = '^%d+$', 2 ^ 53 - 1
-- About eight epochs. Cut within one of them, its offset is a lower one: still shared.
local MAX_PAST_BYTES = 272
local UNKNOWN_RUN = '-'
-- So much of it is enough to tell two histories apart.
local REPLID_PATTERN, REPLID_LENGTH = 'master_replid:(%x+)', 16
local NOT_OURS = {'WRONGTYPE', 'equal or smaller', 'exhausted'}

-- Runs a command. Nothing when somebody else has put something there that it cannot work with.
local function try(...)
  local answer = redis.pcall(...)
  if type(answer) ~= 'table' or not answer.err then return answer end
  for _, text in ipairs(NOT_OURS) do
    if string.find(answer.err, text, 1, true) then return nil end
  end
  -- Once more, so that the error is raised as this version of Redis raises it.
  return redis.call(...)
end

-- tostring writes large numbers with an exponent.
local function spell(offset)
  return string.format('%.0f', offset)
end

local function position(epoch, offset)
  return epoch .. ':' .. spell(offset)
end

local function entry_id(offset)
  return spell(offset) .. '-0'
end

-- Which Redis writes: its process, and the history of its data, which becomes another one whenever a process begins to be
-- a primary. Only the script can tell: a connection that outlives the change does not hear of it.
local function run_of(process)
  local info = process ~= UNKNOWN_RUN and redis.pcall('INFO', 'replication')
  local history = type(info) == 'string' and string.match(info, REPLID_PATTERN)
  return history and process .. '.' .. string.sub(history, 1, REPLID_LENGTH) or process
end

-- Begins the log. HSET is the first to write where it can be: a Redis without memory refuses it, and nothing is done.
local function begin(epoch, run)
  if not try('HSET', KEYS[2], 'epoch', epoch, 'offset', '0', 'run', run) then
    redis.call('DEL', KEYS[2])
    redis.call('HSET', KEYS[2], 'epoch', epoch, 'offset', '0', 'run', run)
  end
  redis.call('HDEL', KEYS[2], 'past')
  redis.call('DEL', KEYS[1])
end

local function is_whole(epoch, offset)
  return epoch and #epoch == EPOCH_LENGTH and string.find(epoch, EPOCH_PATTERN)
    and offset and string.find(offset, OFFSET_PATTERN) and tonumber(offset) < MAX_OFFSET
end

-- The log's epoch, the offset of its last event and its past. Makes the log when there is none. When it was written
-- in another run, events behind this offset may have been lost: what comes next has another epoch, with this one as past.
local function find_head(new_epoch, run)
  local meta = try('HMGET', KEYS[2], 'epoch', 'offset', 'run', 'past') or {}
  local epoch, offset, past = meta[1], meta[2], meta[4] or ''
  if not is_whole(epoch, offset) then
    begin(new_epoch, run)
    return new_epoch, 0, ''
  end
  offset = tonumber(offset)
  if run ~= UNKNOWN_RUN and run ~= meta[3] then
    past = string.sub(position(epoch, offset) .. ' ' .. past, 1, MAX_PAST_BYTES)
    epoch = new_epoch
    redis.call('HSET', KEYS[2], 'epoch', epoch, 'run', run, 'past', past)
  end
  return epoch, offset, past
end

