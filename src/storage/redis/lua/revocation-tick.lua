-- A replica's heartbeat: where the log stands, which server holds it, its clock, and replicas' session_ttls. Writes
-- nothing: a Redis that is full or read-only must not stop a replica from following.
-- Atomic: the answer is one moment's.
--
-- KEYS[1]  the log (stream), KEYS[2] the state of the log (hash: epoch, swept, ttl:<s>)
-- ARGV     1 now (ms; empty: Redis TIME)
-- Returns  {epoch (empty: none), incarnation of the server and its data, last id ever given, now (ms), then for each
--          session_ttl its field and until when sessions of it begin (s)}
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local server, replication, incarnation = redis.pcall('INFO', 'server'), redis.pcall('INFO', 'replication'), ''
if type(server) == 'string' and type(replication) == 'string' then
  incarnation = (server:match('run_id:(%w+)') or '') .. '.' .. (replication:match('master_replid:(%w+)') or '')
end
local epoch = redis.call('HGET', KEYS[2], 'epoch') -- others can write here too: its shape is checked
if not epoch or #epoch > 32 or not epoch:find('^[%w_-]+$') then
  epoch = ''
end
local answer = { epoch, incarnation, '0-0', string.format('%.0f', now) }
local known = redis.call('HGETALL', KEYS[2])
for i = 1, #known, 2 do
  if known[i]:find('^ttl:%d+$') and #known[i] <= 16 and #known[i + 1] <= 16 and #answer < 200 then
    answer[#answer + 1] = known[i]
    answer[#answer + 1] = known[i + 1]
  end
end
if redis.call('EXISTS', KEYS[1]) == 0 then
  return answer
end
local info = redis.call('XINFO', 'STREAM', KEYS[1])
for i = 1, #info, 2 do
  if info[i] == 'last-generated-id' then
    answer[3] = info[i + 1]
  end
end
return answer
