-- Removes entries past their end, a bounded number from where the last sweep stopped, on any replica; never one in force.
-- Atomic: two replicas do not sweep the same entries. It removes before it writes: a full Redis gets room.
--
-- KEYS[1]  the log (stream), KEYS[2] the state of the log (hash: epoch, swept, ttl:<s>)
-- ARGV     1 entries to look at, 2 slack after an entry's end (s), 3 now (ms; empty: Redis TIME)
-- Returns  how many were removed
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
local now = tonumber(ARGV[3])
now = now and math.floor(now / 1000) or tonumber(redis.call('TIME')[1])
local swept, over = redis.call('HGET', KEYS[2], 'swept') or '-', {}
local entries = redis.pcall('XRANGE', KEYS[1], swept, '+', 'COUNT', ARGV[1])
if entries.err then
  entries = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[1])
end
for _, entry in ipairs(entries) do
  local ends = entry[2][2]:match('^%a(%d+)')
  if ends and ends + ARGV[2] <= now then
    over[#over + 1] = entry[1]
  end
end
if #over > 0 then
  redis.call('XDEL', KEYS[1], unpack(over))
end
local is_at_end = #entries < tonumber(ARGV[1])
redis.call('HSET', KEYS[2], 'swept', is_at_end and '-' or entries[#entries][1])
return #over
