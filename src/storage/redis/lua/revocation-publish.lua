-- Appends one revocation to the log, within its owner's quota. Not-before kinds are stamped by this server's clock.
-- Atomic so that the quota holds against racers, and the stamp is the instant of the append.
--
-- KEYS[1]  the log (stream), KEYS[2] what the owner has in force (hash: ten minutes in which they end -> how many)
-- ARGV     1 kind (s session, u subject, c client, e everything, k key), 2 id, 3 end (s), 4 not-before (s),
--          5 quota, 6 how far to stamp ahead (s), 7 margin of a not-before's end (s), 8 now (ms; empty: Redis TIME)
-- Returns  {"stored", stream id, end (s), not-before (s)} or {"quota_exceeded"}
local now = tonumber(ARGV[8])
now = now and math.floor(now / 1000) or tonumber(redis.call('TIME')[1])
local kind, ends, stamp = ARGV[1], tonumber(ARGV[3]), 0
if kind == 'u' or kind == 'c' or kind == 'e' then
  stamp = math.max(tonumber(ARGV[4]), now + ARGV[6])
  ends = ends + ARGV[7]
end

local in_force, over = 0, {}
local counts = redis.call('HGETALL', KEYS[2])
for i = 1, #counts, 2 do
  if counts[i] * 600 <= now then
    over[#over + 1] = counts[i]
  else
    in_force = in_force + counts[i + 1]
  end
end
if in_force >= tonumber(ARGV[5]) then
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

local entry = kind .. string.format('%.0f', ends)
if stamp > 0 then
  entry = entry .. '.' .. string.format('%.0f', stamp)
end
local id = redis.call('XADD', KEYS[1], '*', 'r', entry .. ' ' .. ARGV[2])
return { 'stored', id, string.format('%.0f', ends), string.format('%.0f', stamp) }
