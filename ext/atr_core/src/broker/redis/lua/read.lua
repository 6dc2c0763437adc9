-- Answers where a scope's log ends and, when all of them are there, the first of the events that follow a position.
-- Without them, the position is of another log, or some of what follows it is gone.
local new_epoch, run, meta_ttl = ARGV[1], run_of(ARGV[2]), ARGV[3]
-- Absent when only the end is wanted. The position, the last offset that is wanted ('' for all), and the page's limits.
local after_epoch, after_offset, upto = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local max_events, max_bytes = tonumber(ARGV[7]), tonumber(ARGV[8])

-- Read first, before it is known how large they are.
local FIRST_ENTRIES = 8

-- The last offset that the log shares with one of its former epochs.
local function shared_offset(past, epoch)
  return tonumber(string.match(past, epoch .. ':(%d+)')) or -1
end

local function size_of(entry)
  local size = 0
  for _, field in ipairs(entry[2]) do size = size + #field end
  return size
end

-- The entries behind one offset up to another, as many as a page takes. Nothing when one of them is gone.
local function read_page(from, to)
  local page, bytes, wanted = {}, 0, FIRST_ENTRIES
  to = math.min(to, from + max_events)
  while from < to do
    local upto = math.min(from + wanted, to)
    local entries = try('XRANGE', KEYS[1], entry_id(from + 1), entry_id(upto))
    if not entries or #entries ~= upto - from then return nil end
    for _, entry in ipairs(entries) do
      bytes = bytes + size_of(entry)
      if bytes > max_bytes and #page > 0 then return page end
      page[#page + 1] = entry
    end
    from = upto
    wanted = math.max(1, math.floor((max_bytes - bytes) * #page / bytes))
  end
  return page
end

local epoch, last, past = find_head(new_epoch, run)
-- Not needed for the answer, and a replica refuses it.
redis.pcall('PEXPIRE', KEYS[2], meta_ttl)
local head = position(epoch, last)
if not after_epoch then return {head} end

local is_known = after_epoch == epoch or after_offset <= shared_offset(past, after_epoch)
local page = is_known and after_offset <= last and read_page(after_offset, math.min(upto or last, last))
return page and {head, page} or {head}
