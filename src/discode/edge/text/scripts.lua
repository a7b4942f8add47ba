-- What of the edge's work HAProxy's own rules cannot say. Loaded once by each worker, shared by its threads.

local modes = Map.new(os.getenv("DISCODE_EDGE_MODES"), Map._str)
local rates = Map.new(os.getenv("DISCODE_EDGE_RATES"), Map._str)
local rollouts = Map.new(os.getenv("DISCODE_EDGE_ROLLOUTS"), Map._str)

-- Hold: requests of a paused service wait until it is resumed, or for as long as the mode says:
-- "paused:<milliseconds>". They are let go one after another, at the service's rate, not all at once.

local last_let_go = {}  -- by service, in milliseconds of this worker's clock

local function milliseconds()
    local now = core.now()
    return now.sec * 1000 + now.usec / 1000
end

local function my_turn(service)
    local gap = 1000 / (tonumber(rates:lookup(service)) or 200)
    local now = milliseconds()
    local turn = math.max(now, (last_let_go[service] or 0) + gap)
    last_let_go[service] = turn
    return math.floor(turn - now)
end

core.register_action("hold", {"http-req"}, function(txn)
    local service, began = txn:get_var("txn.service"), milliseconds()
    while true do
        local longest = string.match(modes:lookup(service) or "", "^paused:(%d+)$")
        if longest == nil then break end
        if milliseconds() - began >= tonumber(longest) then txn:set_var("txn.held", "too long"); return end
        core.msleep(10)
    end
    if modes:lookup(service) == "running" then
        local wait = my_turn(service)
        if wait > 0 then core.msleep(wait) end
    end
end, 0)

-- Rollout: who has the cookie is on the new side by the FNV-1a hash of its value, or by name. The map has the highest
-- hash that is in, and an entry for each value that is always in: "shop 2147483647", "shop=vip in".

local function fnv1a(text)
    local hash = 2166136261
    for position = 1, #text do
        hash = ((hash ~ string.byte(text, position)) * 16777619) & 0xffffffff
    end
    return hash
end

core.register_action("rollout", {"http-req"}, function(txn)
    local service = txn:get_var("txn.service")
    local highest, value = tonumber(rollouts:lookup(service)), txn:get_var("txn.cookie") or ""
    value = string.match(value, '^"(.*)"$') or value
    if highest == nil or value == "" then return end
    if rollouts:lookup(service .. "=" .. value) or fnv1a(value) <= highest then
        txn:set_var("txn.pool", service .. ":rollout")
    end
end, 0)

-- Join: the hops that several lines tell, as one line.

core.register_action("join", {"http-req"}, function(txn)
    local lines, found = txn.http:req_get_headers()["x-forwarded-for"], {}
    for number = 0, #lines do
        if string.find(lines[number], "%S") then found[#found + 1] = lines[number] end
    end
    txn.http:req_set_header("x-forwarded-for", table.concat(found, ", "))
end, 0)

-- Hop: headers that Connection names are for the next hop alone. Those that say how long a body is, and for whom it is,
-- are never (RFC 9110, 7.6.1). Of Connection itself an upgrade stays.

local KEPT = {host = true, ["content-length"] = true, ["transfer-encoding"] = true, upgrade = true, te = true}

local function hop(get, delete, set, may_upgrade)
    return function(txn)
        local upgrades, lines = false, get(txn.http)["connection"]
        for number = 0, #lines do
            for name in string.gmatch(string.lower(lines[number]), "[^%s,]+") do
                upgrades = upgrades or name == "upgrade"
                if not KEPT[name] then delete(txn.http, name) end
            end
        end
        local to = get(txn.http)["upgrade"]
        if upgrades and to and may_upgrade(txn, string.lower(to[0])) then
            set(txn.http, "connection", "Upgrade")
        else
            delete(txn.http, "connection")
        end
    end
end

core.register_action("hop", {"http-req"}, hop(
    function(part) return part:req_get_headers() end,
    function(part, name) part:req_del_header(name) end,
    function(part, name, value) part:req_set_header(name, value) end,
    function(_, to) return not string.find(to, "^h2c") end
), 0)
core.register_action("hop", {"http-res"}, hop(
    function(part) return part:res_get_headers() end,
    function(part, name) part:res_del_header(name) end,
    function(part, name, value) part:res_set_header(name, value) end,
    function(txn) return tostring(txn.f:status()) == "101" end
), 0)

-- Whole: is the body of a request here, so that the wait for its answer begins? The rest of a small one is on its way
-- when the header comes, and is awaited for a moment. `Expect`: the target is to say first whether it wants it.

local LARGEST, MOMENT = 65536, 250  -- bytes, milliseconds

core.register_action("whole", {"http-req"}, function(txn)
    local length = txn.f:req_fhdr("content-length")
    local has_none = length == nil and txn.f:req_ver() ~= "2.0" and txn.f:req_fhdr("transfer-encoding") == nil
    local size = has_none and 0 or tonumber(length)
    if size == nil or size > LARGEST then return end
    for _ = 1, txn.f:req_fhdr("expect") and 1 or MOMENT // 5 do
        if txn.f:req_body_len() >= size then txn:set_var("txn.whole", true); return end
        core.msleep(5)
    end
end, 0)

-- Answer: the wait for it, with a look every 200 ms. A target has as many milliseconds as `txn.patience` says; HAProxy
-- counts by itself when there is none. At the end of a drain a request whose answer has not begun is answered with 504.
-- HAProxy's `shutdown sessions` closes its connection without a word: 3.0.11 and versions of its age always, 2.6 when the
-- connection to the target had served a request before.

local LOOK = 200
local cuts = Map.new(os.getenv("DISCODE_EDGE_CUTS"), Map._str)
local pages = os.getenv("DISCODE_EDGE_PAGES")

local function page_of(service)
    local file = io.open(pages .. "/" .. service .. "/504.http") or io.open(pages .. "/504.http")
    local text = file and file:read("a") or ""
    if file then file:close() end
    return string.match(text, "\r\n\r\n(.*)$") or ""
end

local function is_cut(backend, server)
    -- The second: another version may serve in the same backend.
    return cuts:lookup(backend) == "yes" and cuts:lookup(backend .. "/" .. server)
end

local function too_late(txn)
    return txn:reply{
        status = 504, reason = "Gateway Timeout", body = page_of(string.match(txn.f:be_name(), "^[^:]+")),
        headers = {["content-type"] = {"text/html; charset=utf-8"}, ["cache-control"] = {"no-cache"}},
    }
end

local function begin(txn)
    local patience = txn:get_var("txn.patience")
    local wait = {deadline = patience and milliseconds() + patience or math.huge}
    txn:set_priv(wait)
    return wait
end

core.register_action("answer", {"tcp-res"}, function(txn)
    if txn.f:res_len() > 0 then return act.CONTINUE end
    -- The target has closed, or the target timeout is over. When its client has closed before, that is why.
    if not txn.res:may_recv() then
        if txn.req:may_recv() then return act.CONTINUE end
        txn:done(txn:reply{status = 499, reason = "Client Closed Request"})
    end
    local wait, now = txn:get_priv(), milliseconds()
    -- Before its time: the next rule tells an answer that is no HTTP, which cannot be seen here, from none.
    if wait and now < wait.look - 2 then return act.CONTINUE end
    wait = wait or begin(txn)
    local rest = math.ceil(math.min(wait.deadline - now, LOOK))
    if rest <= 0 or is_cut(txn.f:be_name(), txn.f:srv_name()) then txn:done(too_late(txn)) end
    wait.look = now + rest
    act.wake_time(rest)
    return act.YIELD
end)

-- Limit: bodies without a length are counted as they pass. What is over the limit ends there: only an error stops a
-- transaction here, a return value does not.

local Limit = {id = "limit", flags = filter.FLT_CFG_FL_HTX}

-- Once for each line of the configuration, and of that one again for each request.
function Limit:new()
    self.__index = self
    return setmetatable({request = 0, response = 0}, self)
end

function Limit:start_analyze(txn, channel)
    if self:of(channel) > 0 then filter.register_data_filter(self, channel) end
end

function Limit:of(channel)
    return channel:is_resp() and self.most_response or self.most_request
end

function Limit:http_payload(txn, message)
    local side = message.channel:is_resp() and "response" or "request"
    self[side] = self[side] + (message:input() or 0)
    -- The end of a body counts as one.
    if self[side] > self:of(message.channel) + 1 and not (side == "response" and txn:get_var("txn.streamed")) then
        error(side .. " over the limit", 0)
    end
end

core.register_filter("limit", Limit, function(made, sizes)
    made.most_request, made.most_response = tonumber(sizes[1]), tonumber(sizes[2])
    return made
end)

-- Metrics: counted when an answer's header leaves, told as kamal-proxy tells them.

local BUCKETS = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}
local METHODS = {GET = 1, HEAD = 1, POST = 1, PUT = 1, PATCH = 1, DELETE = 1, CONNECT = 1, OPTIONS = 1, TRACE = 1}
local series = {}

core.register_fetches("count", function(txn)
    local method = txn:get_var("txn.method") or ""
    if not METHODS[method] then method = "OTHER" end
    local labels = string.format('service="%s",method="%s",status="%s"',
        txn:get_var("txn.service") or "", method, txn:get_var("txn.status") or "")
    local one = series[labels]
    if one == nil then
        one = {count = 0, sum = 0, buckets = {}}
        for number = 1, #BUCKETS do one.buckets[number] = 0 end
        series[labels] = one
    end
    local seconds = math.max(0, (milliseconds() - (tonumber(txn:get_var("txn.began")) or milliseconds())) / 1000)
    one.count, one.sum = one.count + 1, one.sum + seconds
    for number = #BUCKETS, 1, -1 do
        if seconds > BUCKETS[number] then break end
        one.buckets[number] = one.buckets[number] + 1
    end
    return ""
end)

local function in_flight()
    local counts = {}
    for name, proxy in pairs(core.backends) do
        local service = string.match(name, "^([^:]+):")
        if service then counts[service] = (counts[service] or 0) + (tonumber(proxy:get_stats().scur) or 0) end
    end
    return counts
end

local function exposition()
    local total, duration, flying = {}, {}, {}
    for labels, one in pairs(series) do
        total[#total + 1] = string.format("kamal_proxy_http_requests_total{%s} %d\n", labels, one.count)
        local name = "kamal_proxy_http_request_duration_seconds"
        for number, bound in ipairs(BUCKETS) do
            duration[#duration + 1] = string.format('%s_bucket{%s,le="%g"} %d\n', name, labels, bound, one.buckets[number])
        end
        duration[#duration + 1] = string.format('%s_bucket{%s,le="+Inf"} %d\n', name, labels, one.count)
        duration[#duration + 1] = string.format("%s_sum{%s} %.6f\n", name, labels, one.sum)
        duration[#duration + 1] = string.format("%s_count{%s} %d\n", name, labels, one.count)
    end
    for service, count in pairs(in_flight()) do
        flying[#flying + 1] = string.format('kamal_proxy_http_in_flight_requests{service="%s"} %d\n', service, count)
    end
    table.sort(total)
    table.sort(flying)
    return "# HELP kamal_proxy_http_requests_total HTTP requests, by service, method and status.\n"
        .. "# TYPE kamal_proxy_http_requests_total counter\n" .. table.concat(total)
        .. "# HELP kamal_proxy_http_request_duration_seconds Time to the header of the answer.\n"
        .. "# TYPE kamal_proxy_http_request_duration_seconds histogram\n" .. table.concat(duration)
        .. "# HELP kamal_proxy_http_in_flight_requests HTTP requests under way, by service.\n"
        .. "# TYPE kamal_proxy_http_in_flight_requests gauge\n" .. table.concat(flying)
end

core.register_service("metrics", "http", function(applet)
    local body = exposition()
    applet:set_status(200)
    applet:add_header("content-type", "text/plain; version=0.0.4; charset=utf-8")
    applet:add_header("content-length", tostring(#body))
    applet:start_response()
    applet:send(body)
end)
