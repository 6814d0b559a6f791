-- Reads a page of the log. A value longer than any entry comes as an empty one: nobody can fill a
-- replica's memory by appending.
-- A script because sizes must be checked before anything is sent. Atomic: a script always is.
--
-- KEYS[1]  the log (stream)
-- ARGV     1 id after which to read, 2 entries at most, 3 bytes of an entry at most
-- Returns  {id, entry, MAC, id, entry, MAC, ...}
local answer = {}
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', ARGV[2])) do
  local fields = entry[2]
  local is_sound = #fields[2] <= tonumber(ARGV[3]) and #(fields[4] or '') <= tonumber(ARGV[3])
  answer[#answer + 1] = entry[1]
  answer[#answer + 1] = is_sound and fields[2] or ''
  answer[#answer + 1] = is_sound and fields[4] or ''
end
return answer
