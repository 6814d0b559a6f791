-- HAProxy's question to the edge's `forward_auth`: `http-request lua.icemint`. Only a 200 lets a request pass.
local VERIFY = "http://127.0.0.1:8192/verify"
local IDENTITY = {
  "x-icemint-subject", "x-icemint-client", "x-icemint-actors", "x-icemint-scope", "x-icemint-session",
}

-- The fields that the edge decides by: tokens, and whatever a service may take for an identity header.
local function asked(txn)
  local sent = { ["x-forwarded-uri"] = { txn.f:pathq() } }
  for name, values in pairs(txn.http:req_get_headers()) do
    if name == "authorization" or name:find("^x.icemint.") then
      sent[name] = {}
      for index = 0, #values do table.insert(sent[name], values[index]) end
    end
  end
  return sent
end

core.register_action("icemint", { "http-req" }, function(txn)
  local answer = core.httpclient():get({ url = VERIFY, headers = asked(txn), timeout = 1000 })
  if answer ~= nil and answer.status == 200 then
    for _, name in ipairs(IDENTITY) do txn.http:req_set_header(name, answer.headers[name][0]) end
    return
  end
  local reply = txn:reply({ status = 503, reason = "Service Unavailable" })
  if answer ~= nil and answer.status >= 400 then
    reply = txn:reply({ status = answer.status, reason = answer.reason, body = answer.body })
    for _, name in ipairs({ "www-authenticate", "retry-after", "content-type" }) do
      if answer.headers[name] ~= nil then reply:add_header(name, answer.headers[name][0]) end
    end
  end
  txn:done(reply)
end)
