-- Notes that every partition of the list has its marker, unless it is another list by now.
if redis.call('HGET', KEYS[1], 'id') ~= ARGV[1] then
  return redis.error_reply('ANOTHERLIST the list was replaced while it was created: try again')
end
return redis.call('HSET', KEYS[1], 'complete', 1)
