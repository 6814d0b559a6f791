-- Takes the lease, or renews it for its holder. The fencing number grows with every change of holder; the clock keeps
-- it growing even after the store lost writes.
-- Atomic: of any number of replicas one holds it.
--
-- KEYS[1]  the lease (hash: holder, until, fence)
-- ARGV     1 holder, 2 how long (ms), 3 now (ms; empty: Redis TIME)
-- Returns  the fencing number, or nil if another holds the lease
local now = tonumber(ARGV[3])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local lease = redis.call('HMGET', KEYS[1], 'holder', 'until', 'fence')
-- Others can write here too: a value that is no number, or further ahead than any lease, does not count.
local function number(text)
  return text and #text <= 15 and text:find('^%d+$') and tonumber(text) or 0
end
local expires, fence = number(lease[2]), number(lease[3])
if lease[1] ~= ARGV[1] then
  if now < expires and expires <= now + 60000 then
    return false
  end
  fence = math.max(fence + 1, now)
end
redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'until', string.format('%.0f', now + ARGV[2]),
  'fence', string.format('%.0f', fence))
return string.format('%.0f', fence)
