-- Gives the lease up if the holder has it. The fencing number stays.
-- Atomic: another holder's lease must stay.
--
-- KEYS[1]  the lease (hash: holder, until, fence)
-- ARGV     1 holder
-- Returns  "released" or "not_held"
if redis.call('HGET', KEYS[1], 'holder') ~= ARGV[1] then
  return 'not_held'
end
redis.call('HSET', KEYS[1], 'until', '0')
return 'released'
