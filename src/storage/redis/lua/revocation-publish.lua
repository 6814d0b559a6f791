-- Appends one revocation to the log, within its owner's quota. A not-before instant is checked against this server's
-- clock: it must be as far ahead as asked for, or a second more. It is in the entry already, since the MAC covers it.
-- Atomic: the quota holds against racers, and the stamp is the instant of the append.
--
-- KEYS[1]  the log (stream), KEYS[2] what the owner has in force (hash: ten minutes in which they end -> how many)
-- ARGV     1 entry, 2 MAC, 3 end (s), 4 not-before in the entry (s; 0: none), 5 not-before asked for (s), 6 quota,
--          7 how far to stamp ahead (s), 8 now (ms; empty: Redis TIME)
-- Returns  {"stored", stream id}, {"stamp", not-before that the entry should have (s)} or {"quota_exceeded"}
local now = tonumber(ARGV[8])
now = now and math.floor(now / 1000) or tonumber(redis.call('TIME')[1])
local ends, stamp = tonumber(ARGV[3]), tonumber(ARGV[4])
if stamp > 0 then
  local due = math.max(tonumber(ARGV[5]), now + ARGV[7])
  if stamp < due or stamp > due + 1 then
    return { 'stamp', string.format('%.0f', due) }
  end
end

local in_force, over = 0, {}
local counts = redis.call('HGETALL', KEYS[2])
for i = 1, #counts, 2 do
  local is_sound = counts[i]:find('^%d+$') and counts[i + 1]:find('^%d+$') and #counts[i + 1] <= 12
  if not is_sound or counts[i] * 600 <= now then
    over[#over + 1] = counts[i]
  else
    in_force = in_force + counts[i + 1]
  end
end
if in_force >= tonumber(ARGV[6]) then
  return { 'quota_exceeded' }
end
if #over > 0 then
  redis.call('HDEL', KEYS[2], unpack(over, 1, math.min(#over, 1000)))
end
redis.call('HINCRBY', KEYS[2], string.format('%.0f', math.ceil(ends / 600)), 1)
local ttl = (ends - now + 1200) * 1000
if redis.call('PTTL', KEYS[2]) < ttl then
  redis.call('PEXPIRE', KEYS[2], string.format('%.0f', math.max(ttl, 1)))
end
return { 'stored', redis.call('XADD', KEYS[1], '*', 'r', ARGV[1], 'm', ARGV[2]) }
