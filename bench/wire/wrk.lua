-- Requests that all differ, from the table in the first argument; answers verified.
-- Every answer's status and length is checked, the checksum of every eighth.
-- Counted is what is answered from the second argument on and before the third, in milliseconds since 1970.
local ffi = require("ffi")
ffi.cdef("typedef struct { long seconds; long micros; } time_of_day; int gettimeofday(time_of_day *, void *);")
local time = ffi.new("time_of_day")
local LENGTH = 64
local threads = {}
local requests, at, seen, from, to = {}, 0, 0, 0, 0
counted = 0
wrong = 0
reason = ""

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  for line in io.lines(args[1]) do
    local path, id, trace, cookie = line:match("^(%S+) (%S+) (%S+) (%S+)$")
    requests[#requests + 1] = table.concat({
      "GET ", path, " HTTP/1.1\r\nhost: bench.shop\r\nuser-agent: wrk\r\naccept: */*\r\nx-request-id: ", id,
      "\r\ntraceparent: ", trace, "\r\ncookie: ", cookie, "\r\n\r\n" })
  end
  from, to = tonumber(args[2]), tonumber(args[3])
  math.randomseed(os.time())
  at = math.random(#requests)
end

function request()
  at = at % #requests + 1
  return requests[at]
end

local function adler32(text)
  local low, high = 1, 0
  for index = 1, #text do
    low = (low + text:byte(index)) % 65521
    high = (high + low) % 65521
  end
  return high * 65536 + low
end

local function now()
  ffi.C.gettimeofday(time, nil)
  return tonumber(time.seconds) * 1000 + tonumber(time.micros) / 1000
end

function response(status, headers, body)
  seen = seen + 1
  local moment = now()
  if moment >= from and moment < to then counted = counted + 1 end
  if status ~= 200 or #body ~= LENGTH then
    wrong = wrong + 1
    reason = "status " .. status .. ", length " .. #body
  elseif seen % 8 == 0 and adler32(body) ~= tonumber(headers["x-checksum"]) then
    wrong = wrong + 1
    reason = "checksum"
  end
end

function done(summary, latency, _)
  local bad, why, count = 0, "", 0
  for _, thread in ipairs(threads) do
    bad = bad + thread:get("wrong")
    why = thread:get("reason")
    count = count + thread:get("counted")
  end
  local errors = summary.errors
  io.write(string.format(
    '\nRESULT {"count":%d,"errors":%d,"p50Ms":%.4f,"p95Ms":%.4f,"p99Ms":%.4f,"reason":"%s"}\n',
    count, errors.connect + errors.read + errors.write + errors.timeout + bad,
    latency:percentile(50) / 1000, latency:percentile(95) / 1000, latency:percentile(99) / 1000, why))
end
