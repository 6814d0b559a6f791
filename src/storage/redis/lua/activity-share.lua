-- Adds last uses and replaces a replica's report.
-- Atomic: of two replicas' uses of one name the later counts, and recording starts again for all names or for none.
--
-- KEYS[1]  last uses (hash: name -> ms; `since`, `count`); names have a prefix that these two lack
-- KEYS[2]  reports (hash: replica -> "<ms> <report>")
-- ARGV     1 replica, 2 report, 3 most names, 4 life of the hashes (ms), 5 life of a report (ms), 6 now (ms; empty: Redis
--          TIME), then name and instant (ms) of each use
-- Returns  'shared', or 'anew' if there were too many names
local now = tonumber(ARGV[6])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
-- Others can write here too: what is no number counts as absent.
local function number(text)
  return text and #text <= 15 and text:find('^%d+$') and tonumber(text) or nil
end

local names, fresh, later = {}, 0, {}
for at = 7, #ARGV, 2 do names[#names + 1] = ARGV[at] end
local old = #names > 0 and redis.call('HMGET', KEYS[1], unpack(names)) or {}
for index, name in ipairs(names) do
  local before = number(old[index])
  if not before then fresh = fresh + 1 end
  if not before or before < tonumber(ARGV[6 + 2 * index]) then
    later[#later + 1] = name
    later[#later + 1] = ARGV[6 + 2 * index]
  end
end

local answer = 'shared'
local state = redis.call('HMGET', KEYS[1], 'since', 'count')
local since, count = number(state[1]), (number(state[2]) or 0) + fresh
if not since or since > now or count > tonumber(ARGV[3]) then
  if since then answer = 'anew' end
  redis.call('PEXPIRE', KEYS[1], 0)
  since, count, later = now, #names, { unpack(ARGV, 7) }
end
redis.call('HSET', KEYS[1], 'since', string.format('%.0f', since), 'count', string.format('%.0f', count))
if #later > 0 then redis.call('HSET', KEYS[1], unpack(later)) end
redis.call('PEXPIRE', KEYS[1], ARGV[4])

local reports = redis.call('HGETALL', KEYS[2])
for at = 1, #reports, 2 do
  local said = number(reports[at + 1]:match('^%d+'))
  if not said or said <= now - tonumber(ARGV[5]) then redis.call('HDEL', KEYS[2], reports[at]) end
end
redis.call('HSET', KEYS[2], ARGV[1], string.format('%.0f', now) .. ' ' .. ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return answer
