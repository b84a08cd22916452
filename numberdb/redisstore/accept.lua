-- Notes by which entry of the audit chain people have confirmed the list, unless it is another list by now.
if redis.call('HGET', KEYS[1], 'id') ~= ARGV[1] then
  return redis.error_reply('ANOTHERLIST the list was replaced while it was confirmed: look again')
end
return redis.call('HSET', KEYS[1], 'accepted', ARGV[2])
