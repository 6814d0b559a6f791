-- Names a log that has no name yet.
-- Atomic: of any number of replicas one names it.
--
-- KEYS[1]  the state of the log (hash: epoch, swept, ttl:<s>)
-- ARGV     1 epoch to begin
-- Returns  the epoch
local epoch = redis.call('HGET', KEYS[1], 'epoch') -- others can write here too: its shape is checked
if not epoch or #epoch > 32 or not epoch:find('^[%w_-]+$') then
  epoch = ARGV[1]
  redis.call('HSET', KEYS[1], 'epoch', epoch)
end
return epoch
